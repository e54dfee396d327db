//! Packets back into frames, each checked against its stamp. Pure.
//!
//! The last packet of a frame says how many there are, so nothing need be known of what came before,
//! nor how a codec marks its beginnings.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Codec;
use super::stamp::{self, Stamp};

/// Packets that wait for others of their frames. The oldest are given up beyond it.
const MOST_WAITING: usize = 512;

/// One stream's packets that are not yet a frame.
#[derive(Debug)]
pub struct Assembly {
    codec: Codec,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    payload: Arc<[u8]>,
    /// Whether a frame may end here.
    ends: bool,
}

/// A frame that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// All of it is as it was sent.
    Whole(Stamp),
    /// All its packets came, and some byte is not as it was sent.
    Damaged,
    /// It has no stamp: it is none of ours.
    Unstamped,
}

impl Assembly {
    /// For a stream of this codec.
    pub fn new(codec: Codec) -> Assembly {
        Assembly { codec, waiting: BTreeMap::new() }
    }

    /// Takes one packet, in the order of arrival: its extended sequence number, marker and payload.
    /// Returns the frame that it completed.
    pub fn receive(&mut self, sequence: u64, marker: bool, payload: Arc<[u8]>) -> Option<Arrival> {
        if self.codec == Codec::Opus {
            return Some(self.judge(std::slice::from_ref(&&payload[..])));
        }
        self.waiting.insert(sequence, Waiting { payload, ends: marker });
        if self.waiting.len() > MOST_WAITING {
            self.waiting.pop_first();
        }
        // Usually it is the last packet that completes a frame, and else one that was sent again. What
        // is before the frame stays: it may be completed later, as a decoder would wait for it.
        let (&end, last) = self.waiting.range(sequence..).find(|(_, packet)| packet.ends)?;
        let Some((stamp, _)) = Stamp::read(&last.payload) else {
            self.waiting = self.waiting.split_off(&(end + 1));
            return Some(Arrival::Unstamped);
        };
        let Some(others) = stamp.packets.checked_sub(1) else {
            self.waiting = self.waiting.split_off(&(end + 1));
            return Some(Arrival::Damaged);
        };
        let begin = end.checked_sub(others.into())?;
        let packets: Vec<_> =
            self.waiting.range(begin..=end).map(|(_, packet)| &packet.payload[..]).collect();
        if packets.len() < stamp.packets.into() {
            return None;
        }
        let arrival = self.judge(&packets);
        for sequence in begin..=end {
            self.waiting.remove(&sequence);
        }
        Some(arrival)
    }

