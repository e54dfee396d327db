//! What a participant wants to receive.

use std::collections::BTreeMap;

use crate::id::TrackId;

/// Which tracks a participant is subscribed to, now and as they come. Its own are never among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interest {
    /// Everybody's.
    #[default]
    All,
    /// Those of one identity, whether it is there yet or not.
    Identity(String),
    /// None.
    None,
}

impl Interest {
    /// Whether the tracks of `publisher` (an identity) are wanted.
    pub fn wants(&self, publisher: &str) -> bool {
        match self {
            Interest::All => true,
            Interest::Identity(identity) => identity == publisher,
            Interest::None => false,
        }
    }
}

/// What one participant wants: its interest, and what it said of single tracks.
#[derive(Debug)]
pub(crate) struct Wants {
    interest: Interest,
    /// These it subscribed to or unsubscribed from, whatever its interest says.
    said: BTreeMap<TrackId, bool>,
}

impl Wants {
    pub(crate) fn new(interest: Interest) -> Self {
        Wants { interest, said: BTreeMap::new() }
    }

    pub(crate) fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Whether the track `track` of `publisher` (an identity) is wanted.
    pub(crate) fn wants(&self, track: TrackId, publisher: &str) -> bool {
        self.said.get(&track).copied().unwrap_or_else(|| self.interest.wants(publisher))
    }

    /// Goes for `track` until it ends.
    pub(crate) fn say(&mut self, track: TrackId, wanted: bool) {
        self.said.insert(track, wanted);
    }

    /// The track has ended.
    pub(crate) fn forget(&mut self, track: TrackId) {
        self.said.remove(&track);
    }
}
