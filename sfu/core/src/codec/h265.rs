//! H.265 NAL units in RTP packets (RFC 7798 §4.4).

const AGGREGATE: u8 = 48;
const FRAGMENT: u8 = 49;

/// Intra random access pictures are types 16 to 23; 32 to 34 are the parameter sets before one.
fn is_start(unit_type: u8) -> bool {
    matches!(unit_type, 16..=23 | 32..=34)
}

/// The packet carries, or begins, a unit at which decoding can start.
pub(super) fn starts_keyframe(payload: &[u8]) -> bool {
    let [first, _, rest @ ..] = payload else { return false };
    match (first >> 1) & 0x3f {
        AGGREGATE => rest.get(2).is_some_and(|unit| is_start((unit >> 1) & 0x3f)),
        FRAGMENT => {
            rest.first().is_some_and(|header| header & 0x80 != 0 && is_start(header & 0x3f))
        }
        unit_type => is_start(unit_type),
    }
}

#[cfg(test)]
mod tests {
    use super::starts_keyframe;

    #[test]
    fn parameter_sets_and_idr_pictures_start_a_keyframe() {
        assert!(starts_keyframe(&[32 << 1, 1, 0]));
        assert!(starts_keyframe(&[19 << 1, 1, 0]));
        assert!(!starts_keyframe(&[1 << 1, 1, 0]));
    }

    #[test]
    fn aggregates_and_first_fragments_are_looked_into() {
        assert!(starts_keyframe(&[48 << 1, 1, 0, 4, 32 << 1, 1]));
        assert!(starts_keyframe(&[49 << 1, 1, 0x80 | 19]));
        assert!(!starts_keyframe(&[49 << 1, 1, 19]));
    }
}
