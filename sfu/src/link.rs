//! Links: how a door outside gives and takes the data messages of a member that has no data channels, or
//! does not use them. Between the worker's thread and the door's task is a bounded queue, a lock that is held
//! for a few instructions, and a wake-up when the queue was empty.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sfu_core::stats::{DropReason, Stats};
use sfu_core::{
    BulkKey, BulkLimits, Channel, Fate, LinkEnd, LinkKey, LinkQueue, RoomKey, SessionKey,
};

use crate::bulk::{BulkReceiver, BulkRefused, BulkSender, Stream};
use crate::config::Config;
use crate::handle::Overloaded;
use crate::mailbox::{Mail, Mailbox};

/// Bulk streams that one member may have open at a time.
const SENT: usize = 16;
/// Bulk streams that may wait for one door to take them.
const OFFERED: usize = 16;

/// A member's link, for the door that holds the member's connection. Dropping it ends it.
#[derive(Debug)]
pub struct Link {
    inbox: Arc<Inbox>,
    mailboxes: Arc<[Mailbox<Mail>]>,
    worker: usize,
}

impl Link {
    pub(crate) fn open(
        links: &Arc<Links>,
        mailboxes: &Arc<[Mailbox<Mail>]>,
        worker: u16,
        room: RoomKey,
        member: SessionKey,
    ) -> Result<Link, Overloaded> {
        let inbox = Arc::new(Inbox {
            key: LinkKey(links.next.fetch_add(1, Ordering::Relaxed)),
            room,
            member,
            state: Mutex::new(State {
                queue: LinkQueue::new(links.max_age, links.limit),
                fates: Vec::new(),
                wakers: [None, None],
                sent: 0,
                offered: VecDeque::new(),
                offer_waker: None,
                end: None,
            }),
            links: Arc::clone(links),
        });
        let mailboxes = Arc::clone(mailboxes);
        let worker = usize::from(worker);
        mailboxes[worker].post(Mail::Link(Arc::clone(&inbox))).map_err(|_| Overloaded)?;
        Ok(Link { inbox, mailboxes, worker })
    }

    /// Waits until there is something to take on a channel. Lossy and reliable messages can be waited for
    /// at the same time, each by one task.
    ///
    /// # Errors
    /// The link is over: nothing comes and nothing goes by it any more.
    pub async fn ready(&self, channel: Channel) -> Result<(), LinkEnd> {
        poll_fn(|context| {
            let mut state = self.inbox.lock();
            if let Some(end) = state.end {
                Poll::Ready(Err(end))
            } else if state.queue.is_empty(channel) {
                state.wakers[channel as usize] = Some(context.waker().clone());
                Poll::Pending
            } else {
                Poll::Ready(Ok(()))
            }
        })
        .await
    }

    /// Takes the next lossy message, which is counted as delivered. What has waited for too long, or has
    /// more bytes than `largest`, is dropped and counted. Take one when the connection has room for it, and
    /// not to wait with it.
    pub fn take_lossy(&self, largest: usize) -> Option<Bytes> {
        self.inbox.with_queue(|queue, fates| queue.take_lossy(Instant::now(), largest, fates))
    }

    /// Takes the next reliable message, which is counted as delivered.
    pub fn take_reliable(&self) -> Option<Bytes> {
        self.inbox.with_queue(LinkQueue::take_reliable)
    }

