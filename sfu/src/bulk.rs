//! Bulk streams between doors: the worker says who gets one, the bytes go from the sender's door to the
//! receivers' doors past it. What waits, and who is too slow, is for [`sfu_core::Bulk`] to say.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use sfu_core::stats::DropReason;
use sfu_core::{Bulk, BulkKey, Next};

use crate::link::{Inbox, Links};

/// Why a stream was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BulkRefused {
    /// The head is no envelope, is lossy, or has too much payload.
    #[error(
        "the head of a stream is the envelope of a reliable message, with a payload of at most 4,096 \
         bytes"
    )]
    Malformed,
    /// The member may not send, or is not in the room.
    #[error("this participant may not send data")]
    Forbidden,
    /// Too much is under way.
    #[error("too many streams are open, or too many were opened: open this one later")]
    Busy,
}

/// All receivers have left, were too slow, or there were none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody is left who takes this stream")]
pub struct NobodyLeft;

/// What a receiver gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkNext {
    /// These bytes.
    Chunk(Bytes),
    /// That was all.
    Finished,
    /// The sender has given up.
    Cancelled,
    /// The receiver was too slow for the others.
    Slow,
}

/// The sender's end. Dropped before [`BulkSender::finish`], it cancels the stream.
#[derive(Debug)]
pub struct BulkSender {
    stream: Arc<Stream>,
    inbox: Arc<Inbox>,
}

impl BulkSender {
    /// Waits until the worker has said who gets the stream.
    pub(crate) async fn open(
        stream: Arc<Stream>,
        inbox: Arc<Inbox>,
    ) -> Result<BulkSender, BulkRefused> {
        // From here on its place is free again when it is dropped.
        let sender = BulkSender { stream, inbox };
        poll_fn(|context| {
            let mut state = sender.stream.lock();
            match state.phase {
                Phase::Opening => {
                    state.wakers.sender = Some(context.waker().clone());
                    Poll::Pending
                }
                Phase::Refused(refused) => Poll::Ready(Err(refused)),
                Phase::Open(_) => Poll::Ready(Ok(())),
            }
        })
        .await?;
        Ok(sender)
    }

    /// Hands in bytes, at most 64 KiB or so at a time, when there is room for them: this is how the receivers
    /// slow the sender. May be cancelled: the bytes were not taken then.
    ///
    /// # Errors
    /// [`NobodyLeft`]: the rest need not be read.
    pub async fn push(&mut self, chunk: Bytes) -> Result<(), NobodyLeft> {
        let mut chunk = Some(chunk);
        poll_fn(|context| {
            let tried = self.stream.with(|bulk, wakers, now| {
                if bulk.is_over() {
                    return Poll::Ready(Err(NobodyLeft));
                }
                if !bulk.has_room(now) {
                    wakers.sender = Some(context.waker().clone());
                    return Poll::Pending;
                }
                chunk.take().into_iter().for_each(|chunk| bulk.push(chunk));
                wakers.wake_receivers();
                Poll::Ready(Ok(()))
            });
            tried.unwrap_or(Poll::Ready(Err(NobodyLeft)))
        })
        .await
    }

    /// Says that this was all.
    pub fn finish(self) {
        self.stream.with(|bulk, wakers, now| {
            bulk.finish(now);
            wakers.wake_receivers();
        });
    }
}

impl Drop for BulkSender {
    fn drop(&mut self) {
        self.stream.refuse(BulkRefused::Busy);
        self.stream.with(|bulk, wakers, now| {
            // Void if it has finished.
            bulk.cancel(now);
            wakers.wake_receivers();
        });
        self.inbox.close_bulk();
    }
}

/// A receiver's end. Dropping it is to leave; nobody else notices.
#[derive(Debug)]
pub struct BulkReceiver {
    stream: Arc<Stream>,
    number: usize,
    head: Bytes,
}

impl BulkReceiver {
    /// The envelope that the stream begins with, with SENDER.
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// What comes next. May be cancelled.
    pub async fn next(&mut self) -> BulkNext {
        poll_fn(|context| {
            let next = self.stream.with(|bulk, wakers, now| {
                let next = bulk.take(now, self.number);
                if next == Some(Next::Later) {
                    wakers.receivers[self.number].bytes = Some(context.waker().clone());
                }
                next
            });
            Poll::Ready(match next.flatten() {
                Some(Next::Later) => return Poll::Pending,
                Some(Next::Chunk(chunk)) => BulkNext::Chunk(chunk),
                Some(Next::Finished) => BulkNext::Finished,
                Some(Next::Slow) => BulkNext::Slow,
                Some(Next::Cancelled) | None => BulkNext::Cancelled,
            })
        })
        .await
    }

