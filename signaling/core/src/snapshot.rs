//! A room as it is at one place in its journal: what a newcomer gets, and whoever lost its place.

use serde::{Deserialize, Serialize};

use crate::event::{ParticipantInfo, RoomInfo};

/// Everything that anybody inside may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The room.
    pub room: RoomInfo,
    /// Who is there, in the order they came.
    pub participants: Vec<ParticipantInfo>,
    /// Events after this place are not in it yet: `epoch.seq`.
    pub cursor: String,
}
