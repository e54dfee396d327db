//! Packets that leave in one system call: one destination, one size, the last may be shorter
//! (UDP generic segmentation offload).
//!
//! A browser cuts a picture into packets that differ by a byte. Those that are shorter are padded
//! (RFC 3550 §5.1), or every second one would be a call of its own.

/// The most that a packet is padded by, in bytes.
const MAX_PADDING: usize = 16;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
