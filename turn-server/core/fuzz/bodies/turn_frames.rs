//! Where the messages of a stream end does not depend on the pieces that it comes in.

use turn_core::frame_length;

pub(crate) fn run(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some(length)) = frame_length(rest) {
        assert!(length >= 4 && length % 4 == 0, "{length}");
        for known in 0..rest.len().min(64) {
            let early = frame_length(&rest[..known]);
            assert!(matches!(early, Ok(None)) || early == Ok(Some(length)), "{known}: {early:?}");
        }
        if length > rest.len() {
            return;
        }
        rest = &rest[length..];
    }
    // What is refused stays refused, whatever comes after it.
    if frame_length(rest).is_err() {
        assert!(frame_length(&[rest, &[0; 8]].concat()).is_err());
    }
}
