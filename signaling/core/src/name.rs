//! The names people give: of a room, of an identity, on a name plate.

use std::collections::BTreeMap;

use crate::error::{ErrorCode, RequestError};

/// Bytes of a room's name.
pub const ROOM_BYTES: usize = 64;
/// Bytes of an identity, a display name or a track's label.
pub const LABEL_BYTES: usize = 128;
/// Bytes of a participant's metadata, and of its attributes together: each goes to everybody.
pub const METADATA_BYTES: usize = 16 * 1024;

/// Checks a room's name: 1 to 64 of letters, digits, `-`, `_`, `.`, and not `.` or `..`, which a
/// browser takes out of a path.
///
/// # Errors
/// [`ErrorCode::BadRequest`] with what is allowed.
pub fn check_room(name: &str) -> Result<(), RequestError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let length = (1..=ROOM_BYTES).contains(&name.len());
    if length && name.bytes().all(allowed) && !matches!(name, "." | "..") {
        return Ok(());
    }
    Err(RequestError::new(
        ErrorCode::BadRequest,
        "a room's name has 1 to 64 of the characters a-z, A-Z, 0-9, '-', '_' and '.'",
    ))
}

/// Checks an identity: 1 to 128 bytes without control characters.
///
/// # Errors
/// [`ErrorCode::BadRequest`] with what is allowed.
pub fn check_identity(identity: &str) -> Result<(), RequestError> {
    if identity.is_empty() {
        return Err(RequestError::new(ErrorCode::BadRequest, "the identity is empty"));
    }
    check_label("the identity", identity)
}

/// Checks a text that is shown on one line: at most 128 bytes without control characters. `what`
/// begins the error's sentence.
///
/// # Errors
/// [`ErrorCode::BadRequest`] with what is allowed.
pub fn check_label(what: &str, text: &str) -> Result<(), RequestError> {
    if text.len() <= LABEL_BYTES && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(RequestError::new(
        ErrorCode::BadRequest,
        format!("{what} is longer than {LABEL_BYTES} bytes or has control characters in it"),
    ))
}

/// Checks what is free in form and bounded in size.
///
/// # Errors
/// [`ErrorCode::TooLarge`] with the limit.
pub fn check_metadata(
    metadata: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), RequestError> {
    let pairs: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    if metadata.len() <= METADATA_BYTES && pairs <= METADATA_BYTES {
        return Ok(());
    }
    Err(RequestError::new(
        ErrorCode::TooLarge,
        format!("metadata and attributes are limited to {METADATA_BYTES} bytes each"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_names_are_what_a_path_can_carry() {
        for good in ["a", "Team-1_b.c", "..a", &"x".repeat(64)] {
            assert_eq!(check_room(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a%20", &"x".repeat(65)] {
            assert!(check_room(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn identities_are_one_line_of_any_script() {
        for good in ["ana", "Jürgen 7", "名前", &"x".repeat(128)] {
            assert_eq!(check_identity(good), Ok(()), "{good}");
        }
        for bad in ["", "a\nb", "\u{0}", &"x".repeat(129)] {
            assert!(check_identity(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_is_bounded_on_its_own_and_in_its_attributes() {
        let full = "x".repeat(METADATA_BYTES);
        let pairs = |value: &str| BTreeMap::from([("k".to_owned(), value.to_owned())]);
        assert_eq!(check_metadata(&full, &pairs(&full[1..])), Ok(()));
        assert!(check_metadata(&format!("{full}x"), &BTreeMap::new()).is_err());
        assert!(check_metadata("", &pairs(&full)).is_err());
    }
}
