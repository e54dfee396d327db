//! Identifiers: 64 bits inside, a prefixed word outside (`PA_2f9k…`).
//!
//! An id names a thing; it opens nothing. What a word alone opens (a WHIP session) is 128 random bits
//! made by the shell.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Crockford's base 32 in lower case: no letter is mistaken for another when read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Writes `value` as 13 characters of base 32, most significant first.
fn encode(value: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for shift in (0..13).rev() {
        let digit = (value >> (shift * 5)) & 31;
        fmt::Write::write_char(out, ALPHABET[digit as usize] as char)?;
    }
    Ok(())
}

/// Reads what [`encode`] wrote. `None` for any other text.
fn decode(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    let mut value: u64 = 0;
    for (index, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)? as u64;
        // 13 digits carry 65 bits: the first one holds four.
        if index == 0 && digit > 15 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(value)
}

/// The text is not an identifier of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this kind")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                encode(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix).and_then(decode).map($name).ok_or(InvalidId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One run of a room, from its first join to its end. A name can have many runs.
    RoomId,
    "RM_"
);
id!(
    /// One participant in one room, across reconnects.
    ParticipantId,
    "PA_"
);
id!(
    /// One published track.
    TrackId,
    "TR_"
);
id!(
    /// One chat message.
    ChatId,
    "CH_"
);

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_id_survives_its_text(value: u64) {
            let id = TrackId(value);
            proptest::prop_assert_eq!(id.to_string().parse::<TrackId>(), Ok(id));
            proptest::prop_assert!(id.to_string().parse::<RoomId>().is_err());
        }

        #[test]
        fn no_text_panics(text in ".{0,24}") {
            let _ = text.parse::<ParticipantId>();
            let _ = format!("PA_{text}").parse::<ParticipantId>();
        }
    }
}
