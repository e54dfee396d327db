//! The notes that pages write to each other by the server before they are connected (docs/transfer.md "Notes"),
//! sealed under the secret of the link. Pure.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::random;
use serde::{Deserialize, Serialize};

/// The version of the transfer protocol.
const VERSION: u8 = 1;

/// What stands in the link.
#[derive(Debug, Clone)]
pub(super) struct Secret(hmac::Key);

/// A page: 12 random bytes in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Page(String);

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Who says it.
    pub(super) from: Page,
    /// For whom it is; nobody in a `hello`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<Page>,
    #[serde(flatten)]
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Kind {
    Hello,
    Welcome,
    Refused,
    Description { lane: u8, description: Description },
    Candidate { lane: u8, candidate: Candidate },
}

/// An `RTCSessionDescription`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    #[serde(rename = "type")]
    pub(super) kind: DescriptionKind,
    pub(super) sdp: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DescriptionKind {
    Offer,
    Answer,
}

/// An `RTCIceCandidate`; an empty one says that there are no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidate {
    pub(super) candidate: String,
}

/// A note on its way.
#[derive(Serialize, Deserialize)]
struct Envelope {
    drop: u8,
    body: String,
    #[serde(default)]
    mac: String,
}

impl Secret {
    /// A new one.
    pub(super) fn make() -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, &random::<[u8; 16]>()))
    }

    /// A note as the `data` of a `signal` request.
    pub(super) fn seal(&self, note: &Note) -> serde_json::Result<String> {
        let body = serde_json::to_string(note)?;
        let mac = URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, body.as_bytes()));
        serde_json::to_string(&Envelope { drop: VERSION, body, mac })
    }

    /// What stands in such `data`; `None` if it is not sealed under this secret, or no note.
    pub(super) fn open(&self, data: &str) -> Option<Note> {
        let envelope: Envelope = serde_json::from_str(data).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(&envelope.mac).ok()?;
        hmac::verify(&self.0, envelope.body.as_bytes(), &mac).ok()?;
        let note = serde_json::from_str(&envelope.body).ok()?;
        (envelope.drop == VERSION).then_some(note)
    }
}

impl Page {
    /// A new one.
    pub(super) fn make() -> Page {
        Page(URL_SAFE_NO_PAD.encode(random::<[u8; 12]>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_for_those_who_have_the_secret() {
        let secret = Secret::make();
        let description = Description { kind: DescriptionKind::Offer, sdp: "v=0".into() };
        for kind in [Kind::Hello, Kind::Description { lane: 0, description }] {
            let note = Note { from: Page::make(), to: Some(Page::make()), kind };
            let sealed = secret.seal(&note).expect("JSON");
            assert_eq!(secret.open(&sealed), Some(note));
            assert_eq!(Secret::make().open(&sealed), None);
            assert_eq!(secret.open(&sealed.replacen("drop\":1", "drop\":2", 1)), None);
        }
        for nonsense in ["", "{}", r#"{"drop":1,"body":"{}"}"#] {
            assert_eq!(secret.open(nonsense), None, "{nonsense}");
        }
    }

    /// As `web-client/drop` writes them.
    #[test]
    fn pages_notes_are_read() {
        let body = r#"{"kind":"candidate","from":"Zm9vYmFyYmF6cXV4","to":"eHV4","lane":0,"candidate":{"candidate":"candidate:1 1 udp 1 10.0.0.1 9 typ host","sdpMid":"0","sdpMLineIndex":0}}"#;
        let note: Note = serde_json::from_str(body).expect("a note");
        assert!(matches!(note.kind, Kind::Candidate { lane: 0, .. }), "{note:?}");
    }
}
