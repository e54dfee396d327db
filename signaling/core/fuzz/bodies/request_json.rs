//! A frame is a request or is refused; what is read is written so that it reads the same.

use signaling_core::request::RequestFrame;

pub(crate) fn run(data: &[u8]) {
    let Ok(frame) = serde_json::from_slice::<RequestFrame>(data) else { return };
    let text = serde_json::to_string(&frame).expect("a request can be written");
    let again: RequestFrame = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(again, frame, "{text}");
}
