//! What is counted, and a name for every way a packet can be lost here.

use std::ops::AddAssign;

use crate::event::MediaKind;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why a packet went no further. Every dropped packet is counted under exactly one.
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
    /// Not STUN, DTLS, RTP or RTCP by its first byte (RFC 7983).
    NotMedia = "not_media",
    /// STUN that is no binding request of a session here.
    UnknownUfrag = "unknown_ufrag",
    /// STUN whose integrity check failed.
    BadIntegrity = "bad_integrity",
    /// DTLS, RTP or RTCP from an address without a verified ICE check.
    UnknownSource = "unknown_source",
    /// Another worker's datagram while that worker is overloaded.
    WorkerBusy = "worker_busy",
    /// A datagram that its session could not read.
    Malformed = "malformed",
    /// Media on an m-line that is not published as a track.
    Unpublished = "unpublished",
    /// Media of a muted track.
    Muted = "muted",
    /// A subscriber waits for a keyframe to start or to switch on.
    AwaitingKeyframe = "awaiting_keyframe",
    /// A layer of a simulcast track that this subscriber does not get.
    OtherLayer = "other_layer",
    /// Older than the keyframe that the subscriber switched on.
    BeforeSwitch = "before_switch",
    /// The subscriber's side did not offer this codec.
    CodecNotOffered = "codec_not_offered",
    /// The subscriber is not connected yet.
    NotConnected = "not_connected",
}

/// One counter as it is published: name, label (name, value), value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Without the `oriel_sfu_` prefix and the `_total` suffix.
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
    pub(crate) received: [u64; 2],
    pub(crate) forwarded: [u64; 2],
    pub(crate) forwarded_bytes: [u64; 2],
    pub(crate) dropped: [u64; DropReason::ALL.len()],
    pub(crate) keyframe_requests: u64,
    pub(crate) handed_over: u64,
    pub(crate) datagrams_in: u64,
    pub(crate) datagrams_out: u64,
    pub(crate) send_failed: u64,
    pub(crate) sessions: u64,
    pub(crate) tracks: u64,
    pub(crate) subscriptions: u64,
}

/// How many numbers a [`Stats`] holds.
pub const STATS_LEN: usize = 14 + DropReason::ALL.len();

impl Stats {
    /// Counts a dropped packet.
    pub fn drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    pub(crate) fn receive(&mut self, kind: MediaKind) {
        self.received[kind as usize] += 1;
    }

    pub(crate) fn forward(&mut self, kind: MediaKind, payload: usize) {
        self.forwarded[kind as usize] += 1;
        self.forwarded_bytes[kind as usize] += payload as u64;
    }

    /// The counters as one row each.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        const KINDS: [&str; 2] = ["audio", "video"];
        let counter = |name, help, label, value| Row { name, help, label, value, is_gauge: false };
        let gauge = |name, help, value| Row { name, help, label: None, value, is_gauge: true };
        let by_kind = move |name, help, values: [u64; 2]| {
            (0..2).map(move |i| counter(name, help, Some(("kind", KINDS[i])), values[i]))
        };
        by_kind("packets_received", "Media packets from publishers.", self.received)
            .chain(by_kind("packets_forwarded", "Media packets to subscribers.", self.forwarded))
            .chain(by_kind(
                "payload_bytes_forwarded",
                "Media payload to subscribers, without headers.",
                self.forwarded_bytes,
            ))
            .chain(DropReason::ALL.iter().map(move |&reason| {
                let label = Some(("reason", reason.label()));
                let help = "Packets that went no further, by reason.";
                counter("packets_dropped", help, label, self.dropped[reason as usize])
            }))
            .chain([
                counter(
                    "keyframe_requests",
                    "Keyframe requests sent to publishers.",
                    None,
                    self.keyframe_requests,
                ),
                counter(
                    "datagrams_handed_over",
                    "Datagrams passed to the worker that owns their session.",
                    None,
                    self.handed_over,
                ),
                counter(
                    "datagrams_received",
                    "Datagrams from the network.",
                    None,
                    self.datagrams_in,
                ),
                counter("datagrams_sent", "Datagrams to the network.", None, self.datagrams_out),
                counter(
                    "datagrams_send_failed",
                    "Datagrams that the system would not take, for want of buffers or a route.",
                    None,
                    self.send_failed,
                ),
                gauge("sessions", "Peer connections.", self.sessions),
                gauge("tracks", "Published tracks.", self.tracks),
                gauge("subscriptions", "Tracks flowing to sessions.", self.subscriptions),
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
            received: [next(), next()],
            forwarded: [next(), next()],
            forwarded_bytes: [next(), next()],
            ..Stats::default()
        };
        for count in &mut stats.dropped {
            *count = next();
        }
        stats.keyframe_requests = next();
        stats.handed_over = next();
        stats.datagrams_in = next();
        stats.datagrams_out = next();
        stats.send_failed = next();
        stats.sessions = next();
        stats.tracks = next();
        stats.subscriptions = next();
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
