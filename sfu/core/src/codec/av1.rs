//! The AV1 aggregation header (RTP payload format for AV1 1.0, §4.4).

/// The N bit marks the first packet of a coded video sequence; Z would mean that it continues an
/// earlier unit, which such a packet never does.
pub(super) fn starts_keyframe(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & 0x08 != 0 && header & 0x80 == 0)
}

#[cfg(test)]
mod tests {
    use super::starts_keyframe;

    #[test]
    fn the_first_packet_of_a_coded_video_sequence_starts_a_keyframe() {
        assert!(starts_keyframe(&[0x18, 0x0a]));
        assert!(!starts_keyframe(&[0x10, 0x32]));
        assert!(!starts_keyframe(&[0x88, 0x32]));
    }
}
