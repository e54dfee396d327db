//! One identity in a room: who it is, what it may do, its attachment, its media session, its tracks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::grants::Grants;
use crate::id::{ParticipantId, Secret, TrackId};
use crate::info::{Binding, IceServer, ParticipantInfo, Role, TrackInfo};
use crate::interest::{Interest, Wants};
use crate::media::MediaRequest;
use crate::outcomes::Outcomes;
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
    /// The key that signed its token: with the identity it is what a removal bars.
    pub issuer: String,
    /// When the token ends: seconds since 1970 (UTC).
    pub expires_at: u64,
    /// What it gave as the room's password.
    pub password: Option<String>,
    /// Opens the way back after a lost connection. Random.
    pub resume: Secret,
    /// The room that a moderator moved it from. Whoever was moved passes lock, lobby and password.
    pub moved_from: Option<String>,
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

/// A request that is answered later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Who gets the reply.
    pub(crate) asker: Asker,
    /// What it waits for.
    pub(crate) what: Awaited,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The media plane's answer to an offer.
    Answer(MediaRequest),
    /// The media plane's word that an m-line can be a track.
    Track(MediaRequest, Publication),
    /// Another room's word that it has taken this participant in.
    Move(ParticipantId),
}

impl Awaited {
    /// What the media plane was asked with, if it is what is waited for.
    pub(crate) fn media_request(&self) -> Option<MediaRequest> {
        match self {
            Awaited::Answer(request) | Awaited::Track(request, _) => Some(*request),
            Awaited::Move(_) => None,
        }
    }
}

/// Where a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asker {
    pub(crate) attachment: AttachmentId,
    pub(crate) request: u64,
}

/// One identity in the room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) issuer: String,
    pub(crate) identity: String,
    /// When its token ends: seconds since 1970 (UTC).
    pub(crate) expires_at: u64,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// A moderator took the right to steer from it: in an election it comes last.
    pub(crate) is_demoted: bool,
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) joined_at: u64,
    /// What the journal had come to when it joined: it may not read further back.
    pub(crate) joined_after: u64,
    /// Its place among the raised hands.
    pub(crate) hand: Option<u64>,
    pub(crate) grants: Grants,
    pub(crate) guest: bool,
    pub(crate) headless: bool,
    pub(crate) moved_from: Option<String>,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) wants: Wants,
    /// The topics of data messages that it listens to.
    pub(crate) topics: BTreeSet<String>,
    /// `None` while its connection is lost.
    pub(crate) attachment: Option<AttachmentId>,
    /// When it leaves, unless it comes back before.
    pub(crate) lease_ends: Option<Duration>,
    /// Opens the way back after a lost connection.
    pub(crate) resume: Secret,
    /// The attachment that is being given to another room.
    pub(crate) moving: Option<AttachmentId>,
    /// What it asked and has no reply to, oldest first.
    pub(crate) pending: Vec<Pending>,
    /// What came of the requests before.
    pub(crate) outcomes: Outcomes,
    pub(crate) session: Session,
    /// Oldest first.
    pub(crate) tracks: Vec<Publication>,
    /// The slots in use, by the track they carry.
    pub(crate) bindings: BTreeMap<TrackId, Binding>,
}

impl Participant {
    /// Whoever `admission` lets in, by `attachment`, after the journal's event `joined_after`.
    pub(crate) fn new(
        id: ParticipantId,
        admission: Admission,
        attachment: AttachmentId,
        role: Role,
        joined_at: u64,
        joined_after: u64,
    ) -> Self {
        let Admission { identity, name, .. } = admission;
        Participant {
            id,
            issuer: admission.issuer,
            expires_at: admission.expires_at,
            name: if name.is_empty() { identity.clone() } else { name },
            identity,
            role,
            is_demoted: false,
            metadata: admission.metadata,
            attributes: admission.attributes,
            joined_at,
            joined_after,
            hand: None,
            grants: admission.grants,
            guest: admission.guest,
            headless: admission.headless,
            moved_from: admission.moved_from,
            ice_servers: admission.ice_servers,
            wants: Wants::new(admission.interest),
            topics: BTreeSet::new(),
            attachment: Some(attachment),
            lease_ends: None,
            resume: admission.resume,
            moving: None,
            pending: Vec::new(),
            outcomes: Outcomes::default(),
            session: Session::Closed,
            tracks: Vec::new(),
            bindings: BTreeMap::new(),
        }
    }

    /// With what it comes into another room, as it is now.
    pub(crate) fn admission(&self, moved_from: String) -> Admission {
        Admission {
            identity: self.identity.clone(),
            name: self.name.clone(),
            metadata: self.metadata.clone(),
            attributes: self.attributes.clone(),
            grants: self.grants.clone(),
            guest: self.guest,
            headless: self.headless,
            interest: self.wants.interest().clone(),
            ice_servers: self.ice_servers.clone(),
            issuer: self.issuer.clone(),
            expires_at: self.expires_at,
            password: None,
            resume: self.resume,
            moved_from: Some(moved_from),
        }
    }

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
            hand: self.hand,
            tracks: self.tracks.iter().map(|track| track.info.clone()).collect(),
        }
    }

    /// Whether the others know of it.
    pub(crate) fn is_visible(&self) -> bool {
        !self.grants.hidden
    }

    /// Whether it steers the room.
    pub(crate) fn is_moderator(&self) -> bool {
        self.role == Role::Moderator
    }

    /// Whether a track of `publisher` is to flow to it, once it can receive.
    pub(crate) fn wants(&self, publisher: &Participant, track: TrackId) -> bool {
        self.id != publisher.id
            && self.grants.can_subscribe
            && self.wants.wants(track, &publisher.identity)
    }

    pub(crate) fn track(&self, track: TrackId) -> Option<&TrackInfo> {
        self.tracks.iter().map(|publication| &publication.info).find(|info| info.id == track)
    }

    pub(crate) fn track_mut(&mut self, track: TrackId) -> Option<&mut TrackInfo> {
        self.tracks
            .iter_mut()
            .map(|publication| &mut publication.info)
            .find(|info| info.id == track)
    }

    /// Its tracks, and those that the media plane is still looking at.
    pub(crate) fn publications(&self) -> impl Iterator<Item = &Publication> {
        let awaited = self.pending.iter().filter_map(|pending| match &pending.what {
            Awaited::Track(_, publication) => Some(publication),
            Awaited::Answer(_) | Awaited::Move(_) => None,
        });
        self.tracks.iter().chain(awaited)
    }
}
