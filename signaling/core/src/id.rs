//! Identifiers: 64 bits inside, a prefixed word outside (`PA_2f9k…`).
//!
//! An id names a thing; it opens nothing. What a word alone opens (a WHIP session) is 128 random bits
//! made by the shell. So ids need to be unique, not secret, and a room draws its own from a seed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Crockford's base 32 in lower case: no letter is mistaken for another when read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Writes `value` as 13 characters of base 32, most significant first.
pub(crate) fn encode(value: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    for shift in (0..13).rev() {
        let digit = (value >> (shift * 5)) & 31;
        fmt::Write::write_char(out, ALPHABET[digit as usize] as char)?;
    }
    Ok(())
}

/// Reads what [`encode`] wrote. `None` for any other text.
pub(crate) fn decode(text: &str) -> Option<u64> {
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

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let pattern = concat!("^", $prefix, "[0-9a-f][0-9a-hjkmnp-tv-z]{12}$");
                json_schema!({ "type": "string", "pattern": pattern })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
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

/// A word that opens something by itself: 128 random bits made by the shell, 32 hexadecimal digits
/// on the wire. Debug output does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Secret(pub u128);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl FromStr for Secret {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        value.map(Secret).ok_or(InvalidId)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not a secret of this server"))
    }
}

/// Draws ids: SplitMix64, a bijection of a counter, so that one source never repeats itself within
/// 2⁶⁴ draws. Sources with unrelated seeds collide as rarely as random numbers do.
#[derive(Debug, Clone)]
pub struct IdSource {
    state: u64,
}

impl IdSource {
    /// A source whose ids follow from `seed`; take it from the operating system's random numbers.
    pub fn new(seed: u64) -> Self {
        IdSource { state: seed }
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_follows_the_published_sequence() {
        // The first outputs for seed 1234567, as in Rosetta Code's "SplitMix64".
        let mut source = IdSource::new(1_234_567);
        assert_eq!(source.draw(), 6_457_827_717_110_365_317);
        assert_eq!(source.draw(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_secret_is_32_digits_and_is_not_shown() {
        let secret = Secret(0x0f);
        let text = "\"0000000000000000000000000000000f\"";
        assert_eq!(serde_json::to_string(&secret).unwrap(), text);
        assert_eq!(serde_json::from_str::<Secret>(text).unwrap(), secret);
        assert!(!format!("{secret:?}").contains('f'), "{secret:?}");
        for wrong in ["\"\"", "\"0f\"", "15", &text.replace('f', "g"), &text.replace("0f", "+f")] {
            assert!(serde_json::from_str::<Secret>(wrong).is_err(), "{wrong}");
        }
    }

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