    /// Waits until this receiver has been too slow: for a door that is in the middle of writing.
    pub async fn too_slow(&self) {
        poll_fn(|context| {
            let is_slow = self.stream.with(|bulk, wakers, _| {
                wakers.receivers[self.number].end = Some(context.waker().clone());
                bulk.is_slow(self.number)
            });
            if is_slow == Some(true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for BulkReceiver {
    fn drop(&mut self) {
        self.stream.with(|bulk, _, now| bulk.leave(now, self.number));
    }
}

/// What the ends of one stream share.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) key: BulkKey,
    state: Mutex<State>,
    links: Arc<Links>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    wakers: Wakers,
}

#[derive(Debug)]
enum Phase {
    Opening,
    Refused(BulkRefused),
    Open(Bulk),
}

#[derive(Debug, Default)]
struct Wakers {
    sender: Option<Waker>,
    receivers: Vec<Waiting>,
    /// To be woken when the lock is free.
    woken: Vec<Waker>,
}

/// Who waits of a receiver: for bytes, and for having been too slow.
#[derive(Debug, Default)]
struct Waiting {
    bytes: Option<Waker>,
    end: Option<Waker>,
}

impl Wakers {
    fn wake_receivers(&mut self) {
        self.woken.extend(self.receivers.iter_mut().filter_map(|waiting| waiting.bytes.take()));
    }
}

impl Stream {
    pub(crate) fn new(key: BulkKey, links: &Arc<Links>) -> Stream {
        let state = State { phase: Phase::Opening, wakers: Wakers::default() };
        Stream { key, state: Mutex::new(state), links: Arc::clone(links) }
    }

    /// Nobody gets it.
    pub(crate) fn refuse(&self, refused: BulkRefused) {
        self.decide(Phase::Refused(refused), 0);
    }

    /// Begins it, for so many receivers.
    pub(crate) fn open(
        self: &Arc<Stream>,
        now: Instant,
        head: &Bytes,
        count: usize,
    ) -> Vec<BulkReceiver> {
        self.decide(Phase::Open(Bulk::new(count, self.links.bulk_limits, now)), count);
        let receiver =
            |number| BulkReceiver { stream: Arc::clone(self), number, head: head.clone() };
        let is_open = matches!(self.lock().phase, Phase::Open(_));
        (0..count).filter(|_| is_open).map(receiver).collect()
    }

    /// Void if it was decided already: a sender may have gone meanwhile.
    fn decide(&self, phase: Phase, receivers: usize) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Opening) {
            return;
        }
        state.phase = phase;
        state.wakers.receivers.resize_with(receivers, Waiting::default);
        let sender = state.wakers.sender.take();
        drop(state);
        sender.into_iter().for_each(Waker::wake);
    }

    /// Gives up receivers that have been too slow by now. False if nobody is left.
    pub(crate) fn settle(&self) -> bool {
        let is_on = self.with(|bulk, _, now| {
            bulk.settle(now);
            !bulk.is_over()
        });
        is_on == Some(true)
    }

    /// Does something with the stream if it is open, and wakes whom that concerns.
    fn with<T>(&self, act: impl FnOnce(&mut Bulk, &mut Wakers, Instant) -> T) -> Option<T> {
        let mut state = self.lock();
        let State { phase: Phase::Open(bulk), wakers } = &mut *state else { return None };
        let now = Instant::now();
        let result = act(bulk, wakers, now);
        for number in bulk.take_given_up() {
            self.links.drop_bulk(DropReason::BulkSlow);
            let Waiting { bytes, end } = std::mem::take(&mut wakers.receivers[number]);
            wakers.woken.extend(bytes.into_iter().chain(end));
        }
        if wakers.sender.is_some() && (bulk.is_over() || bulk.has_room(now)) {
            wakers.woken.extend(wakers.sender.take());
        }
        let woken = std::mem::take(&mut wakers.woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        Some(result)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A stream is whole between any two calls, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
