//! Whatever bytes come as a data message: they are one envelope, written one way, or none.

use sfu_core::envelope::{Envelope, MAX_CLIENT_BYTES};

pub(crate) fn run(data: &[u8]) {
    let parsed = Envelope::parse(data);
    if let Ok(envelope) = &parsed {
        assert_eq!(envelope.encode().as_deref(), Ok(data), "{envelope:?}");
    }
    if let Ok(envelope) = Envelope::from_client(data) {
        assert_eq!(Ok(&envelope), parsed.as_ref());
        assert!(data.len() <= MAX_CLIENT_BYTES && envelope.sender.is_none());
        assert!(envelope.seq.is_none(), "only the server numbers");
    }
}
