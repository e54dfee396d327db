//! Who is in a room: grants, attachment, media session, tracks.

use std::collections::{BTreeMap, HashMap};

use crate::event::{IceServer, ParticipantInfo, Role, TrackInfo};
use crate::grants::Grants;
use crate::id::{ParticipantId, TrackId};
use crate::interest::Interest;
use crate::media::MediaRequest;
use crate::publication::Publication;

/// One live door held by a participant: a WebSocket, a WHIP session. The shell chooses the number and
/// never uses it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttachmentId(pub u64);

/// Somebody who may come in: what the token said, and what the door knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Who it is. One participant per identity and room: the newest wins.
    pub identity: String,
    /// The display name; the identity stands in for an empty one.
    pub name: String,
    /// Free text.
    pub metadata: String,
    /// Free key-value pairs.
    pub attributes: BTreeMap<String, String>,
    /// What it may do.
    pub grants: Grants,
    /// A guest of an open room. The one who has been there longest steers the room while nobody
    /// else does.
    pub guest: bool,
    /// The door answers one offer and reads no events (WHIP, WHEP): who comes by it cannot recover
    /// from the loss of its media session, and leaves.
    pub headless: bool,
    /// What it is subscribed to, as far as its grants allow receiving.
    pub interest: Interest,
    /// The ICE servers made out to it.
    pub ice_servers: Vec<IceServer>,
}

/// Where a participant's peer connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// The media plane has none: before the first offer, and after a failure.
    Closed,
    /// The media plane has one and has not answered an offer yet.
    Opened,
    /// An offer was answered: subscriptions may flow.
    Negotiated,
}

/// A request that waits for the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Who gets the reply.
    pub(crate) asker: Asker,
    /// What it waits for.
    pub(crate) what: Awaited,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The answer to an offer.
    Answer,
    /// The word that an m-line can be a track.
    Track(Publication),
}

/// Where a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) attachment: AttachmentId,
    pub(crate) request: u64,
}

/// A slot that carries a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Whose track it is.
    pub(crate) publisher: ParticipantId,
    pub(crate) mid: String,
    pub(crate) bind: u64,
}

/// One identity in the room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) identity: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) joined_at: u64,
    pub(crate) grants: Grants,
    pub(crate) guest: bool,
    pub(crate) headless: bool,
    pub(crate) interest: Interest,
    /// `None` when its socket is gone.
    pub(crate) attachment: Option<AttachmentId>,
    pub(crate) session: Session,
    /// Oldest first.
    pub(crate) tracks: Vec<Publication>,
    /// What has been asked of the media plane, oldest first.
    pub(crate) pending: BTreeMap<MediaRequest, Pending>,
    /// The slots in use, by the track they carry.
    pub(crate) bindings: BTreeMap<TrackId, Binding>,
}

impl Participant {
    /// As the others see it.
    pub(crate) fn info(&self) -> ParticipantInfo {
        ParticipantInfo {
            id: self.id,
            identity: self.identity.clone(),
            name: self.name.clone(),
            role: self.role,
            metadata: self.metadata.clone(),
            attributes: self.attributes.clone(),
            joined_at: self.joined_at,
            tracks: self.tracks.iter().map(|track| track.info.clone()).collect(),
        }
    }

    /// Whether the others know of it.
    pub(crate) fn is_visible(&self) -> bool {
        !self.grants.hidden
    }

    /// Whether the tracks of `publisher` are to flow to it, once it can receive.
    pub(crate) fn wants(&self, publisher: &Participant) -> bool {
        self.id != publisher.id
            && self.grants.can_subscribe
            && self.interest.wants(&publisher.identity)
    }

    pub(crate) fn track_mut(&mut self, track: TrackId) -> Option<&mut TrackInfo> {
        self.tracks
            .iter_mut()
            .map(|publication| &mut publication.info)
            .find(|info| info.id == track)
    }

    /// Its tracks, and those that the media plane is still looking at.
    pub(crate) fn publications(&self) -> impl Iterator<Item = &Publication> {
        let awaited = self.pending.values().filter_map(|pending| match &pending.what {
            Awaited::Track(publication) => Some(publication),
            Awaited::Answer => None,
        });
        self.tracks.iter().chain(awaited)
    }
}

/// Everybody in a room, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Participants {
    arrivals: u64,
    by_arrival: BTreeMap<u64, Participant>,
    by_id: HashMap<ParticipantId, u64>,
    by_attachment: HashMap<AttachmentId, ParticipantId>,
    by_identity: HashMap<String, ParticipantId>,
}

impl Participants {
    pub(crate) fn len(&self) -> usize {
        self.by_arrival.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_arrival.is_empty()
    }

    /// Its identity and its attachment must be free.
    pub(crate) fn insert(&mut self, participant: Participant) {
        self.arrivals += 1;
        self.by_id.insert(participant.id, self.arrivals);
        if let Some(attachment) = participant.attachment {
            self.by_attachment.insert(attachment, participant.id);
        }
        self.by_identity.insert(participant.identity.clone(), participant.id);
        self.by_arrival.insert(self.arrivals, participant);
    }

    pub(crate) fn remove(&mut self, id: ParticipantId) -> Option<Participant> {
        let participant = self.by_arrival.remove(&self.by_id.remove(&id)?)?;
        if let Some(attachment) = participant.attachment {
            self.by_attachment.remove(&attachment);
        }
        self.by_identity.remove(&participant.identity);
        Some(participant)
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Participant> {
        self.by_arrival.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Participant> {
        self.by_arrival.values_mut()
    }
}
