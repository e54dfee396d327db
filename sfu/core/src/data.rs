//! Data messages: the members of a room, and who of them gets a copy.

use std::collections::{BTreeMap, HashSet};

use crate::allowance::Allowance;
use crate::command::{LinkKey, SessionKey};
use crate::envelope::Envelope;
use crate::stats::DropReason;

/// The two ways of a data message, which are the two data channels of a session. Both sides know them
/// beforehand: nothing is negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// In order and complete.
    Reliable,
    /// In any order, and never sent twice.
    Lossy,
}

impl Channel {
    /// The one for a message that may be lost, or for one that may not.
    pub const fn of(lossy: bool) -> Channel {
        if lossy { Channel::Lossy } else { Channel::Reliable }
    }

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
    links: BTreeMap<SessionKey, Link>,
}

/// One who gets a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) member: SessionKey,
    /// The way there, if it is not a data channel.
    pub(crate) link: Option<LinkKey>,
}

#[derive(Debug)]
struct Link {
    key: LinkKey,
    /// What the member may send by it.
    allowance: Allowance,
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

    /// Gives a member a link. Returns the one that it had.
    pub(crate) fn link(
        &mut self,
        member: SessionKey,
        key: LinkKey,
        allowance: Allowance,
    ) -> Option<LinkKey> {
        self.links.insert(member, Link { key, allowance }).map(|before| before.key)
    }

    /// Takes a member's link away, if it is this one.
    pub(crate) fn unlink(&mut self, member: SessionKey, link: LinkKey) {
        if self.allowance_of(member, link).is_some() {
            self.links.remove(&member);
        }
    }

    /// What a member may send by its link; `None` if it has another one, or none.
    pub(crate) fn allowance_of(
        &mut self,
        member: SessionKey,
        link: LinkKey,
    ) -> Option<&mut Allowance> {
        let of_member = self.links.get_mut(&member).filter(|of_member| of_member.key == link);
        of_member.map(|link| &mut link.allowance)
    }

    /// Lets a member go. Returns the link that it had.
    pub(crate) fn dismiss(&mut self, member: SessionKey) -> Option<LinkKey> {
        self.members.remove(&member);
        self.links.remove(&member).map(|link| link.key)
    }

    /// Nobody is in the room, and nobody's link.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.links.is_empty()
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
    pub(crate) fn recipients(&self, from: SessionKey, envelope: &Envelope<'_>) -> Vec<Recipient> {
        let link_of = |member| self.links.get(&member).map(|link| link.key);
        let keys = self.keys_of_recipients(from, envelope).into_iter();
        keys.map(|member| Recipient { member, link: link_of(member) }).collect()
    }

    fn keys_of_recipients(&self, from: SessionKey, envelope: &Envelope<'_>) -> Vec<SessionKey> {
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
