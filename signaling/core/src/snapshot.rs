//! A room at one place in its journal: what a newcomer gets, and whoever lost its place. A participant
//! has a [`Snapshot`], an observer an [`Overview`].

use serde::{Deserialize, Serialize};

use crate::info::{Binding, ChatMessage, GrantsInfo, ParticipantInfo, Retained, RoomInfo, Waiting};

/// Everything that a participant may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// The room.
    pub room: RoomInfo,
    /// The reader itself.
    pub participant: ParticipantInfo,
    /// The others, in the order they came.
    pub participants: Vec<ParticipantInfo>,
    /// What the reader may do.
    pub grants: GrantsInfo,
    /// Which tracks flow to the reader, and where.
    pub bindings: Vec<Binding>,
    /// The newest chat messages that are for the reader, oldest first.
    pub chat: Vec<ChatMessage>,
    /// Who waits in the lobby, first come first; empty for those who do not steer the room.
    pub waiting: Vec<Waiting>,
    /// The topics that have a value, in the order of their names.
    pub retained: Vec<Retained>,
    /// Events after this place are not in it yet: `epoch.seq`.
    pub cursor: String,
}

/// Everything that an observer may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Overview {
    /// The room.
    pub room: RoomInfo,
    /// Those whom the others know of, in the order they came.
    pub participants: Vec<ParticipantInfo>,
    /// The topics that have a value, in the order of their names.
    pub retained: Vec<Retained>,
    /// Events after this place are not in it yet: `epoch.seq`.
    pub cursor: String,
}
