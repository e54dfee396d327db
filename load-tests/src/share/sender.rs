//! The sending side of one transfer. Pure: control messages in, pieces out.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};

use super::content::Content;
use super::control::{self, Control};
use super::piece::Piece;
use super::tree::Tree;

/// Bytes of a block in a piece, as Oriel's pages send them.
const PIECE: usize = 16 * 1_024;
/// The most characters of a manifest in a message.
const MANIFEST_PART: usize = 16_384;
/// The most blocks that may be asked for and not stored.
const MOST_WANTED: usize = 64;
/// Bytes on their way: the window that pages begin with, and what the smallest socket buffer holds.
const WINDOW: u64 = 64 * 1_024;

/// A file that can be offered to any number of receivers.
#[derive(Debug)]
pub(super) struct Offer {
    content: Content,
    tree: Tree,
    manifest: String,
    id: String,
    blocks: u32,
}

/// One file on its way to one receiver.
#[derive(Debug)]
pub(super) struct Sender {
    offer: Arc<Offer>,
    is_accepted: bool,
    wanted: VecDeque<u32>,
    /// The block under way, and where the next piece of it begins.
    current: Option<(u32, Vec<u8>, usize)>,
    sent: u64,
    arrived: u64,
    is_done: bool,
}

impl Offer {
    pub(super) fn new(content: Content) -> anyhow::Result<Offer> {
        let tree = content.tree();
        let manifest = content.manifest(&tree);
        let blocks = manifest.files.iter().map(control::File::blocks).sum();
        let manifest = manifest.write()?;
        let id = control::identify(&manifest);
        Ok(Offer { content, tree, manifest, id, blocks })
    }
}

impl Sender {
    pub(super) fn new(offer: Arc<Offer>) -> Sender {
        Sender {
            offer,
            is_accepted: false,
            wanted: VecDeque::new(),
            current: None,
            sent: 0,
            arrived: 0,
            is_done: false,
        }
    }

    /// What is said first.
    pub(super) fn offer(&self) -> Vec<Control> {
        let Offer { id, manifest, .. } = &*self.offer;
        // A made-up manifest is ASCII: any byte is the end of a character.
        let parts = manifest.as_bytes().chunks(MANIFEST_PART);
        let count = parts.len();
        let parts = parts.enumerate().map(|(index, part)| Control::Manifest {
            id: id.clone(),
            part: String::from_utf8_lossy(part).into_owned(),
            last: index + 1 == count,
        });
        let offer = Control::Offer { id: id.clone(), length: manifest.len() };
        std::iter::once(offer).chain(parts).collect()
    }

    /// Takes what the receiver says.
    ///
    /// # Errors
    ///
    /// When it declines, cancels, or says what it may not.
    pub(super) fn hear(&mut self, control: Control) -> anyhow::Result<()> {
        match control {
            Control::Accept { id, .. } if id == self.offer.id => self.is_accepted = true,
            Control::Want { id, blocks } if id == self.offer.id && self.is_accepted => {
                self.wanted.extend(blocks);
                ensure!(
                    self.wanted.len() <= MOST_WANTED,
                    "the receiver asked for too much at once"
                );
                let last = self.wanted.iter().max().copied().unwrap_or_default();
                ensure!(last < self.offer.blocks, "the receiver asked for a block {last}");
            }
            Control::Done { id } if id == self.offer.id => self.is_done = true,
            Control::Decline { .. } => bail!("the receiver declined"),
            Control::Cancel { reason, .. } => bail!("the receiver cancelled: {reason}"),
            Control::Ready | Control::Progress { .. } | Control::Other => {}
            other => bail!("the receiver said {other:?}, which was not for it to say"),
        }
        Ok(())
    }

    /// Takes a word of how many bytes have arrived.
    ///
    /// # Errors
    ///
    /// When that cannot be.
    pub(super) fn arrived(&mut self, word: &str) -> anyhow::Result<()> {
        let arrived = word.parse().with_context(|| format!("a word of arrival is {word:?}"))?;
        ensure!(
            (self.arrived..=self.sent).contains(&arrived),
            "{arrived} bytes have arrived, the receiver says, after {} of {}",
            self.arrived,
            self.sent
        );
        self.arrived = arrived;
        Ok(())
    }

    /// The next piece, if one may be sent now.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        if self.sent - self.arrived >= WINDOW {
            return None;
        }
        if self.current.is_none() {
            let number = self.wanted.pop_front()?;
            self.current = Some((number, self.offer.content.block(number), 0));
        }
        let (block, bytes, offset) = self.current.as_mut()?;
        let end = (*offset + PIECE).min(bytes.len());
        let proof = if *offset == 0 { self.offer.tree.proof(*block as usize) } else { Vec::new() };
        let piece = Piece {
            transfer: control::abbreviate(&self.offer.id),
            block: *block,
            offset: *offset as u32,
            proof,
            bytes: &bytes[*offset..end],
        };
        let message = piece.write();
        *offset = end;
        if end == bytes.len() {
            self.current = None;
        }
        self.sent += message.len() as u64;
        Some(message)
    }

    /// Whether the receiver has all of it, verified.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }
}
