//! Those who wait before a room until somebody lets them in.

use crate::id::ParticipantId;
use crate::info::Waiting;
use crate::participant::{Admission, AttachmentId};

/// Somebody at the door.
#[derive(Debug)]
pub(crate) struct Knock {
    /// The participant that it will be.
    pub(crate) id: ParticipantId,
    pub(crate) attachment: AttachmentId,
    pub(crate) admission: Admission,
    /// Milliseconds since 1970 (UTC).
    pub(crate) since: u64,
}

/// First come first.
#[derive(Debug, Default)]
pub(crate) struct Lobby {
    knocks: Vec<Knock>,
}

impl Lobby {
    pub(crate) fn len(&self) -> usize {
        self.knocks.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.knocks.is_empty()
    }

    pub(crate) fn push(&mut self, knock: Knock) {
        self.knocks.push(knock);
    }

    pub(crate) fn with_attachment(&self, attachment: AttachmentId) -> Option<&Knock> {
        self.knocks.iter().find(|knock| knock.attachment == attachment)
    }

    pub(crate) fn get(&self, id: ParticipantId) -> Option<&Knock> {
        self.knocks.iter().find(|knock| knock.id == id)
    }

    pub(crate) fn take(&mut self, id: ParticipantId) -> Option<Knock> {
        let at = self.knocks.iter().position(|knock| knock.id == id)?;
        Some(self.knocks.remove(at))
    }

    pub(crate) fn take_identity(&mut self, identity: &str) -> Option<Knock> {
        let at = self.knocks.iter().position(|knock| knock.admission.identity == identity)?;
        Some(self.knocks.remove(at))
    }

    pub(crate) fn take_all(&mut self) -> Vec<Knock> {
        std::mem::take(&mut self.knocks)
    }

    /// As moderators see it.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let waiting = |knock: &Knock| {
            let Admission { identity, name, .. } = &knock.admission;
            Waiting {
                id: knock.id,
                identity: identity.clone(),
                name: if name.is_empty() { identity.clone() } else { name.clone() },
                since: knock.since,
            }
        };
        self.knocks.iter().map(waiting).collect()
    }
}
