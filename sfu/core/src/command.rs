//! What the outside may ask of an [`Engine`](crate::Engine).

use crate::event::MediaKind;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);
    };
}

key!(
    /// A room, by a number of the caller's choosing. Its media half here is a router.
    RoomKey
);
key!(
    /// A session (one peer connection), by a number of the caller's choosing.
    SessionKey
);
key!(
    /// A published track, by a number of the caller's choosing.
    TrackKey
);
key!(
    /// A member's link, by a number of the caller's choosing that is never used again.
    LinkKey
);
key!(
    /// A bulk stream, by a number of the caller's choosing that is never used again.
    BulkKey
);
key!(
    /// Matches an answer to a command.
    RequestKey
);

/// Tracks that are played in sync. A receiver gets a group on one pair of m-lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    /// The publishing session.
    pub session: SessionKey,
    /// Tells several groups of one session apart.
    pub index: u8,
}

/// What the outside may ask. All commands of one room go to one engine, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make ready for a session.
    Open {
        /// The session.
        session: SessionKey,
    },
    /// Take an SDP offer; [`Event::Answered`](crate::Event::Answered) follows.
    Offer {
        /// The session.
        session: SessionKey,
        /// The offer.
        sdp: String,
        /// Comes back with the answer.
        request: RequestKey,
    },
    /// Take a trickled candidate of the remote side (RFC 8839 §5.1, without `a=`).
    Candidate {
        /// The session.
        session: SessionKey,
        /// The candidate.
        candidate: String,
    },
    /// Make an m-line's media a track; [`Event::Published`](crate::Event::Published) follows.
    Publish {
        /// The publishing session.
        session: SessionKey,
        /// The new track.
        track: TrackKey,
        /// The m-line.
        mid: String,
        /// What the m-line must carry.
        kind: MediaKind,
        /// Kept in sync with the others of the group.
        group: Group,
        /// Comes back with the outcome.
        request: RequestKey,
    },
    /// End a track with its subscriptions.
    Unpublish {
        /// The track.
        track: TrackKey,
    },
    /// Forward nothing of a track while `muted`.
    Mute {
        /// The track.
        track: TrackKey,
        /// The state wanted.
        muted: bool,
    },
    /// Let a track flow to a session; [`Event::Bound`](crate::Event::Bound) tells where, now or
    /// when a slot is free.
    Subscribe {
        /// The receiver.
        session: SessionKey,
        /// The track.
        track: TrackKey,
    },
    /// Stop a track flowing to a session.
    Unsubscribe {
        /// The receiver.
        session: SessionKey,
        /// The track.
        track: TrackKey,
    },
    /// Tell in how many device pixels a receiver shows a track's video. 0 x 0: nobody sees it,
    /// and nothing of it is sent. Of several encodings (simulcast) the smallest that fills it is
    /// chosen, if the codec tells their sizes. Until told, the best is.
    Viewport {
        /// The receiver.
        session: SessionKey,
        /// The track.
        track: TrackKey,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Count a member of the room in, with a session or without: data messages are for it from now
    /// on. Said again, it changes what the member may do.
    Admit {
        /// The member. A session with the same key is its session.
        member: SessionKey,
        /// Whether what it sends on its data channels is relayed.
        may_send: bool,
    },
    /// Replace the topics that a member listens to.
    Listen {
        /// The member.
        member: SessionKey,
        /// All of its topics.
        topics: Vec<String>,
    },
    /// From now on a member's data messages come and go by a link and not by its data channels. A link
    /// that it had is over.
    Link {
        /// The member, which may be admitted later.
        member: SessionKey,
        /// The link.
        link: LinkKey,
    },
    /// A link is no more; void if the member has another one by now.
    Unlink {
        /// The member.
        member: SessionKey,
        /// The link.
        link: LinkKey,
    },
    /// Count a member of the room out. Its link is over; its session, if any, is for
    /// [`Command::Close`] to end.
    Dismiss {
        /// The member.
        member: SessionKey,
    },
    /// Tell how the room's sessions have fared since this was asked last;
    /// [`Event::Measured`](crate::Event::Measured) follows.
    Measure,
    /// End a session with its tracks and subscriptions. The member stays in the room.
    Close {
        /// The session.
        session: SessionKey,
    },
}
