//! What a room keeps to: its times and limits.

use std::time::Duration;

use crate::info::Limits;

/// What a room keeps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The room ends when nobody was in it for that long.
    pub empty_timeout: Duration,
    /// Participants at a time, the hidden included.
    pub max_participants: usize,
    /// With more participants than that, coming and going is told together, once a second.
    pub coalesce_above: usize,
    /// Tracks that one participant may publish at a time.
    pub max_tracks_per_participant: usize,
    /// Requests of one participant that may wait for the media plane at a time.
    pub max_pending_per_participant: usize,
    /// Bytes of JSON that the journal keeps.
    pub journal_bytes: usize,
    /// How long the journal keeps an event.
    pub journal_age: Duration,
    /// How long a participant whose connection is gone keeps its place.
    pub lease: Duration,
    /// Chat messages that a newcomer gets to read.
    pub chat_history: usize,
    /// Bytes of text in them, in all.
    pub chat_history_bytes: usize,
    /// Those who may wait in the lobby at a time.
    pub max_waiting: usize,
    /// What clients are told to keep to. The room itself checks the sizes of descriptions and chat
    /// texts; the doors check frames.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            empty_timeout: Duration::from_secs(60),
            max_participants: 300,
            coalesce_above: 100,
            max_tracks_per_participant: 16,
            max_pending_per_participant: 32,
            journal_bytes: 1024 * 1024,
            journal_age: Duration::from_secs(120),
            lease: Duration::from_secs(30),
            chat_history: 100,
            chat_history_bytes: 64 * 1024,
            max_waiting: 100,
            limits: Limits {
                slots: 24,
                sdp_bytes: 256 * 1024,
                message_bytes: 64 * 1024,
                chat_bytes: 8192,
                data_bytes: 64 * 1024,
                lossy_bytes: 1_100,
                data_bytes_per_second: 1 << 20,
                data_messages_per_second: 2_000,
            },
        }
    }
}
