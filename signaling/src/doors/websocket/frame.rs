//! Text frames to requests, replies to text frames.

use serde::Deserialize;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::{Event, EventFrame};
use signaling_core::reply::{Outcome, ReplyFrame};
use signaling_core::request::{Request, RequestFrame};

use crate::limits::MESSAGE_BYTES;
use crate::media::envelope;

/// How deep JSON may be nested. Requests need three.
const DEPTH: usize = 32;

/// A frame that is no request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadFrame {
    /// Its number, where it has one: then it gets a reply. Otherwise the sender is lost.
    pub(super) id: Option<u64>,
    pub(super) error: RequestError,
}

/// Reads one frame.
pub(super) fn parse(text: &str) -> Result<RequestFrame, BadFrame> {
    let bad = |id, code, message: String| BadFrame { id, error: RequestError::new(code, message) };
    if is_deeper_than(text, DEPTH) {
        let message = format!("nested deeper than {DEPTH}");
        return Err(bad(None, ErrorCode::BadRequest, message));
    }
    let frame: RequestFrame = serde_json::from_str(text).map_err(|error| {
        bad(id_of(text), ErrorCode::BadRequest, format!("this is no request: {error}"))
    })?;
    if text.len() > MESSAGE_BYTES && !matches!(frame.request, Request::Offer(_)) {
        let message = format!("only offers may be longer than {MESSAGE_BYTES} bytes");
        return Err(bad(Some(frame.id), ErrorCode::TooLarge, message));
    }
    Ok(frame)
}

fn id_of(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    serde_json::from_str::<Numbered>(text).ok().map(|frame| frame.id)
}

/// Whether brackets outside of strings are nested deeper than `depth`.
fn is_deeper_than(text: &str, depth: usize) -> bool {
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                open += 1;
                if open > depth {
                    return true;
                }
            }
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Reads one binary frame: a data message as its envelope, which is the request
/// [`send`](Request::Send) in another dress. Its message id is the request's number.
pub(super) fn parse_data(bytes: &[u8]) -> Result<RequestFrame, RequestError> {
    let bad = |message: &str| RequestError::new(ErrorCode::BadRequest, message);
    let send = envelope::from_sender(bytes)
        .map_err(|error| bad(&format!("a binary frame is a data message: {error}")))?;
    let id = send.message.ok_or_else(|| bad("a data message needs an id to be answered to"))?;
    Ok(RequestFrame { id, request: Request::Send(send) })
}

/// Writes one event.
pub(super) fn event(event: Event) -> Option<String> {
    serde_json::to_string(&EventFrame { seq: None, event }).ok()
}

/// Writes one reply. `None` only if these types could not be written, which they can.
pub(super) fn reply(re: u64, outcome: Outcome) -> Option<String> {
    serde_json::to_string(&ReplyFrame { re, outcome }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_number_can_be_answered() {
        let unknown = parse(r#"{"id":7,"type":"fly"}"#).unwrap_err();
        assert_eq!((unknown.id, unknown.error.code), (Some(7), ErrorCode::BadRequest));
        let nothing = parse("[]").unwrap_err();
        assert_eq!((nothing.id, nothing.error.code), (None, ErrorCode::BadRequest));
        assert!(parse(r#"{"id":-1,"type":"leave"}"#).is_err());
        assert_eq!(parse(r#"{"id":7,"type":"leave"}"#).unwrap().request, Request::Leave);
    }

    #[test]
    fn only_offers_are_long() {
        let long = "x".repeat(MESSAGE_BYTES);
        let chat = format!(r#"{{"id":1,"type":"chat","text":"{long}"}}"#);
        assert_eq!(parse(&chat).unwrap_err().error.code, ErrorCode::TooLarge);
        let offer = format!(r#"{{"id":1,"type":"offer","sdp":"{long}"}}"#);
        assert!(matches!(parse(&offer).unwrap().request, Request::Offer(_)));
    }

    #[test]
    fn depth_is_bounded_outside_of_strings() {
        let nested = |depth: usize| {
            format!(r#"{{"id":1,"type":"leave","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
        };
        assert!(parse(&nested(DEPTH - 1)).is_ok());
        assert!(parse(&nested(DEPTH)).is_err());
        let text = format!(r#"{{"id":1,"type":"chat","text":"\"{}"}}"#, "[".repeat(100));
        assert!(parse(&text).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,64}") {
            let _ = parse(&text);
        }
    }
}
