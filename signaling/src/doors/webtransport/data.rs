//! The data messages of one participant between its session and the room's worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bulk::{self, Opened};
use super::carrier::{Writer, too_many};
use crate::conversation::Goodbye;
use crate::counters::Counters;
use crate::doors::Context;
use crate::limits::{Rate, TokenBucket};
use crate::media::{Channel, Link, LinkEnd, Overloaded};
use crate::participation::Place;
use crate::webtransport::{Datagrams, Streams};

/// A worker that cannot take something is asked again after that long.
pub(super) const RETRY: Duration = Duration::from_millis(5);
/// QUIC does not tell when there is room for a datagram again.
const ROOM_RETRY: Duration = Duration::from_millis(2);
/// A link that is lost is made anew after that long.
const LINK_RETRY: Duration = Duration::from_millis(100);
/// Seconds of datagrams beyond the limit that are dropped one by one, before the session ends.
const PATIENCE: u32 = 10;

/// Why a link works no more.
#[derive(Debug)]
pub(super) enum Broken {
    /// The session must end.
    Ending(Goodbye),
    /// It is to be made anew.
    Lost,
}

/// A participant's link, and what moves messages over it until it is dropped.
pub(super) struct Linked {
    place: Place,
    link: Option<Arc<Link>>,
    _pumps: JoinSet<()>,
}

/// The ways between a client and its link.
pub(super) struct Ways {
    pub(super) datagrams: Datagrams,
    pub(super) writer: Writer,
    pub(super) streams: Streams,
    pub(super) opened: Opened,
}

impl Linked {
    pub(super) fn new(
        context: &Context,
        place: Place,
        ways: Ways,
        break_off: mpsc::Sender<Broken>,
    ) -> Linked {
        let Ways { datagrams, writer, streams, opened } = ways;
        let mut pumps = JoinSet::new();
        let link = context.plane.link(place.room, place.participant).ok().map(Arc::new);
        match &link {
            Some(link) => {
                let per_second = context.hub.room_config().limits.data_messages_per_second;
                let allowance = Allowance::new(per_second, Arc::clone(&context.counters));
                pumps.spawn(read(
                    Arc::clone(link),
                    datagrams.clone(),
                    allowance,
                    break_off.clone(),
                ));
                pumps.spawn(send_lossy(Arc::clone(link), datagrams));
                pumps.spawn(bulk::upload(Arc::clone(link), opened));
                pumps.spawn(bulk::download(Arc::clone(link), streams));
                pumps.spawn(send_reliable(Arc::clone(link), writer, break_off));
            }
            None => drop(pumps.spawn(async move {
                sleep(LINK_RETRY).await;
                let _ = break_off.send(Broken::Lost).await;
            })),
        }
        Linked { place, link, _pumps: pumps }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Hands in the envelope of a reliable message.
    ///
    /// # Errors
    /// [`Overloaded`]: it is to be handed in again, before any other.
    pub(super) fn send(&self, message: Bytes) -> Result<(), Overloaded> {
        self.link.as_ref().ok_or(Overloaded)?.send(Channel::Reliable, message)
    }
}

/// Datagrams to the worker.
async fn read(
    link: Arc<Link>,
    datagrams: Datagrams,
    mut allowance: Allowance,
    break_off: mpsc::Sender<Broken>,
) {
    while let Ok(datagram) = datagrams.read().await {
        match datagram {
            Some(message) if allowance.take() => {
                // A worker that does not take it counts it.
                let _ = link.send(Channel::Lossy, message);
            }
            Some(_) if allowance.is_used_up() => {
                return too_many(&break_off, "too many datagrams, for too long");
            }
            Some(_) | None => {}
        }
    }
}

/// What is lossy to the client, when there is room for it and not later: what waits grows old where it is
/// looked at.
async fn send_lossy(link: Arc<Link>, datagrams: Datagrams) {
    while link.ready(Channel::Lossy).await.is_ok() {
        let largest = datagrams.largest();
        while datagrams.room() < largest {
            sleep(ROOM_RETRY).await;
        }
        if let Some(message) = link.take_lossy(largest)
            && datagrams.send(&message).await.is_err()
        {
            return;
        }
    }
}

/// What is reliable to the client, on its signaling stream.
async fn send_reliable(link: Arc<Link>, writer: Writer, break_off: mpsc::Sender<Broken>) {
    loop {
        match link.ready(Channel::Reliable).await {
            Ok(()) => {}
            // The room says so, too.
            Err(LinkEnd::Replaced | LinkEnd::Dismissed) => return,
            Err(end @ LinkEnd::Flooded) => return too_many(&break_off, &end.to_string()),
            Err(LinkEnd::Lost) => {
                sleep(LINK_RETRY).await;
                let _ = break_off.send(Broken::Lost).await;
                return;
            }
        }
        let Some(message) = link.take_reliable() else { continue };
        if let Err(ending) = writer.send(message).await {
            if let Some(goodbye) = ending {
                let _ = break_off.send(Broken::Ending(goodbye)).await;
            }
            return;
        }
    }
}

/// Datagrams that one session may send. The worker has the last word on what is relayed; this keeps a flood
/// away from it.
struct Allowance {
    within: TokenBucket,
    beyond: TokenBucket,
    counters: Arc<Counters>,
}

impl Allowance {
    /// Twice what the worker relays, since that counts by bytes, too.
    fn new(per_second: u32, counters: Arc<Counters>) -> Allowance {
        let (rate, now) = (per_second.saturating_mul(2), Instant::now());
        Allowance {
            within: TokenBucket::new(Rate::new(rate, rate), now),
            beyond: TokenBucket::new(Rate::new(rate, rate.saturating_mul(PATIENCE)), now),
            counters,
        }
    }

    fn take(&mut self) -> bool {
        let taken = self.within.try_take(Instant::now());
        if !taken {
            self.counters.webtransport_datagrams_dropped(1);
        }
        taken
    }

    /// Counts one beyond the limit.
    fn is_used_up(&mut self) -> bool {
        !self.beyond.try_take(Instant::now())
    }
}
