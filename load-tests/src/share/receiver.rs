//! The receiving side of one transfer: accepts what is offered, verifies each block, and keeps none. Pure.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, bail, ensure};

use super::control::{self, BLOCK, Control, File, Manifest};
use super::piece::Piece;
use super::tree::{self, Hash};

/// Blocks that are asked for and have not come: 16 MiB.
const MOST_AHEAD: usize = 16;
/// The longest manifest, in bytes.
const LONGEST_MANIFEST: usize = 4 << 20;
/// How often the same block may be wrong.
const MOST_WRONG: u32 = 5;
/// Progress is told after so many blocks.
const PROGRESS: u64 = 16;

/// What comes from one sender.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    offered: Option<(String, usize)>,
    text: String,
    transfer: Option<Transfer>,
    /// Bytes of pieces.
    arrived: u64,
    /// Blocks that were not what they should be.
    pub(super) wrong: u64,
}

#[derive(Debug)]
struct Transfer {
    id: String,
    file: File,
    root: Hash,
    /// Still to be asked for.
    missing: VecDeque<u32>,
    /// Asked for, with what has come of each.
    ahead: BTreeMap<u32, Partial>,
    /// How often a block was wrong.
    failures: BTreeMap<u32, u32>,
    verified: u64,
    is_told: bool,
}

#[derive(Debug, Default)]
struct Partial {
    proof: Vec<Hash>,
    bytes: Vec<u8>,
}

impl Receiver {
    /// Takes what the sender says, and returns what is to be said.
    ///
    /// # Errors
    ///
    /// When it cancels, or offers what this receiver does not take.
    pub(super) fn hear(&mut self, control: Control) -> anyhow::Result<Vec<Control>> {
        match control {
            Control::Offer { id, length } => {
                ensure!(self.transfer.is_none(), "a second transfer was offered");
                ensure!(length <= LONGEST_MANIFEST, "a manifest of {length} bytes was offered");
                self.text.clear();
                self.offered = Some((id, length));
            }
            Control::Manifest { id, part, last } => {
                let offered = self.offered.take_if(|(offered, _)| *offered == id);
                let (_, length) = offered.context("a manifest came that was not offered")?;
                self.text.push_str(&part);
                ensure!(self.text.len() <= length, "the manifest is longer than was said");
                if last {
                    return self.accept(id);
                }
                self.offered = Some((id, length));
            }
            Control::Cancel { reason, .. } => bail!("the sender cancelled: {reason}"),
            Control::Ready | Control::Other => {}
            other => bail!("the sender said {other:?}, which was not for it to say"),
        }
        Ok(Vec::new())
    }

    fn accept(&mut self, id: String) -> anyhow::Result<Vec<Control>> {
        let text = std::mem::take(&mut self.text);
        let manifest =
            Manifest::read(&text, &id).context("the manifest is not what was offered")?;
        let file = manifest.files.into_iter().next().context("there is no file in it")?;
        let root = file.root().context("the file's root is none")?;
        let blocks = file.blocks();
        let (files, have) = (control::all(1), control::none(blocks));
        let mut transfer = Transfer {
            id: id.clone(),
            file,
            root,
            missing: (0..blocks).collect(),
            ahead: BTreeMap::new(),
            failures: BTreeMap::new(),
            verified: 0,
            is_told: false,
        };
        let mut said = vec![Control::Accept { id, files, have }];
        said.extend(transfer.report());
        self.transfer = Some(transfer);
        Ok(said)
    }

    /// Takes a binary message; returns what is to be said, and the word of arrival.
    ///
    /// # Errors
    ///
    /// When it is no piece of a block that was asked for, or the same block is wrong time and again.
    pub(super) fn take(&mut self, message: &[u8]) -> anyhow::Result<(Vec<Control>, String)> {
        self.arrived += message.len() as u64;
        let piece = Piece::read(message).context("a binary message is no piece")?;
        let transfer = self.transfer.as_mut().context("a piece came before a manifest")?;
        ensure!(
            piece.transfer == control::abbreviate(&transfer.id),
            "a piece is of another transfer"
        );
        let number = piece.block;
        let size = transfer.file.block_size(number);
        let partial =
            transfer.ahead.get_mut(&number).context("a block came that nobody asked for")?;
        ensure!(
            piece.offset as usize == partial.bytes.len(),
            "a piece of block {number} is missing"
        );
        ensure!(partial.bytes.len() + piece.bytes.len() <= size, "block {number} is too long");
        if piece.offset == 0 {
            partial.proof = piece.proof;
        }
        partial.bytes.extend_from_slice(piece.bytes);
        let mut said = Vec::new();
        if partial.bytes.len() == size
            && let Some(whole) = transfer.ahead.remove(&number)
        {
            if !transfer.judge(number, &whole)? {
                self.wrong += 1;
            }
            said = transfer.report();
        }
        Ok((said, self.arrived.to_string()))
    }

