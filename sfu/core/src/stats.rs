//! What is counted, and a name for every way a packet can be lost here.

use std::ops::AddAssign;

use crate::data::Channel;
use crate::egress::Sent;
use crate::event::MediaKind;
use crate::quality::Flow;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why a packet or a data message went no further. Each is counted under exactly one.
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
    /// For another protocol on the media port, which had no room for it.
    NeighbourFull = "neighbour_full",
    /// STUN that is no binding request of a session here.
    UnknownUfrag = "unknown_ufrag",
    /// STUN whose integrity check failed, or that answers no check of ours.
    BadIntegrity = "bad_integrity",
    /// A check from one more address than a session may come from.
    TooManyAddresses = "too_many_addresses",
    /// DTLS, RTP or RTCP from an address without a verified ICE check.
    UnknownSource = "unknown_source",
    /// Another worker's datagram while that worker is overloaded.
    WorkerBusy = "worker_busy",
    /// A datagram, or a frame on a TCP connection, that cannot be read.
    Malformed = "malformed",
    /// RTP or RTCP before DTLS has made keys for it.
    BeforeKeys = "before_keys",
    /// RTP of one more SSRC than a session may send.
    TooManyStreams = "too_many_streams",
    /// RTP whose SSRC belongs to no m-line.
    UnknownStream = "unknown_stream",
    /// RTP of a known SSRC, or RTCP, that was a replay, came twice, or is not authentic.
    Discarded = "discarded",
    /// RTP that brings no media but probes for bandwidth.
    Padding = "padding",
    /// RTP with a payload type that was not negotiated.
    UnknownFormat = "unknown_format",
    /// Media on an m-line that is not published as a track.
    Unpublished = "unpublished",
    /// Media of a muted track.
    Muted = "muted",
    /// The subscriber does not show the video.
    Paused = "paused",
    /// A subscriber waits for a keyframe to start or to switch on.
    AwaitingKeyframe = "awaiting_keyframe",
    /// A layer of a simulcast track that this subscriber does not get.
    OtherLayer = "other_layer",
    /// Older than the keyframe that the subscriber switched on.
    BeforeSwitch = "before_switch",
    /// The subscriber's side did not offer this codec.
    CodecNotOffered = "codec_not_offered",
    /// A packet under a number that the subscriber's stream has used already.
    Repeated = "repeated",
    /// The subscriber is not connected yet.
    NotConnected = "not_connected",
    /// To a remote side that does not consent to get anything any more (RFC 7675).
    NoConsent = "no_consent",
    /// To a TCP connection that takes less than it is sent. The oldest go first.
    TcpQueueFull = "tcp_queue_full",
    /// To a TCP connection that is closed.
    TcpClosed = "tcp_closed",
    /// A data message that is no envelope, or not one for its channel.
    DataMalformed = "data_malformed",
    /// A lossy data message with more bytes than every path takes in one packet.
    DataTooLarge = "data_too_large",
    /// A data message of a session that its room has not admitted.
    DataNotAdmitted = "data_not_admitted",
    /// A data message of a member that may not send any.
    DataForbidden = "data_forbidden",
    /// A data message beyond what one session may send in a second.
    DataFlood = "data_flood",
    /// A data channel that is none of the two, or a message on it.
    DataUnknownChannel = "data_unknown_channel",
    /// A copy of a lossy data message that has waited too long for its receiver.
    DataTooOld = "data_too_old",
    /// A copy of a lossy data message that newer ones have pushed out.
    DataQueueFull = "data_queue_full",
    /// A copy of a reliable data message for a receiver that does not keep up.
    DataOverrun = "data_overrun",
    /// A copy of a data message larger than its receiver takes.
    DataRefused = "data_refused",
    /// A data message by a link, or a copy that waited for a session, channel or link, that has ended.
    DataClosed = "data_closed",
    /// A bulk stream to a receiver that was too slow for the others.
    BulkSlow = "bulk_slow",
    /// A bulk stream to a receiver that has too many to take already.
    BulkBusy = "bulk_busy",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    pub(crate) received: [u64; 2],
    pub(crate) received_bytes: [u64; 2],
    pub(crate) forwarded: [u64; 2],
    pub(crate) forwarded_bytes: [u64; 2],
    pub(crate) dropped: [u64; DropReason::ALL.len()],
    pub(crate) data_received: [u64; 2],
    pub(crate) data_copies: [u64; 2],
    pub(crate) data_delivered: [u64; 2],
    pub(crate) data_redirected: [u64; 2],
    pub(crate) data_dropped: [u64; 2],
    pub(crate) bulk: u64,
    pub(crate) keyframe_requests: u64,
    pub(crate) packets_ahead: u64,
    pub(crate) handed_over: u64,
    pub(crate) datagrams_in: u64,
    pub(crate) datagrams_out: u64,
    pub(crate) send_failed: u64,
    pub(crate) sessions: u64,
    pub(crate) tracks: u64,
    pub(crate) subscriptions: u64,
    /// Open TCP connections for media; the shell's to set.
    pub tcp_connections: u64,
}

/// How many numbers a [`Stats`] holds.
pub const STATS_LEN: usize = 29 + DropReason::ALL.len();

impl Stats {
    /// Counts a dropped packet or message.
    pub fn drop(&mut self, reason: DropReason) {
        self.drop_several(reason, 1);
    }

    /// Counts several.
    pub fn drop_several(&mut self, reason: DropReason, count: usize) {
        self.dropped[reason as usize] += count as u64;
    }

    pub(crate) fn receive(&mut self, kind: MediaKind, payload: usize) {
        self.received[kind as usize] += 1;
        self.received_bytes[kind as usize] += payload as u64;
    }

