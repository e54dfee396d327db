//! Frames to requests, replies and events to frames: the same whatever door carries them.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
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
pub struct BadFrame {
    /// Its number, where it has one: then it gets a reply. Otherwise the sender is lost.
    pub id: Option<u64>,
    /// What is wrong with it.
    pub error: RequestError,
}

/// Reads one text frame.
///
/// # Errors
/// What is wrong with it, and whom to tell.
pub fn parse(text: &str) -> Result<RequestFrame, BadFrame> {
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
///
/// # Errors
/// What is wrong with it.
pub fn parse_data(bytes: &[u8]) -> Result<RequestFrame, RequestError> {
    let bad = |message: &str| RequestError::new(ErrorCode::BadRequest, message);
    let send = envelope::from_sender(bytes)
        .map_err(|error| bad(&format!("a binary frame is a data message: {error}")))?;
    let id = send.message.ok_or_else(|| bad("a data message needs an id to be answered to"))?;
    Ok(RequestFrame { id, request: Request::Send(send) })
}

/// Reads one frame, or an array of at most `limit`. In an array a text is a binary frame in base 64
/// (RFC 4648 §4), for doors that carry text alone.
///
/// # Errors
/// When it is no such thing. What is wrong with single frames is among the results.
pub fn parse_batch(
    text: &str,
    limit: usize,
) -> Result<Vec<Result<RequestFrame, BadFrame>>, RequestError> {
    if !text.trim_start().starts_with('[') {
        return Ok(vec![parse(text)]);
    }
    let bad = |message: String| RequestError::new(ErrorCode::BadRequest, message);
    if is_deeper_than(text, DEPTH + 1) {
        return Err(bad(format!("nested deeper than {DEPTH}")));
    }
    let frames: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| bad(format!("this is no array: {error}")))?;
    if frames.len() > limit {
        return Err(RequestError::new(
            ErrorCode::TooLarge,
            format!("at most {limit} frames are taken at once"),
        ));
    }
    Ok(frames
        .into_iter()
        .map(|frame| match serde_json::from_str::<Cow<'_, str>>(frame.get()) {
            Ok(envelope) => STANDARD
                .decode(envelope.as_bytes())
                .map_err(|error| bad(format!("a text in the array is base 64: {error}")))
                .and_then(|bytes| parse_data(&bytes))
                .map_err(|error| BadFrame { id: None, error }),
            Err(_) => parse(frame.get()),
        })
        .collect())
}

/// Writes the envelope of a data message for doors that carry text alone: JSON, its base 64 as a text.
pub fn envelope(bytes: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(bytes))
}

/// Writes one event.
pub fn event(event: Event) -> Option<String> {
    serde_json::to_string(&EventFrame { seq: None, event }).ok()
}

/// Writes one reply. `None` only if these types could not be written, which they can.
pub fn reply(re: u64, outcome: Outcome) -> Option<String> {
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

    #[test]
    fn a_batch_is_frames_and_envelopes_in_order() {
        let send = Request::Send(signaling_core::request::Send {
            topic: "t".into(),
            payload: vec![1].into(),
            to: None,
            listeners: false,
            lossy: false,
            retain: false,
            message: Some(9),
        });
        // Version 1 with an id, a topic of one letter, a payload of one byte.
        let bytes = [1, 8, 0, 0, 0, 0, 0, 0, 0, 9, 1, b't', 1];
        let text = format!(r#"[{{"id":7,"type":"ping"}},{},{{"id":8}},3]"#, envelope(&bytes));
        let batch = parse_batch(&text, 4).unwrap();
        assert_eq!(batch[0], Ok(RequestFrame { id: 7, request: Request::Ping }));
        assert_eq!(batch[1], Ok(RequestFrame { id: 9, request: send }));
        assert_eq!(batch[2].as_ref().unwrap_err().id, Some(8));
        assert_eq!(batch[3].as_ref().unwrap_err().id, None);
        assert_eq!(parse_batch(&text, 3).unwrap_err().code, ErrorCode::TooLarge);
        assert_eq!(parse_batch("[", 3).unwrap_err().code, ErrorCode::BadRequest);
        assert_eq!(parse_batch(r#"{"id":7,"type":"ping"}"#, 1).unwrap().len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,64}") {
            let _ = parse(&text);
            let _ = parse_batch(&text, 4);
        }
    }
}
