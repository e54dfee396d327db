//! What is counted, and a name for every way a message can be lost here.

use std::ops::AddAssign;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why a message went no further. Every dropped message is counted under exactly one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// Every reason, in the order of their counters.
            pub const ALL: &[DropReason] = &[$(DropReason::$name,)*];

            /// The label on `/metrics`.
            pub const fn label(self) -> &'static str {
                match self { $(DropReason::$name => $label,)* }
            }
        }
    };
}

drop_reasons! {
    /// Neither STUN nor channel data, or not a whole one.
    Malformed = "malformed",
    /// A stranger, after too many others of its network.
    RateLimited = "rate_limited",
    /// For relaying, from a client without an allocation.
    NoAllocation = "no_allocation",
    /// Channel data on a channel that is not bound, or not any more.
    NoChannel = "no_channel",
    /// To or from a peer without a permission.
    NoPermission = "no_permission",
    /// To or from an address that is not for peers.
    Denied = "denied",
    /// To a peer of a family that the allocation does not have.
    WrongFamily = "wrong_family",
    /// In a message, from a client whose allocation is for TCP connections.
    TcpAllocation = "tcp_allocation",
    /// A peer's connection to an allocation that has as many as it may.
    ConnectionsFull = "connections_full",
    /// More bytes per second than an allocation may relay.
    Bandwidth = "bandwidth",
    /// For another worker, which is overloaded.
    WorkerBusy = "worker_busy",
    /// For a client that reads its stream more slowly than data comes.
    ClientBehind = "client_behind",
    /// For a client whose connection is gone.
    ClientGone = "client_gone",
    /// For the network, whose buffer is full or which has no route.
    SendFailed = "send_failed",
    /// DTLS that no session here can read.
    BadDtls = "bad_dtls",
}

/// One counter as it is published: name, label (name, value), value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Without the `oriel_turn_` prefix and the `_total` suffix.
    pub name: &'static str,
    /// What the counter counts, for people.
    pub help: &'static str,
    /// The one label, if any.
    pub label: Option<(&'static str, &'static str)>,
    /// The count since start; for gauges the value now.
    pub value: u64,
    /// Goes up and down.
    pub is_gauge: bool,
}

/// Counters of one worker. Plain numbers: the worker's thread owns them, readers get copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages relayed: to peers, to clients.
    pub(crate) relayed: [u64; 2],
    pub(crate) relayed_bytes: [u64; 2],
    pub(crate) dropped: [u64; DropReason::ALL.len()],
    pub(crate) requests: u64,
    pub(crate) refused: u64,
    pub(crate) allocated: u64,
    pub(crate) handed_over: u64,
    pub(crate) allocations: u64,
    pub(crate) connections: u64,
}

/// How many numbers a [`Stats`] holds.
pub const STATS_LEN: usize = 10 + DropReason::ALL.len();

/// Which way a relayed message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a client to its peer.
    ToPeer,
    /// From a peer to its client.
    ToClient,
}

impl Stats {
    /// Counts dropped messages.
    pub fn drop(&mut self, reason: DropReason, count: u64) {
        self.dropped[reason as usize] += count;
    }

    /// How many messages were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many clients' connections there are now: streams and DTLS sessions.
    pub fn set_connections(&mut self, count: usize) {
        self.connections = count as u64;
    }

    /// How many messages were relayed, either way.
    pub fn relayed(&self) -> u64 {
        self.relayed.iter().sum()
    }

    /// Allocations there are now.
    pub fn allocations(&self) -> u64 {
        self.allocations
    }

    pub(crate) fn relay(&mut self, direction: Direction, payload: usize) {
        self.relayed[direction as usize] += 1;
        self.relayed_bytes[direction as usize] += payload as u64;
    }

    /// Bytes of a stream have no messages.
    pub(crate) fn relay_stream(&mut self, direction: Direction, bytes: usize) {
        self.relayed_bytes[direction as usize] += bytes as u64;
    }

    /// The counters as one row each.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        const WAYS: [&str; 2] = ["peer", "client"];
        let counter = |name, help, label, value| Row { name, help, label, value, is_gauge: false };
        let gauge = |name, help, value| Row { name, help, label: None, value, is_gauge: true };
        let by_way = move |name, help, values: [u64; 2]| {
            (0..2).map(move |i| counter(name, help, Some(("to", WAYS[i])), values[i]))
        };
        by_way("messages_relayed", "Messages relayed.", self.relayed)
            .chain(by_way("payload_bytes_relayed", "Payload relayed.", self.relayed_bytes))
            .chain(DropReason::ALL.iter().map(move |&reason| {
                let label = Some(("reason", reason.label()));
                let help = "Messages that went no further, by reason.";
                counter("messages_dropped", help, label, self.dropped[reason as usize])
            }))
            .chain([
                counter("requests", "STUN and TURN requests.", None, self.requests),
                counter("requests_refused", "Error responses.", None, self.refused),
                counter("allocations_made", "Allocations made.", None, self.allocated),
                counter(
                    "messages_handed_over",
                    "Messages passed to the worker of another allocation of this server.",
                    None,
                    self.handed_over,
                ),
                gauge("allocations", "Allocations.", self.allocations),
                gauge("connections", "Clients' streams and DTLS sessions.", self.connections),
            ])
    }

    /// The numbers in a fixed order, for handing them between threads.
    pub fn to_array(&self) -> [u64; STATS_LEN] {
        let mut array = [0; STATS_LEN];
        for (slot, row) in array.iter_mut().zip(self.rows()) {
            *slot = row.value;
        }
        array
    }

    /// The reverse of [`Stats::to_array`].
    pub fn from_array(array: [u64; STATS_LEN]) -> Stats {
        let mut numbers = array.into_iter();
        let mut next = || numbers.next().unwrap_or_default();
        let mut stats = Stats {
            relayed: [next(), next()],
            relayed_bytes: [next(), next()],
            ..Stats::default()
        };
        for count in &mut stats.dropped {
            *count = next();
        }
        stats.requests = next();
        stats.refused = next();
        stats.allocated = next();
        stats.handed_over = next();
        stats.allocations = next();
        stats.connections = next();
        stats
    }
}

impl AddAssign for Stats {
    fn add_assign(&mut self, other: Stats) {
        let (mut sum, other) = (self.to_array(), other.to_array());
        for (left, right) in sum.iter_mut().zip(other) {
            *left += right;
        }
        *self = Stats::from_array(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn an_array_holds_every_number(numbers: [u64; STATS_LEN]) {
            proptest::prop_assert_eq!(Stats::from_array(numbers).to_array(), numbers);
        }
    }

    #[test]
    fn there_are_as_many_rows_as_numbers() {
        assert_eq!(Stats::default().rows().count(), STATS_LEN);
    }
}
