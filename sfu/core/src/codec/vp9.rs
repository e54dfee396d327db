//! The VP9 payload descriptor (RFC 9628 §4.2).

/// The first packet of a picture that depends on no other: P = 0, B = 1, and the lowest spatial
/// layer where layers are told.
pub(super) fn starts_keyframe(payload: &[u8]) -> bool {
    const PICTURE_ID: u8 = 0x80;
    const INTER_PREDICTED: u8 = 0x40;
    const LAYERS: u8 = 0x20;
    const FRAME_START: u8 = 0x08;

    let Some(&first) = payload.first() else { return false };
    if first & INTER_PREDICTED != 0 || first & FRAME_START == 0 {
        return false;
    }
    if first & LAYERS == 0 {
        return true;
    }
    let mut at = 1;
    if first & PICTURE_ID != 0 {
        let Some(&id) = payload.get(at) else { return false };
        at += if id & 0x80 != 0 { 2 } else { 1 };
    }
    payload.get(at).is_some_and(|layers| (layers >> 1) & 0x07 == 0)
}

#[cfg(test)]
mod tests {
    use super::starts_keyframe;

    #[test]
    fn an_intra_picture_starts_with_b_and_without_p() {
        assert!(starts_keyframe(&[0x88, 0x01]));
        assert!(!starts_keyframe(&[0x80, 0x01]));
        assert!(!starts_keyframe(&[0xc8, 0x01]));
    }

    #[test]
    fn only_the_lowest_spatial_layer_counts() {
        assert!(starts_keyframe(&[0xa8, 0x81, 0x02, 0x00]));
        assert!(!starts_keyframe(&[0xa8, 0x81, 0x02, 0x02]));
    }
}
