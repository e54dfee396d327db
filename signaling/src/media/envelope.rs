//! Data messages as bytes: the one envelope that data channels, WebSockets and WebTransport share
//! (`docs/protocol.md`, "Data").

use bytes::Bytes;
use sfu::envelope::{Envelope, Malformed};
use signaling_core::id::ParticipantId;
use signaling_core::info::DataMessage;
use signaling_core::request::Send;

/// A message as a receiver gets it; `seq` is its number in the room's journal.
///
/// # Errors
/// When it is too large, which rooms see to.
pub fn for_receiver(message: &DataMessage, seq: Option<u64>) -> Result<Bytes, Malformed> {
    let envelope = Envelope {
        lossy: message.lossy,
        sender: message.from.map(|from| from.0),
        id: message.id,
        seq,
        topic: &message.topic,
        payload: &message.payload,
        ..Envelope::default()
    };
    envelope.encode().map(Bytes::from)
}

/// Whether a message that is sent to a receiver may be lost.
pub fn is_lossy(bytes: &[u8]) -> bool {
    Envelope::parse(bytes).is_ok_and(|envelope| envelope.lossy)
}

/// A message as a sender gave it.
///
/// # Errors
/// What is wrong with the bytes.
pub fn from_sender(bytes: &[u8]) -> Result<Send, Malformed> {
    let Envelope { lossy, listeners, id, destinations, topic, payload, .. } =
        Envelope::from_client(bytes)?;
    let to = destinations.into_iter().map(ParticipantId).collect::<Vec<_>>();
    Ok(Send {
        topic: topic.to_owned(),
        payload: payload.into(),
        to: Some(to).filter(|to| !to.is_empty()),
        listeners,
        lossy,
        retain: false,
        message: id,
    })
}