    /// Whether a frame's payloads are as they were sent.
    fn judge(&self, payloads: &[&[u8]]) -> Arrival {
        let Some((stamp, whole)) = payloads.last().and_then(|last| Stamp::read(last)) else {
            return Arrival::Unstamped;
        };
        let last = payloads.len() - 1;
        let mut body = 0;
        for (index, payload) in payloads.iter().enumerate() {
            let end = payload.len() - if index == last { stamp::LENGTH } else { 0 };
            let begin = self.codec.rewritten(payload).min(end);
            body = crc32c::crc32c_append(body, &payload[begin..end]);
        }
        if stamp.seals(body, whole) { Arrival::Whole(stamp) } else { Arrival::Damaged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::packets::Frame;
    use crate::media::packets::tests::{ALL, encoded};
    use proptest::prelude::*;

    type Packet = (u64, bool, Arc<[u8]>);

    /// Frames of these sizes as they come, numbered from `first` on, and their stamps.
    fn sent(codec: Codec, first: u64, sizes: &[usize]) -> (Vec<Packet>, Vec<Stamp>) {
        let (mut packets, mut stamps) = (Vec::new(), Vec::new());
        for (counter, size) in sizes.iter().enumerate() {
            let frame = Frame::cut(codec, &encoded(codec, &vec![7; *size])).expect("a frame");
            let stamp = Stamp {
                stream: 3,
                counter: counter as u32,
                sent: 1,
                packets: frame.packets(),
                keyframe: true,
            };
            for (index, payload) in frame.stamped(&stamp).enumerate() {
                let marker = index + 1 == usize::from(stamp.packets);
                packets.push((first + packets.len() as u64, marker, payload.into()));
            }
            stamps.push(stamp);
        }
        (packets, stamps)
    }

    fn arrivals(codec: Codec, packets: &[Packet]) -> Vec<Arrival> {
        let mut assembly = Assembly::new(codec);
        let receive = |(sequence, marker, payload): &Packet| {
            assembly.receive(*sequence, *marker, Arc::clone(payload))
        };
        packets.iter().filter_map(receive).collect()
    }

    #[test]
    fn what_is_sent_arrives() {
        for codec in ALL {
            let (packets, stamps) = sent(codec, 65_530, &[10, 900, 300]);
            let whole: Vec<_> = stamps.into_iter().map(Arrival::Whole).collect();
            assert_eq!(arrivals(codec, &packets), whole, "{codec:?}");
        }
    }

    proptest! {
        #[test]
        fn order_does_not_matter_within_a_frame(order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle()) {
            let (packets, stamps) = sent(Codec::Vp8, 1, &[8_000]);
            prop_assume!(packets.len() == 8);
            let shuffled: Vec<_> = order.iter().map(|&index| packets[index].clone()).collect();
            prop_assert_eq!(arrivals(Codec::Vp8, &shuffled), [Arrival::Whole(stamps[0])]);
        }

        #[test]
        fn a_changed_bit_is_damage(index in 0_usize..4, bit in 0_usize..1_000 * 8) {
            for codec in [Codec::Vp8, Codec::H264, Codec::Av1] {
                let (mut packets, _) = sent(codec, 1, &[3_000]);
                let index = index % packets.len();
                let mut payload = packets[index].2.to_vec();
                // VP8's descriptor is the server's to change.
                let bit = 8 * codec.rewritten(&payload) + bit;
                prop_assume!(bit < payload.len() * 8);
                payload[bit / 8] ^= 1 << (bit % 8);
                packets[index].2 = payload.into();
                prop_assert!(!arrivals(codec, &packets).iter().any(|a| matches!(a, Arrival::Whole(_))));
            }
        }
    }

    #[test]
    fn a_frame_with_a_hole_arrives_when_it_is_filled() {
        let (mut packets, stamps) = sent(Codec::Vp8, 1, &[3_000, 3_000]);
        let late = packets.remove(1);
        assert_eq!(arrivals(Codec::Vp8, &packets), [Arrival::Whole(stamps[1])]);
        packets.push(late);
        let both = [Arrival::Whole(stamps[1]), Arrival::Whole(stamps[0])];
        assert_eq!(arrivals(Codec::Vp8, &packets), both);
    }

    #[test]
    fn a_frame_of_no_packets_is_damaged() {
        let frame = Frame::cut(Codec::Vp8, &encoded(Codec::Vp8, &[7; 500])).expect("a frame");
        let stamp = Stamp { stream: 3, counter: 0, sent: 1, packets: 0, keyframe: true };
        let payload = frame.stamped(&stamp).next().expect("a packet").into();
        assert_eq!(arrivals(Codec::Vp8, &[(1, true, payload)]), [Arrival::Damaged]);
    }

    #[test]
    fn a_rewritten_picture_id_is_no_damage() {
        let (mut packets, stamps) = sent(Codec::Vp8, 1, &[500]);
        let mut payload = packets[0].2.to_vec();
        payload[2..4].copy_from_slice(&[0xff, 0xff]);
        packets[0].2 = payload.into();
        assert_eq!(arrivals(Codec::Vp8, &packets), [Arrival::Whole(stamps[0])]);
    }

    #[test]
    fn what_others_send_has_no_stamp() {
        let stranger: Packet = (1, true, vec![1, 2, 3].into());
        for codec in ALL {
            assert_eq!(arrivals(codec, std::slice::from_ref(&stranger)), [Arrival::Unstamped]);
        }
    }
}
