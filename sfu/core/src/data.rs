//! Data messages: the members of a room, and who of them gets a copy.

use std::collections::{BTreeMap, HashSet};

use crate::command::SessionKey;
use crate::envelope::Envelope;
use crate::stats::DropReason;

/// The two data channels of a session. Both sides know them beforehand: nothing is negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// In order and complete.
    Reliable,
    /// In any order, and never sent twice.
    Lossy,
}

impl Channel {
    /// Both.
    pub(crate) const ALL: [Channel; 2] = [Channel::Reliable, Channel::Lossy];

    /// The SCTP stream, which is also the channel's place in an array.
    pub(crate) const fn stream(self) -> u16 {
        match self {
            Channel::Reliable => 0,
            Channel::Lossy => 1,
        }
    }
}

/// Everybody in a room, with a session or without.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// In the order of their keys, so that a room does the same in every run.
    members: BTreeMap<SessionKey, Member>,
}

#[derive(Debug, Default)]
struct Member {
    may_send: bool,
    topics: HashSet<String>,
}

impl Members {
    /// Takes a member in, or changes what it may do. Its topics stay.
    pub(crate) fn admit(&mut self, member: SessionKey, may_send: bool) {
        self.members.entry(member).or_default().may_send = may_send;
    }

    /// Replaces the topics of a member.
    pub(crate) fn listen(&mut self, member: SessionKey, topics: Vec<String>) {
        if let Some(member) = self.members.get_mut(&member) {
            member.topics = topics.into_iter().collect();
        }
    }

    /// Lets a member go.
    pub(crate) fn dismiss(&mut self, member: SessionKey) {
        self.members.remove(&member);
    }

    /// Nobody is in the room.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether a session's messages are relayed.
    pub(crate) fn may_send(&self, from: SessionKey) -> Result<(), DropReason> {
        match self.members.get(&from) {
            None => Err(DropReason::DataNotAdmitted),
            Some(member) if !member.may_send => Err(DropReason::DataForbidden),
            Some(_) => Ok(()),
        }
    }

    /// Who gets a copy: each member once, and never the sender. A destination that is not in this
    /// room is passed over, so that nobody learns who is.
    pub(crate) fn recipients(&self, from: SessionKey, envelope: &Envelope<'_>) -> Vec<SessionKey> {
        let others = self.members.iter().filter(|(key, _)| **key != from);
        if envelope.listeners {
            let listen = others.filter(|(_, member)| member.topics.contains(envelope.topic));
            listen.map(|(key, _)| *key).collect()
        } else if envelope.destinations.is_empty() {
            others.map(|(key, _)| *key).collect()
        } else {
            let mut named: Vec<SessionKey> = envelope
                .destinations
                .iter()
                .map(|&number| SessionKey(number))
                .filter(|key| *key != from && self.members.contains_key(key))
                .collect();
            named.sort_unstable();
            named.dedup();
            named
        }
    }
}
