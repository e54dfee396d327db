//! Everybody in a room, found by whatever names them.

use std::collections::{BTreeMap, HashMap};

use crate::id::{ParticipantId, Secret};
use crate::participant::{AttachmentId, Participant};

/// Everybody in a room, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Participants {
    arrivals: u64,
    by_arrival: BTreeMap<u64, Participant>,
    by_id: HashMap<ParticipantId, u64>,
    by_attachment: HashMap<AttachmentId, ParticipantId>,
    by_identity: HashMap<String, ParticipantId>,
    by_secret: HashMap<Secret, ParticipantId>,
}

impl Participants {
    pub(crate) fn len(&self) -> usize {
        self.by_arrival.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_arrival.is_empty()
    }

    /// Its identity, its attachment and its secret must be free.
    pub(crate) fn insert(&mut self, participant: Participant) {
        self.arrivals += 1;
        self.by_id.insert(participant.id, self.arrivals);
        if let Some(attachment) = participant.attachment {
            self.by_attachment.insert(attachment, participant.id);
        }
        self.by_identity.insert(participant.identity.clone(), participant.id);
        self.by_secret.insert(participant.resume, participant.id);
        self.by_arrival.insert(self.arrivals, participant);
    }

    pub(crate) fn remove(&mut self, id: ParticipantId) -> Option<Participant> {
        let participant = self.by_arrival.remove(&self.by_id.remove(&id)?)?;
        if let Some(attachment) = participant.attachment {
            self.by_attachment.remove(&attachment);
        }
        self.by_identity.remove(&participant.identity);
        self.by_secret.remove(&participant.resume);
        Some(participant)
    }

    /// Gives a participant another attachment; returns the one that it had.
    pub(crate) fn attach(
        &mut self,
        id: ParticipantId,
        attachment: AttachmentId,
    ) -> Option<AttachmentId> {
        let older = self.get_mut(id)?.attachment.replace(attachment);
        if let Some(older) = older {
            self.by_attachment.remove(&older);
        }
        self.by_attachment.insert(attachment, id);
        older
    }

    /// Takes note that an attachment is gone; returns whose it was.
    pub(crate) fn detach(&mut self, attachment: AttachmentId) -> Option<ParticipantId> {
        let id = self.by_attachment.remove(&attachment)?;
        self.get_mut(id)?.attachment = None;
        Some(id)
    }

    pub(crate) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.by_arrival.get(self.by_id.get(&id)?)
    }

    pub(crate) fn get_mut(&mut self, id: ParticipantId) -> Option<&mut Participant> {
        self.by_arrival.get_mut(self.by_id.get(&id)?)
    }

    pub(crate) fn with_attachment(&self, attachment: AttachmentId) -> Option<ParticipantId> {
        self.by_attachment.get(&attachment).copied()
    }

    pub(crate) fn with_identity(&self, identity: &str) -> Option<ParticipantId> {
        self.by_identity.get(identity).copied()
    }

    pub(crate) fn with_secret(&self, secret: Secret) -> Option<ParticipantId> {
        self.by_secret.get(&secret).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Participant> {
        self.by_arrival.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Participant> {
        self.by_arrival.values_mut()
    }
}
