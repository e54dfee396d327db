//! Packets that leave in one system call: one destination, one size, the last may be shorter
//! (UDP generic segmentation offload).
//!
//! A browser cuts a picture into packets that differ by a byte. Those that are shorter are padded
//! (RFC 3550 §5.1), or every second one would be a call of its own.

use crate::engine::Transmit;

/// The most that a packet is padded by, in bytes.
pub(super) const MAX_PADDING: usize = 16;

/// The most that the system takes: packets, and bytes.
const MAX_PACKETS: usize = 48;
const MAX_BYTES: usize = 60_000;

/// Packets that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Train {
    /// How many of the packets.
    pub(crate) count: usize,
    /// The size that all are to have, save that the last may be shorter.
    pub(crate) size: usize,
}

impl Train {
    /// The train that begins with the first of packets of these sizes; there is at least one.
    pub(crate) fn of(sizes: &[usize]) -> Train {
        let Some((&first, others)) = sizes.split_first() else {
            return Train { count: 0, size: 0 };
        };
        let (mut least, mut most) = (first, first);
        let mut count = 1;
        for &size in others.iter().take(MAX_PACKETS - 1) {
            let (new_least, new_most) = (least.min(size), most.max(size));
            if (count + 1) * new_most > MAX_BYTES {
                break;
            }
            if new_most - new_least <= MAX_PADDING {
                (least, most) = (new_least, new_most);
                count += 1;
            } else if size < most {
                count += 1;
                break;
            } else {
                break;
            }
        }
        Train { count, size: most }
    }
}

/// Whether packets of these sizes can all go along with what is to leave already, each with `overhead` bytes
/// more: what is there ends with a whole one, and none of them is longer.
pub(super) fn takes(open: &Transmit, sizes: &[usize], overhead: usize) -> bool {
    let (bytes, segment) = (open.contents.len(), open.segment_size.unwrap_or(open.contents.len()));
    let Some((last, others)) = sizes.split_last() else { return false };
    let is_wagon =
        |size: &usize| (segment - MAX_PADDING.min(segment)..=segment).contains(&(size + overhead));
    bytes.is_multiple_of(segment.max(1))
        && bytes + sizes.len() * segment <= MAX_BYTES
        && bytes / segment.max(1) + sizes.len() <= MAX_PACKETS
        && last + overhead <= segment
        && others.iter().all(is_wagon)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::demux::Transport;

    #[test]
    fn small_packets_go_along_behind_whole_ones() {
        let address = SocketAddr::from(([10, 0, 0, 1], 1));
        let open = |bytes: usize, segment_size| Transmit {
            transport: Transport::Udp,
            source: address,
            destination: address,
            contents: vec![0; bytes],
            segment_size,
        };
        let picture = open(3_600, Some(1_200));
        assert!(takes(&picture, &[120], 16) && takes(&picture, &[1_184], 16));
        assert!(takes(&picture, &[1_184, 1_170, 200], 16));
        assert!(!takes(&picture, &[1_185], 16), "longer than the others");
        assert!(
            !takes(&picture, &[200, 200], 16),
            "the first of them would have to be padded too far"
        );
        assert!(!takes(&open(3_500, Some(1_200)), &[120], 16), "it ends with a short one");
        let sound = open(140, None);
        assert!(
            takes(&sound, &[124], 16) && takes(&sound, &[60], 16) && !takes(&sound, &[125], 16)
        );
        assert!(!takes(&open(48 * 100, Some(100)), &[10], 16), "as many as the system takes");
        assert!(!takes(&open(59_000, Some(1_180)), &[1_000], 16), "as much as the system takes");
        assert!(!takes(&picture, &[], 16) && !takes(&open(0, None), &[1], 0));
    }

    #[test]
    fn the_packets_of_a_picture_go_together() {
        let picture = [1_201, 1_200, 1_201, 1_200, 1_200];
        assert_eq!(Train::of(&picture), Train { count: 5, size: 1_201 });
        // A short one ends a train, a long one begins the next.
        assert_eq!(Train::of(&[1_200, 1_200, 300, 1_200]), Train { count: 3, size: 1_200 });
        assert_eq!(Train::of(&[300, 1_200]), Train { count: 1, size: 300 });
    }

    proptest! {
        #[test]
        fn a_train_is_what_the_system_takes(sizes in prop::collection::vec(1usize..1_500, 1..100)) {
            let mut rest = sizes.as_slice();
            while !rest.is_empty() {
                let train = Train::of(rest);
                prop_assert!((1..=MAX_PACKETS).contains(&train.count));
                prop_assert!(train.count * train.size <= MAX_BYTES);
                let (wagons, after) = rest.split_at(train.count);
                let (last, before) = wagons.split_last().unwrap();
                prop_assert!(*last <= train.size);
                for size in before {
                    prop_assert!(*size <= train.size && train.size - size <= MAX_PADDING);
                }
                rest = after;
            }
        }
    }
}
