//! The VP8 payload descriptor (RFC 7741 §4.2).

/// Numbers that must stay continuous when a receiver's source changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PictureIds {
    /// Picture id, 7 or 15 bits.
    pub(crate) picture_id: u16,
    /// Whether it has the 15-bit form.
    pub(crate) is_long: bool,
    /// The running index of temporal-layer-zero frames, where present.
    pub(crate) tl0_pic_idx: Option<u8>,
}

/// What is read of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// The first packet of a key frame.
    pub(crate) starts_keyframe: bool,
    /// Absent when the sender does not number its pictures.
    pub(crate) ids: Option<PictureIds>,
    /// Width and height in pixels, where a key frame starts.
    pub(crate) size: Option<(u16, u16)>,
}

impl Descriptor {
    /// `None` when the payload ends before its descriptor does, or the descriptor breaks its rules.
    pub(crate) fn parse(payload: &[u8]) -> Option<Descriptor> {
        let first = *payload.first()?;
        let starts_partition_zero = first & 0x10 != 0 && first & 0x0f == 0;
        let mut at = 1;
        let mut ids = None;
        if first & 0x80 != 0 {
            let extension = *payload.get(at)?;
            at += 1;
            // TL0PICIDX says nothing without the TID, so L asks for T.
            if extension & 0x60 == 0x40 {
                return None;
            }
            if extension & 0x80 != 0 {
                let high = *payload.get(at)?;
                at += 1;
                let (picture_id, is_long) = if high & 0x80 != 0 {
                    let low = *payload.get(at)?;
                    at += 1;
                    (u16::from_be_bytes([high & 0x7f, low]), true)
                } else {
                    (u16::from(high), false)
                };
                ids = Some(PictureIds { picture_id, is_long, tl0_pic_idx: None });
            }
            if extension & 0x40 != 0 {
                let index = *payload.get(at)?;
                at += 1;
                if let Some(ids) = &mut ids {
                    ids.tl0_pic_idx = Some(index);
                }
            }
            if extension & 0x30 != 0 {
                at += 1;
            }
        }
        // The frame header's lowest bit is the inverse key frame flag (RFC 6386 §9.1).
        let header = *payload.get(at)?;
        let starts_keyframe = starts_partition_zero && header & 1 == 0;
        let size = if starts_keyframe { key_frame_size(&payload[at..]) } else { None };
        Some(Descriptor { starts_keyframe, ids, size })
    }
}

/// Width and height from a key frame's header (RFC 6386 §9.1): a frame tag of three bytes, a
/// start code, and 14 bits for each; the two above them tell the player to enlarge it.
fn key_frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    let [0x9d, 0x01, 0x2a, width_low, width_high, height_low, height_high, ..] = frame.get(3..)?
    else {
        return None;
    };
    let pixels = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff;
    Some((pixels(*width_low, *width_high), pixels(*height_low, *height_high)))
}

/// Puts other numbers in the place of a payload's own. What the payload does not have, it does not
/// get, and the picture id keeps its form.
pub(crate) fn renumber(payload: &mut [u8], ids: PictureIds) {
    let [first, extension, numbers @ ..] = payload else { return };
    if *first & 0x80 == 0 {
        return;
    }
    let [id_high, id_low] = ids.picture_id.to_be_bytes();
    let numbers = match numbers {
        numbers if *extension & 0x80 == 0 => numbers,
        [high, low, rest @ ..] if *high & 0x80 != 0 => {
            (*high, *low) = (0x80 | id_high, id_low);
            rest
        }
        [id, rest @ ..] => {
            *id = id_low & 0x7f;
            rest
        }
        [] => return,
    };
    if *extension & 0x40 != 0
        && let ([index, ..], Some(tl0_pic_idx)) = (numbers, ids.tl0_pic_idx)
    {
        *index = tl0_pic_idx;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_picture_id_with_tl0_and_tid_is_read() {
        // X S PID=0 | I L T | M + 15 bits | TL0PICIDX | TID | frame header with P = 0
        let payload = [0x90, 0xe0, 0x92, 0x34, 0x07, 0x20, 0x10];
        let descriptor = Descriptor::parse(&payload).unwrap();
        assert!(descriptor.starts_keyframe);
        let ids = descriptor.ids.unwrap();
        assert_eq!((ids.picture_id, ids.is_long, ids.tl0_pic_idx), (0x1234, true, Some(7)));
    }

    #[test]
    fn a_later_packet_of_a_key_frame_does_not_start_it() {
        assert!(!Descriptor::parse(&[0x80, 0x80, 0x05, 0x00]).unwrap().starts_keyframe);
    }

    #[test]
    fn an_inter_frame_is_none() {
        assert!(!Descriptor::parse(&[0x10, 0x01]).unwrap().starts_keyframe);
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let frame = [0x10, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x41];
        assert_eq!(Descriptor::parse(&frame).unwrap().size, Some((640, 360)));
        assert_eq!(Descriptor::parse(&frame[..10]).unwrap().size, None);
    }

    #[test]
    fn numbers_are_put_in_the_place_of_others() {
        let ids = PictureIds { picture_id: 0x0102, is_long: true, tl0_pic_idx: Some(9) };
        let mut long = [0x90, 0xe0, 0x92, 0x34, 0x07, 0x20, 0x10];
        renumber(&mut long, ids);
        assert_eq!(long, [0x90, 0xe0, 0x81, 0x02, 0x09, 0x20, 0x10]);
        let mut short = [0x90, 0x80, 0x12, 0x10];
        renumber(&mut short, ids);
        assert_eq!(short, [0x90, 0x80, 0x02, 0x10]);
        let mut none = [0x10, 0x01];
        renumber(&mut none, ids);
        assert_eq!(none, [0x10, 0x01]);
    }

    proptest::proptest! {
        /// What is put in is what is read afterwards, and nothing else changes.
        #[test]
        fn what_is_put_in_is_read(
            mut payload in proptest::collection::vec(proptest::num::u8::ANY, 0..12),
            picture_id in 0u16..0x8000,
            tl0 in proptest::num::u8::ANY,
        ) {
            let before = payload.clone();
            let ids = PictureIds { picture_id, is_long: true, tl0_pic_idx: Some(tl0) };
            renumber(&mut payload, ids);
            let changed = before.iter().zip(&payload).filter(|(a, b)| a != b).count();
            proptest::prop_assert!(changed <= 3);
            if let (Some(old), Some(new)) = (Descriptor::parse(&before), Descriptor::parse(&payload)) {
                proptest::prop_assert_eq!(old.starts_keyframe, new.starts_keyframe);
                if let (Some(old), Some(new)) = (old.ids, new.ids) {
                    let mask = if old.is_long { 0x7fff } else { 0x7f };
                    proptest::prop_assert_eq!(new.picture_id, picture_id & mask);
                    proptest::prop_assert_eq!(new.tl0_pic_idx, old.tl0_pic_idx.map(|_| tl0));
                }
            }
        }
    }

    #[test]
    fn a_cut_descriptor_is_refused() {
        assert_eq!(Descriptor::parse(&[0x90, 0xe0, 0x92]), None);
    }
}
