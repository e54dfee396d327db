//! The loop of one media thread: wait, read a batch, run the engine, write a batch.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use mio::{Events, Poll};
use oriel_udp::{Arrival, ReceiveBuffers};
use sfu_core::stats::DropReason;
use sfu_core::{
    BulkKey, Channel, Command, Config, Datagram, Engine, Event, Input, LinkEnd, LinkKey, Output,
    RoomKey, Transmit, Transport,
};

use crate::bulk::{BulkRefused, Stream};
use crate::link::{Inbox, Links};
use crate::mailbox::{Mail, Mailbox, WAKE};
use crate::neighbour::Door;
use crate::socket::{REPORTS, Sockets};
use crate::tcp::Parcel;

/// Batches read in a row before the engine's output leaves: a flood must not starve the others.
const BATCHES_PER_TURN: usize = 4;

/// Mails taken in a row, for the same reason.
const MAILS_PER_TURN: usize = 1_024;

/// Transmits that are gathered before they leave: as many as one call takes, and few enough to stay
/// in the processor's cache between being written and being sent.
const TRANSMITS_PER_CALL: usize = 32;

/// From one look at the bulk streams to the next.
const SETTLING: Duration = Duration::from_millis(200);

/// The longest wait: counters are made visible at least this often.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// How long reports wait at most while other things happen. When nothing does for as long they wake the
/// worker like all else. Longer than sound takes from packet to packet, of which most come every 20 ms: the
/// next one is not to find the worker just awake.
const REPORTS_WAIT: Duration = Duration::from_millis(30);

/// From one look at them to the next with whatever happens: a look costs a call of the system.
const REPORTS_PACE: Duration = Duration::from_millis(10);

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// By the workers' numbers.
    pub(crate) mailboxes: Arc<[Mailbox<Mail>]>,
    /// The way to TCP connections, where there are any.
    pub(crate) tcp: Option<Arc<Mailbox<Parcel>>>,
    pub(crate) links: Arc<Links>,
    /// The way to another protocol on the port, where there is one.
    pub(crate) neighbour: Option<Arc<Door>>,
    /// Called with what the control plane is to know.
    pub(crate) events: Arc<dyn Fn(RoomKey, Event) + Send + Sync>,
}

/// What a worker's thread owns.
pub(crate) struct Worker {
    index: u16,
    config: Config,
    engine: Engine,
    poll: Poll,
    sockets: Sockets,
    shared: Shared,
    /// The links of the rooms here.
    inboxes: HashMap<LinkKey, Arc<Inbox>>,
    /// Bulk streams of which the engine has not said yet who gets them.
    opening: HashMap<BulkKey, Arc<Stream>>,
    /// Those whose accounts are to be kept.
    streams: Vec<Weak<Stream>>,
    settled: Instant,
    /// Doors and the neighbour that have something to take. They are woken when the turn is over, once each.
    wakers: Vec<Waker>,
    buffers: ReceiveBuffers,
    transmits: Vec<Transmit>,
    /// Sockets that may have more to read: the poll tells of new datagrams only.
    readable: Vec<bool>,
    /// Mails may be left from the last turn.
    has_mail: bool,
    /// Nothing has come for a while: reports wake the worker.
    is_quiet: bool,
    /// They did.
    has_reports: bool,
    reports_read: Instant,
}

impl Worker {
    pub(crate) fn new(
        index: u16,
        config: Config,
        poll: Poll,
        mut sockets: Sockets,
        shared: Shared,
    ) -> std::io::Result<Worker> {
        sockets.register(poll.registry())?;
        Ok(Worker {
            index,
            engine: new_engine(&config),
            config,
            poll,
            readable: vec![true; sockets.len()],
            sockets,
            shared,
            inboxes: HashMap::new(),
            opening: HashMap::new(),
            streams: Vec::new(),
            settled: Instant::now(),
            wakers: Vec::new(),
            buffers: ReceiveBuffers::default(),
            transmits: Vec::new(),
            has_mail: true,
            is_quiet: false,
            has_reports: false,
            reports_read: Instant::now(),
        })
    }

