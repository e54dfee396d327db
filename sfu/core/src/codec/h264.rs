//! H.264 NAL units in RTP packets (RFC 6184 §5).

const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Decoding can start at sequence parameters, or at an IDR slice whose parameters came before.
fn is_start(unit_type: u8) -> bool {
    matches!(unit_type & 0x1f, SEQUENCE_PARAMETERS | IDR_SLICE)
}

/// The packet carries, or begins, a unit at which decoding can start.
pub(super) fn starts_keyframe(payload: &[u8]) -> bool {
    let Some((&first, mut rest)) = payload.split_first() else { return false };
    match first & 0x1f {
        STAP_A => {
            while let [high, low, unit @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match unit.get(..length) {
                    Some([unit_type, ..]) if is_start(*unit_type) => return true,
                    Some([_, ..]) => rest = &unit[length..],
                    _ => return false,
                }
            }
            false
        }
        FU_A => rest.first().is_some_and(|header| header & 0x80 != 0 && is_start(*header)),
        unit_type => is_start(unit_type),
    }
}

#[cfg(test)]
mod tests {
    use super::starts_keyframe;

    #[test]
    fn parameters_in_an_aggregate_start_a_keyframe() {
        assert!(starts_keyframe(&[0x78, 0x00, 0x02, 0x09, 0xf0, 0x00, 0x02, 0x67, 0x42]));
        assert!(!starts_keyframe(&[0x78, 0x00, 0x02, 0x09, 0xf0, 0x00, 0x02, 0x41, 0x42]));
    }

    #[test]
    fn only_the_first_fragment_of_an_idr_slice_counts() {
        assert!(starts_keyframe(&[0x7c, 0x85, 0x00]));
        assert!(!starts_keyframe(&[0x7c, 0x05, 0x00]));
        assert!(!starts_keyframe(&[0x7c, 0x81, 0x00]));
    }

    #[test]
    fn an_aggregate_with_lengths_that_lie_ends_quietly() {
        assert!(!starts_keyframe(&[0x78, 0xff, 0xff, 0x67]));
        assert!(!starts_keyframe(&[0x78, 0x00, 0x00, 0x00, 0x00]));
    }
}