    /// Hands in the envelope of a message from the member: a lossy one, or a reliable one.
    ///
    /// # Errors
    /// [`Overloaded`] if the worker cannot take a reliable message now: hand it in again in a while, before
    /// any other. A lossy one is dropped then, and counted.
    pub fn send(&self, channel: Channel, message: Bytes) -> Result<(), Overloaded> {
        let mail = Mail::Linked { inbox: Arc::clone(&self.inbox), channel, message };
        match (self.mailboxes[self.worker].post(mail), channel) {
            (Ok(()), _) => Ok(()),
            (Err(_), Channel::Reliable) => Err(Overloaded),
            (Err(_), Channel::Lossy) => {
                self.inbox.links.refused.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

impl Link {
    /// Opens a bulk stream from the member to those of whom `head` is, the envelope of a reliable message,
    /// as far as they have links.
    ///
    /// # Errors
    /// [`BulkRefused`].
    pub async fn open_bulk(&self, head: Bytes) -> Result<BulkSender, BulkRefused> {
        if !self.inbox.begin_bulk() {
            return Err(BulkRefused::Busy);
        }
        let links = &self.inbox.links;
        let key = BulkKey(links.next.fetch_add(1, Ordering::Relaxed));
        let stream = Arc::new(Stream::new(key, links));
        let inbox = Arc::clone(&self.inbox);
        let mail = Mail::Bulk { inbox, stream: Arc::clone(&stream), head };
        if self.mailboxes[self.worker].post(mail).is_err() {
            stream.refuse(BulkRefused::Busy);
        }
        BulkSender::open(stream, Arc::clone(&self.inbox)).await
    }

    /// Waits for the next bulk stream to the member. May be cancelled; one task waits at a time.
    ///
    /// # Errors
    /// The link is over.
    pub async fn next_bulk(&self) -> Result<BulkReceiver, LinkEnd> {
        poll_fn(|context| {
            let mut state = self.inbox.lock();
            if let Some(end) = state.end {
                return Poll::Ready(Err(end));
            }
            match state.offered.pop_front() {
                Some(receiver) => Poll::Ready(Ok(receiver)),
                None => {
                    state.offer_waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // An overloaded worker lets go of the link when the member leaves its room.
        let _ = self.mailboxes[self.worker].post(Mail::Unlink(Arc::clone(&self.inbox)));
        self.inbox.end(LinkEnd::Dismissed);
    }
}

/// What the worker and the door share of one link.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) key: LinkKey,
    pub(crate) room: RoomKey,
    pub(crate) member: SessionKey,
    state: Mutex<State>,
    links: Arc<Links>,
}

#[derive(Debug)]
struct State {
    queue: LinkQueue,
    /// Room for what becomes of messages; empty between any two calls.
    fates: Vec<Fate>,
    wakers: [Option<Waker>; 2],
    /// Bulk streams that the member has open.
    sent: usize,
    /// Bulk streams to it.
    offered: VecDeque<BulkReceiver>,
    offer_waker: Option<Waker>,
    end: Option<LinkEnd>,
}

impl Inbox {
    /// Lays a message in. Returns whether the door keeps up with what is reliable, and who is to be woken.
    pub(crate) fn push(
        &self,
        now: Instant,
        channel: Channel,
        message: Bytes,
    ) -> (bool, Option<Waker>) {
        let mut state = self.lock();
        if state.end.is_some() {
            self.links.count(channel, Err(DropReason::DataClosed));
            return (true, None);
        }
        let State { queue, fates, wakers, .. } = &mut *state;
        let kept_up = queue.push(now, channel, message, fates);
        self.links.count_all(fates);
        (kept_up, wakers[channel as usize].take())
    }

    /// Offers the door a bulk stream. If it cannot have it, that is counted.
    pub(crate) fn offer(&self, receiver: BulkReceiver) {
        let mut state = self.lock();
        let reason = match state.end {
            Some(_) => DropReason::DataClosed,
            None if state.offered.len() >= OFFERED => DropReason::BulkBusy,
            None => {
                state.offered.push_back(receiver);
                let waker = state.offer_waker.take();
                drop(state);
                return waker.into_iter().for_each(Waker::wake);
            }
        };
        drop(state);
        self.links.drop_bulk(reason);
    }

    fn begin_bulk(&self) -> bool {
        let mut state = self.lock();
        let may = state.sent < SENT;
        state.sent += usize::from(may);
        may
    }

    pub(crate) fn close_bulk(&self) {
        self.lock().sent -= 1;
    }

    /// Ends the link; the first one to say why is believed.
    pub(crate) fn end(&self, end: LinkEnd) {
        // Streams that nobody has taken are left when the lock is free.
        let (wakers, _offered) = {
            let mut state = self.lock();
            state.end.get_or_insert(end);
            let State { queue, fates, wakers, .. } = &mut *state;
            queue.close(fates);
            self.links.count_all(fates);
            let [one, other] = std::mem::take(wakers);
            let wakers = [one, other, state.offer_waker.take()];
            (wakers, std::mem::take(&mut state.offered))
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn with_queue<T>(&self, use_it: impl FnOnce(&mut LinkQueue, &mut Vec<Fate>) -> T) -> T {
        let mut state = self.lock();
        let State { queue, fates, .. } = &mut *state;
        let result = use_it(queue, fates);
        self.links.count_all(fates);
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A queue is whole between any two calls, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What holds for all links, and what became of the messages that were for them.
#[derive(Debug)]
pub(crate) struct Links {
    max_age: Duration,
    limit: usize,
    pub(crate) bulk_limits: BulkLimits,
    next: AtomicU64,
    delivered: [AtomicU64; 2],
    dropped: [[AtomicU64; DropReason::ALL.len()]; 2],
    /// Messages from links that overloaded workers did not take.
    refused: AtomicU64,
    bulk_dropped: [AtomicU64; DropReason::ALL.len()],
}

impl Links {
    pub(crate) fn new(config: &Config) -> Links {
        Links {
            max_age: Duration::from_millis(config.data_max_age),
            limit: config.data_buffer,
            bulk_limits: BulkLimits {
                buffer: config.bulk_buffer,
                grace: Duration::from_millis(config.bulk_grace),
                timeout: Duration::from_secs(config.bulk_timeout),
            },
            next: AtomicU64::new(0),
            delivered: [const { AtomicU64::new(0) }; 2],
            dropped: [const { [const { AtomicU64::new(0) }; DropReason::ALL.len()] }; 2],
            refused: AtomicU64::new(0),
            bulk_dropped: [const { AtomicU64::new(0) }; DropReason::ALL.len()],
        }
    }

    /// Counts a message for a link.
    pub(crate) fn count(&self, channel: Channel, fate: Result<(), DropReason>) {
        let counter = match fate {
            Ok(()) => &self.delivered[channel as usize],
            Err(reason) => &self.dropped[channel as usize][reason as usize],
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a bulk stream that a receiver does not get, or not to its end.
    pub(crate) fn drop_bulk(&self, reason: DropReason) {
        self.bulk_dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn count_all(&self, fates: &mut Vec<Fate>) {
        fates.drain(..).for_each(|(channel, fate)| self.count(channel, fate));
    }

    /// Adds what was counted so far.
    pub(crate) fn count_in(&self, stats: &mut Stats) {
        for channel in [Channel::Reliable, Channel::Lossy] {
            let delivered = self.delivered[channel as usize].load(Ordering::Relaxed);
            stats.end_several(channel, Ok(()), delivered);
            for reason in DropReason::ALL {
                let dropped = &self.dropped[channel as usize][*reason as usize];
                stats.end_several(channel, Err(*reason), dropped.load(Ordering::Relaxed));
            }
        }
        for reason in DropReason::ALL {
            let dropped = self.bulk_dropped[*reason as usize].load(Ordering::Relaxed);
            stats.drop_several(*reason, dropped as usize);
        }
        let refused = self.refused.load(Ordering::Relaxed);
        stats.drop_several(DropReason::WorkerBusy, refused as usize);
    }
}