    /// Runs until [`Mail::Stop`]. A panic costs the sessions of this worker, not the process:
    /// their rooms are told, and a new engine begins.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(64);
        loop {
            self.wait(&mut events);
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(true) => {}
                Ok(false) => return self.end_links(),
                Err(_) => self.start_over(),
            }
        }
    }

    fn wait(&mut self, events: &mut Events) {
        let busy = self.has_mail || self.readable.contains(&true);
        let now = Instant::now();
        let timeout = if busy {
            Duration::ZERO
        } else {
            let deadline = self.engine.deadline();
            deadline.map_or(LONGEST_WAIT, |at| at.saturating_duration_since(now)).min(LONGEST_WAIT)
        };
        let lets_reports_wait = self.sockets.have_reports_apart() && !self.is_quiet && !busy;
        let reports = (self.reports_read + REPORTS_WAIT).saturating_duration_since(now);
        let waits_for_reports = lets_reports_wait && reports <= timeout;
        let timeout = if waits_for_reports { reports } else { timeout };
        if let Err(error) = self.poll.poll(events, Some(timeout))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "waiting for media");
            std::thread::sleep(Duration::from_millis(10));
        }
        let nothing_else = events.iter().all(|event| event.token() == REPORTS);
        self.note_quiet(nothing_else && (self.is_quiet || waits_for_reports));
        for event in events.iter() {
            match event.token() {
                WAKE => self.has_mail = true,
                REPORTS => self.has_reports = true,
                socket => self.readable[socket.0] = true,
            }
        }
    }

    /// Reports wake the worker only where nothing else does.
    fn note_quiet(&mut self, is_quiet: bool) {
        if self.sockets.have_reports_apart() && self.is_quiet != is_quiet {
            self.is_quiet = is_quiet;
            if let Err(error) = self.sockets.wake_for_reports(is_quiet, self.poll.registry()) {
                tracing::error!(%error, "waiting for reports");
            }
        }
    }

    /// One turn; false when the thread is to end.
    fn turn(&mut self) -> bool {
        let now = Instant::now();
        self.read_reports(now);
        let go_on = self.read_mail(now);
        self.read_sockets(now);
        self.engine.handle(now, Input::Timeout);
        self.write(now);
        self.settle_streams(now);
        let mailbox = &self.shared.mailboxes[usize::from(self.index)];
        mailbox.publish(self.engine.stats());
        mailbox.work(now.elapsed());
        go_on
    }

    fn read_mail(&mut self, now: Instant) -> bool {
        let mailbox = &self.shared.mailboxes[usize::from(self.index)];
        mailbox.rearm();
        self.has_mail = true;
        for _ in 0..MAILS_PER_TURN {
            match mailbox.take() {
                None => {
                    self.has_mail = false;
                    break;
                }
                Some(Mail::Stop) => return false,
                Some(Mail::Command { room, command }) => {
                    self.engine.handle(now, Input::Command { room, command });
                }
                Some(Mail::Link(inbox)) => {
                    let command = Command::Link { member: inbox.member, link: inbox.key };
                    self.engine.handle(now, Input::Command { room: inbox.room, command });
                    self.inboxes.insert(inbox.key, inbox);
                }
                Some(Mail::Unlink(inbox)) => {
                    let command = Command::Unlink { member: inbox.member, link: inbox.key };
                    self.engine.handle(now, Input::Command { room: inbox.room, command });
                    self.inboxes.remove(&inbox.key);
                }
                Some(Mail::Linked { inbox, channel, message }) => {
                    let Inbox { room, member, key: link, .. } = *inbox;
                    let message = &message[..];
                    let input = Input::Linked { room, member, link, channel, message };
                    self.engine.handle(now, input);
                }
                Some(Mail::Bulk { inbox, stream, head }) => {
                    let Inbox { room, member, key: link, .. } = *inbox;
                    let (bulk, head) = (stream.key, &head[..]);
                    self.opening.insert(bulk, stream);
                    self.engine.handle(now, Input::Bulk { room, member, link, bulk, head });
                }
                Some(Mail::Tcp { source, destination, contents }) => {
                    let transport = Transport::Tcp;
                    let contents = contents.as_slice();
                    let arrived = now;
                    let datagram = Datagram { transport, source, destination, arrived, contents };
                    self.engine.handle(now, Input::Datagram(datagram));
                }
                Some(Mail::HandedOver { via, source, destination, arrived, contents }) => {
                    let transport = Transport::Udp;
                    let contents = contents.as_slice();
                    let datagram = Datagram { transport, source, destination, arrived, contents };
                    self.engine.handle(now, Input::HandedOver { via, datagram });
                }
                Some(Mail::Learned { owner, source }) => {
                    self.engine.handle(now, Input::Learned { owner, source });
                }
            }
        }
        true
    }

    /// Gives the engine the reports that have come, each with its time: round trips are told from it.
    fn read_reports(&mut self, now: Instant) {
        if !self.has_reports && now.saturating_duration_since(self.reports_read) < REPORTS_PACE {
            return;
        }
        (self.has_reports, self.reports_read) = (false, now);
        let engine = &mut self.engine;
        let wall = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.sockets.receive_reports(BATCHES_PER_TURN, &mut self.buffers, |arrival| {
            let Arrival { source, destination, came, contents, .. } = arrival;
            // Clocks are set; nothing waits for longer than this.
            let waited =
                came.map_or(Duration::ZERO, |came| wall.saturating_sub(came)).min(LONGEST_WAIT);
            let (transport, arrived) = (Transport::Udp, now.checked_sub(waited).unwrap_or(now));
            let datagram = Datagram { transport, source, destination, arrived, contents };
            engine.handle(now, Input::Datagram(datagram));
        });
    }

    fn read_sockets(&mut self, now: Instant) {
        let engine = &mut self.engine;
        let neighbour = self.shared.neighbour.as_deref();
        let mut is_neighbours = false;
        for index in 0..self.sockets.len() {
            for _ in 0..BATCHES_PER_TURN {
                if !self.readable[index] {
                    break;
                }
                let each = |arrival: Arrival<'_>| {
                    let Arrival { source, destination, contents, .. } = arrival;
                    if let Some(door) = neighbour.filter(|door| door.is_for(contents)) {
                        is_neighbours = true;
                        if !door.put(&arrival) {
                            engine.on_drop(DropReason::NeighbourFull);
                        }
                        return;
                    }
                    let (transport, arrived) = (Transport::Udp, now);
                    let datagram = Datagram { transport, source, destination, arrived, contents };
                    engine.handle(now, Input::Datagram(datagram));
                };
                self.readable[index] = self.sockets.receive(index, &mut self.buffers, each);
            }
        }
        self.wakers.extend(neighbour.filter(|_| is_neighbours).and_then(Door::waiting));
    }

    fn write(&mut self, now: Instant) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Transmit(transmit) => match transmit.transport {
                    Transport::Udp => {
                        self.transmits.push(transmit);
                        if self.transmits.len() == TRANSMITS_PER_CALL {
                            self.send();
                        }
                    }
                    Transport::Tcp => self.send_on_tcp(transmit),
                },
                Output::ToLinks { links, channel, message } => {
                    self.push(now, &links, channel, &message);
                }
                Output::Bulk { bulk, result } => {
                    if let Some(stream) = self.opening.remove(&bulk) {
                        self.begin(now, &stream, result);
                    }
                }
                Output::LinkOver { link, end } => {
                    if let Some(inbox) = self.inboxes.remove(&link) {
                        inbox.end(end);
                    }
                }
                Output::Event { room, event } => (self.shared.events)(room, event),
                Output::HandOver { worker, source, destination, arrived, contents } => {
                    let via = self.index;
                    let mail = Mail::HandedOver { via, source, destination, arrived, contents };
                    if !self.post(worker, mail) {
                        self.engine.on_drop(DropReason::WorkerBusy);
                    }
                }
                Output::Learned { worker, source } => {
                    // Lost, it is told again after the next check.
                    self.post(worker, Mail::Learned { owner: self.index, source });
                }
            }
        }
        self.send();
        self.wakers.drain(..).for_each(Waker::wake);
    }

    fn push(&mut self, now: Instant, links: &[LinkKey], channel: Channel, message: &Bytes) {
        for link in links {
            let Some(inbox) = self.inboxes.get(link) else {
                self.shared.links.count(channel, Err(DropReason::DataClosed));
                continue;
            };
            let (kept_up, waker) = inbox.push(now, channel, message.clone());
            self.wakers.extend(waker);
            if !kept_up {
                (self.shared.events)(inbox.room, Event::Overrun { session: inbox.member });
            }
        }
    }

    /// Offers a bulk stream to those who get it.
    fn begin(
        &mut self,
        now: Instant,
        stream: &Arc<Stream>,
        result: Result<(Vec<LinkKey>, Bytes), DropReason>,
    ) {
        let (links, head) = match result {
            Ok(granted) => granted,
            Err(DropReason::DataMalformed) => return stream.refuse(BulkRefused::Malformed),
            Err(DropReason::DataFlood) => return stream.refuse(BulkRefused::Busy),
            Err(_) => return stream.refuse(BulkRefused::Forbidden),
        };
        self.streams.push(Arc::downgrade(stream));
        for (link, receiver) in links.iter().zip(stream.open(now, &head, links.len())) {
            match self.inboxes.get(link) {
                Some(inbox) => inbox.offer(receiver),
                None => self.shared.links.drop_bulk(DropReason::DataClosed),
            }
        }
    }

    /// A receiver that takes nothing has nobody else who would notice.
    fn settle_streams(&mut self, now: Instant) {
        if now.saturating_duration_since(self.settled) >= SETTLING {
            self.settled = now;
            self.streams.retain(|stream| stream.upgrade().is_some_and(|stream| stream.settle()));
        }
    }

    fn end_links(&mut self) {
        self.opening.drain().for_each(|(_, stream)| stream.refuse(BulkRefused::Busy));
        self.inboxes.drain().for_each(|(_, inbox)| inbox.end(LinkEnd::Lost));
    }

    fn send(&mut self) {
        let lost = self.sockets.send(&self.transmits);
        self.engine.on_send_failed(lost);
        for transmit in self.transmits.drain(..) {
            self.engine.reuse(transmit.contents);
        }
    }

    fn send_on_tcp(&mut self, transmit: Transmit) {
        let destination = transmit.destination;
        for datagram in transmit.datagrams() {
            let contents = datagram.to_vec();
            let reason = match &self.shared.tcp {
                None => DropReason::TcpClosed,
                Some(tcp) => match tcp.post(Parcel::Frame { destination, contents }) {
                    Ok(()) => continue,
                    Err(_) => DropReason::TcpQueueFull,
                },
            };
            self.engine.on_drop(reason);
        }
        self.engine.reuse(transmit.contents);
    }

    fn post(&self, worker: u16, mail: Mail) -> bool {
        // A ufrag can name any worker, also one that there is not.
        self.shared
            .mailboxes
            .get(usize::from(worker))
            .is_some_and(|mailbox| mailbox.post(mail).is_ok())
    }

    fn start_over(&mut self) {
        tracing::error!(worker = self.index, "a media worker panicked; its rooms start over");
        let lost: Vec<_> = self.engine.rooms().collect();
        self.engine = new_engine(&self.config);
        self.transmits.clear();
        self.end_links();
        for room in lost {
            (self.shared.events)(room, Event::Restarted);
        }
    }
}

fn new_engine(config: &Config) -> Engine {
    let now = Instant::now();
    let mut engine = Engine::new(config.clone(), now);
    engine.set_wall_clock(now, SystemTime::now());
    engine
}
