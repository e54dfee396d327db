//! Bytes in JSON: base 64 with padding (RFC 4648 §4).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes bytes.
///
/// # Errors
/// Those of the format.
pub fn serialize<S: Serializer>(bytes: &Arc<[u8]>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&STANDARD.encode(bytes))
}

/// Reads them.
///
/// # Errors
/// For any other text, padding included.
pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Arc<[u8]>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
    STANDARD.decode(text.as_bytes()).map(Arc::from).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Bytes(#[serde(with = "crate::base64")] Arc<[u8]>);

    #[test]
    fn bytes_are_written_as_in_the_rfc() {
        // RFC 4648 §10.
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foobar", "Zm9vYmFy")] {
            let json = format!("\"{text}\"");
            let bytes = Bytes(bytes.as_bytes().into());
            assert_eq!(serde_json::to_string(&bytes).unwrap(), json);
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
        }
    }

    #[test]
    fn any_other_text_is_refused() {
        for text in ["Zg", "Zg=", "Z===", "_w==", "Zg==\\n", "Zh==", "Zg== "] {
            assert!(serde_json::from_str::<Bytes>(&format!("\"{text}\"")).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_survive_their_text(bytes: Vec<u8>) {
            let bytes = Bytes(bytes.into());
            let json = serde_json::to_string(&bytes).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
        }
    }
}
