//! The manifest and the control messages of a transfer (docs/transfer.md). Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::tree::{self, Hash};

/// Bytes of a block.
pub(super) const BLOCK: u64 = 1 << 20;

/// What is transferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    v: u8,
    pub(super) files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
    /// Milliseconds since 1970.
    pub(super) modified: u64,
    /// The root of its tree, in base64url.
    root: String,
}

/// What is said on the control channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Control {
    Ready,
    Offer {
        id: String,
        length: usize,
    },
    Manifest {
        id: String,
        part: String,
        #[serde(default)]
        last: bool,
    },
    Accept {
        id: String,
        files: String,
        have: String,
    },
    Decline {
        id: String,
    },
    Want {
        id: String,
        blocks: Vec<u32>,
    },
    Progress {
        id: String,
        bytes: u64,
    },
    Done {
        id: String,
    },
    Cancel {
        id: String,
        reason: String,
    },
    /// What this version does not know, or does not need.
    #[serde(other)]
    Other,
}

impl Manifest {
    /// Of one file.
    pub(super) fn of(path: &str, size: u64, modified: u64, root: &Hash) -> Manifest {
        let root = URL_SAFE_NO_PAD.encode(root);
        Manifest { v: 1, files: vec![File { path: path.to_owned(), size, modified, root }] }
    }

    /// As it is sent.
    pub(super) fn write(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// One file whose text has this id; `None` for everything else.
    pub(super) fn read(text: &str, id: &str) -> Option<Manifest> {
        let manifest: Manifest = serde_json::from_str(text).ok()?;
        let is_right = identify(text) == id && manifest.v == 1 && manifest.files.len() == 1;
        is_right.then_some(manifest)
    }
}

impl File {
    /// How many blocks it has.
    pub(super) fn blocks(&self) -> u32 {
        self.size.div_ceil(BLOCK) as u32
    }

    /// The bytes of a block.
    pub(super) fn block_size(&self, block: u32) -> usize {
        self.size.saturating_sub(u64::from(block) * BLOCK).min(BLOCK) as usize
    }

    /// The root of its tree; `None` if what stands there is none.
    pub(super) fn root(&self) -> Option<Hash> {
        URL_SAFE_NO_PAD.decode(&self.root).ok()?.try_into().ok()
    }
}

/// A manifest's id: 64 hexadecimal digits.
pub(super) fn identify(manifest: &str) -> String {
    tree::plain(manifest.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The beginning of an id, as it stands in pieces.
pub(super) fn abbreviate(id: &str) -> [u8; 8] {
    let digits = |at: usize| id.get(2 * at..2 * at + 2).unwrap_or_default();
    std::array::from_fn(|at| u8::from_str_radix(digits(at), 16).unwrap_or_default())
}

/// A bitmap in base64url in which the first `count` numbers are set.
pub(super) fn all(count: u32) -> String {
    let mut bits = vec![0xff_u8; count.div_ceil(8) as usize];
    if let Some(last) = bits.last_mut()
        && !count.is_multiple_of(8)
    {
        *last = (1 << (count % 8)) - 1;
    }
    URL_SAFE_NO_PAD.encode(bits)
}

/// A bitmap in base64url for `count` numbers, of which none is set.
pub(super) fn none(count: u32) -> String {
    URL_SAFE_NO_PAD.encode(vec![0_u8; count.div_ceil(8) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_messages_are_read() {
        let documented = include_str!("../../../docs/transfer.md");
        let lines = documented.lines().filter(|line| line.starts_with("{\"type\":"));
        let messages: Vec<Control> =
            lines.map(|line| serde_json::from_str(line).expect(line)).collect();
        assert!(messages.len() >= 10, "{messages:?}");
        assert!(messages.contains(&Control::Want { id: "…".into(), blocks: vec![3, 4, 5] }));
    }

    #[test]
    fn a_manifest_is_known_by_its_id() {
        let manifest = Manifest::of("a", 3 * BLOCK + 5, 0, &[7; 32]);
        let text = manifest.write().expect("JSON");
        let id = identify(&text);
        assert_eq!(
            (id.len(), abbreviate(&id)[0]),
            (64, u8::from_str_radix(&id[..2], 16).expect("hex"))
        );
        assert_eq!(Manifest::read(&text, &id).as_ref(), Some(&manifest));
        assert_eq!(Manifest::read(&text, &identify("")), None);
        let file = &manifest.files[0];
        assert_eq!((file.blocks(), file.block_size(3), file.block_size(4)), (4, 5, 0));
        assert_eq!(file.root(), Some([7; 32]));
    }

    #[test]
    fn bitmaps_begin_with_the_lowest_bit() {
        assert_eq!((all(1), none(9)), ("AQ".to_owned(), "AAA".to_owned()));
        assert_eq!(URL_SAFE_NO_PAD.decode(all(11)).expect("base64"), [0xff, 0b111]);
        assert_eq!((all(0), all(8)), (String::new(), "_w".to_owned()));
    }
}