    pub(crate) fn forward(&mut self, kind: MediaKind, sent: Sent) {
        self.forwarded[kind as usize] += sent.packets as u64;
        self.forwarded_bytes[kind as usize] += sent.bytes as u64;
    }

    /// Counts a data message that came on a channel.
    pub(crate) fn receive_data(&mut self, channel: Channel) {
        self.data_received[usize::from(channel.stream())] += 1;
    }

    /// Counts a copy of a data message. What becomes of it is counted as well, once: by
    /// [`Stats::redirect_data`] or by [`Stats::end_data`].
    pub(crate) fn copy_data(&mut self, channel: Channel) {
        self.data_copies[usize::from(channel.stream())] += 1;
    }

    /// Counts a copy for a member that has to be reached elsewhere.
    pub(crate) fn redirect_data(&mut self, channel: Channel) {
        self.data_redirected[usize::from(channel.stream())] += 1;
    }

    /// Counts a copy that its receiver's channel has taken, or that was dropped.
    pub(crate) fn end_data(&mut self, channel: Channel, fate: Result<(), DropReason>) {
        self.end_several(channel, fate, 1);
    }

    /// Counts copies that a link's door has taken, or that were dropped before it did.
    pub fn end_several(&mut self, channel: Channel, fate: Result<(), DropReason>, count: u64) {
        let channel = usize::from(channel.stream());
        match fate {
            Ok(()) => self.data_delivered[channel] += count,
            Err(reason) => {
                self.data_dropped[channel] += count;
                self.dropped[reason as usize] += count;
            }
        }
    }

    /// Media from publishers, and media to subscribers, since start.
    pub fn flows(&self) -> (Flow, Flow) {
        let sum = |pair: [u64; 2]| pair.iter().sum();
        let flow = |packets, bytes| Flow { packets: sum(packets), bytes: sum(bytes), lost: 0 };
        let received = flow(self.received, self.received_bytes);
        (received, flow(self.forwarded, self.forwarded_bytes))
    }

    /// Peer connections now.
    pub fn sessions(&self) -> u64 {
        self.sessions
    }

    /// Published tracks now.
    pub fn tracks(&self) -> u64 {
        self.tracks
    }

    /// The counters as one row each.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        const KINDS: [&str; 2] = ["audio", "video"];
        const CHANNELS: [&str; 2] = ["reliable", "lossy"];
        let counter = |name, help, label, value| Row { name, help, label, value, is_gauge: false };
        let gauge = |name, help, value| Row { name, help, label: None, value, is_gauge: true };
        let by_kind = move |name, help, values: [u64; 2]| {
            (0..2).map(move |i| counter(name, help, Some(("kind", KINDS[i])), values[i]))
        };
        let by_channel = move |name, help, values: [u64; 2]| {
            (0..2).map(move |i| counter(name, help, Some(("channel", CHANNELS[i])), values[i]))
        };
        by_kind("packets_received", "Media packets from publishers.", self.received)
            .chain(by_kind(
                "payload_bytes_received",
                "Media payload from publishers, without headers.",
                self.received_bytes,
            ))
            .chain(by_kind("packets_forwarded", "Media packets to subscribers.", self.forwarded))
            .chain(by_kind(
                "payload_bytes_forwarded",
                "Media payload to subscribers, without headers.",
                self.forwarded_bytes,
            ))
            .chain(DropReason::ALL.iter().map(move |&reason| {
                let label = Some(("reason", reason.label()));
                let help = "Packets and data messages that went no further, by reason.";
                counter("packets_dropped", help, label, self.dropped[reason as usize])
            }))
            .chain(by_channel(
                "data_received",
                "Data messages that came on a channel, or by a link as one of its kind.",
                self.data_received,
            ))
            .chain(by_channel(
                "data_copies",
                "Copies of data messages, one for each receiver: delivered, redirected, dropped or \
                 waiting.",
                self.data_copies,
            ))
            .chain(by_channel(
                "data_delivered",
                "Copies of data messages that were sent on their receiver's channel, or by its link.",
                self.data_delivered,
            ))
            .chain(by_channel(
                "data_redirected",
                "Copies of data messages for members without an open channel or a link.",
                self.data_redirected,
            ))
            .chain(by_channel(
                "data_dropped",
                "Copies of data messages that were dropped.",
                self.data_dropped,
            ))
            .chain([
                counter("bulk_streams", "Bulk streams that were opened.", None, self.bulk),
                counter(
                    "keyframe_requests",
                    "Keyframe requests sent to publishers.",
                    None,
                    self.keyframe_requests,
                ),
                counter(
                    "packets_ahead",
                    "Media packets that came as expected and were forwarded on the fast path.",
                    None,
                    self.packets_ahead,
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
                gauge("tcp_connections", "TCP connections for media.", self.tcp_connections),
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
        // Fields are read in the order in which they stand here, that of `rows`.
        Stats {
            received: [next(), next()],
            received_bytes: [next(), next()],
            forwarded: [next(), next()],
            forwarded_bytes: [next(), next()],
            dropped: std::array::from_fn(|_| next()),
            data_received: [next(), next()],
            data_copies: [next(), next()],
            data_delivered: [next(), next()],
            data_redirected: [next(), next()],
            data_dropped: [next(), next()],
            bulk: next(),
            keyframe_requests: next(),
            packets_ahead: next(),
            handed_over: next(),
            datagrams_in: next(),
            datagrams_out: next(),
            send_failed: next(),
            sessions: next(),
            tracks: next(),
            subscriptions: next(),
            tcp_connections: next(),
        }
    }
}

impl Default for Stats {
    fn default() -> Self {
        Stats::from_array([0; STATS_LEN])
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
