//! What is read of a STUN message before its session looks at it (RFC 8489 §5, RFC 8445 §7.1).
//!
//! Nothing here is proof of anything: integrity is checked by the session. Every function bears
//! any bytes.

const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;

/// A message's transaction id.
pub(crate) type Transaction = [u8; 12];

/// The transaction id of a message that is as long as a header.
pub(crate) fn transaction(message: &[u8]) -> Option<Transaction> {
    message.get(8..HEADER)?.try_into().ok()
}

/// Whether it is a connectivity check: a binding request.
pub(crate) fn is_check(message: &[u8]) -> bool {
    message.starts_with(&[0x00, 0x01])
}

/// Whether it is the successful answer to one.
pub(crate) fn is_answer(message: &[u8]) -> bool {
    message.starts_with(&[0x01, 0x01])
}

/// The receiver's ufrag: USERNAME is `receiver:sender` in checks (RFC 8445 §7.2.2). `None` where
/// there is no user name, as in answers.
pub(crate) fn receiver_ufrag(message: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(attribute(message, USERNAME)?).ok()?;
    text.split_once(':').map(|(receiver, _)| receiver)
}

/// The priority that the sender gives the address it checks from (RFC 8445 §7.1.1).
pub(crate) fn priority(message: &[u8]) -> Option<u32> {
    attribute(message, PRIORITY)?.try_into().ok().map(u32::from_be_bytes)
}

/// Whether the sender wants this path to be used (RFC 8445 §7.1.2).
pub(crate) fn nominates(message: &[u8]) -> bool {
    attribute(message, USE_CANDIDATE).is_some()
}

fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut attributes = message.get(HEADER..)?;
    while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([*kind_high, *kind_low]) == wanted {
            return Some(value);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (transaction(&bytes), is_check(&bytes), is_answer(&bytes));
            let _ = (receiver_ufrag(&bytes), priority(&bytes), nominates(&bytes));
        }
    }

    #[test]
    fn attributes_are_found_behind_others() {
        let mut message = vec![0, 1, 0, 0];
        message.extend([0; 16]);
        message.extend([0x80, 0x22, 0, 3, b'x', b'y', b'z', 0]);
        message.extend([0, 6, 0, 9]);
        message.extend(b"mine:your\0\0\0");
        message.extend([0, 0x24, 0, 4, 0x6e, 0, 0, 1]);
        assert_eq!(receiver_ufrag(&message), Some("mine"));
        assert_eq!(priority(&message), Some(0x6e00_0001));
        assert!(is_check(&message) && !nominates(&message));
        message.extend([0, 0x25, 0, 0]);
        assert!(nominates(&message));
    }
}