    /// Bytes that are verified.
    pub(super) fn verified(&self) -> u64 {
        self.transfer.as_ref().map_or(0, |transfer| transfer.verified)
    }

    /// Whether all has come, and the sender was told.
    pub(super) fn is_done(&self) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.is_told)
    }
}

impl Transfer {
    /// Whether a whole block is right. One that is not will be asked for again.
    fn judge(&mut self, number: u32, whole: &Partial) -> anyhow::Result<bool> {
        let (index, count) = (number as usize, self.file.blocks() as usize);
        if tree::is_under(&self.root, index, count, &whole.bytes, &whole.proof) {
            self.verified += whole.bytes.len() as u64;
            return Ok(true);
        }
        let failures = self.failures.entry(number).or_default();
        *failures += 1;
        ensure!(*failures < MOST_WRONG, "block {number} was wrong {MOST_WRONG} times");
        self.missing.push_front(number);
        Ok(false)
    }

    /// What is said after a block, and at first.
    fn report(&mut self) -> Vec<Control> {
        let id = self.id.clone();
        if self.verified == self.file.size {
            self.is_told = true;
            return vec![Control::Done { id }];
        }
        let mut said = self.ask();
        if self.verified > 0 && self.verified.is_multiple_of(PROGRESS * BLOCK) {
            said.push(Control::Progress { id, bytes: self.verified });
        }
        said
    }

    /// Asks for more, as far as there may be.
    fn ask(&mut self) -> Vec<Control> {
        let count = (MOST_AHEAD - self.ahead.len()).min(self.missing.len());
        if count == 0 {
            return Vec::new();
        }
        let blocks: Vec<u32> = self.missing.drain(..count).collect();
        self.ahead.extend(blocks.iter().map(|block| (*block, Partial::default())));
        vec![Control::Want { id: self.id.clone(), blocks }]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::content::Content;
    use super::super::sender::{Offer, Sender};
    use super::*;

    /// Sends a file of that size. The messages that are whole blocks' ends go through `spoil`.
    fn transfer(size: u64, mut spoil: impl FnMut(&mut Vec<u8>)) -> anyhow::Result<Receiver> {
        let mut sender = Sender::new(Arc::new(Offer::new(Content::new(7, size))?));
        let mut receiver = Receiver::default();
        let mut said: VecDeque<Control> = sender.offer().into();
        while !sender.is_done() {
            while let Some(control) = said.pop_front() {
                for answer in receiver.hear(control)? {
                    sender.hear(answer)?;
                }
            }
            let mut message = sender.next().context("nothing is under way")?;
            spoil(&mut message);
            let (answers, word) = receiver.take(&message)?;
            sender.arrived(&word)?;
            answers.into_iter().try_for_each(|answer| sender.hear(answer))?;
        }
        assert!(receiver.is_done());
        assert_eq!(receiver.verified(), size);
        Ok(receiver)
    }

    #[test]
    fn a_file_comes_whole_and_verified() {
        for size in [1, 16_384, BLOCK, BLOCK + 1, 40 * BLOCK + 12_345] {
            assert_eq!(transfer(size, |_| ()).expect("a transfer").wrong, 0, "{size}");
        }
    }

    #[test]
    fn a_wrong_block_is_asked_for_again_and_not_for_ever() {
        let mut left = 3;
        let spoil = |message: &mut Vec<u8>| {
            if left > 0 && Piece::read(message).is_some_and(|piece| piece.offset == 0) {
                left -= 1;
                *message.last_mut().expect("a byte") ^= 1;
            }
        };
        assert_eq!(transfer(3 * BLOCK, spoil).expect("a transfer").wrong, 3);
        let always = |message: &mut Vec<u8>| *message.last_mut().expect("a byte") ^= 1;
        let error = transfer(BLOCK, always).expect_err("always wrong").to_string();
        assert_eq!(error, "block 0 was wrong 5 times");
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        let error = Receiver::default().take(b"x").expect_err("no piece").to_string();
        assert_eq!(error, "a binary message is no piece");
        let mut receiver = Receiver::default();
        let manifest = Control::Manifest { id: "a".into(), part: "{}".into(), last: true };
        assert!(receiver.hear(manifest).is_err());
        receiver.hear(Control::Offer { id: "a".into(), length: 2 }).expect("an offer");
        let manifest = Control::Manifest { id: "a".into(), part: "{}".into(), last: true };
        assert!(receiver.hear(manifest).is_err());
    }
}
