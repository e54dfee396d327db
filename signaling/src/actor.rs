//! One room's task: owns the [`Room`], feeds it, carries out what it wants done.
//!
//! Nothing here waits for anybody, except for the disk where webhooks are told: what goes to a door is laid
//! into its outbox, what goes to the media plane is posted. A panic ends this room and no other.

use std::collections::{HashMap, VecDeque};
use std::iter;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use signaling_core::error::RequestError;
use signaling_core::event::{Audience, EndReason, Envelope, Event, EventFrame, LeaveReason};
use signaling_core::id::{ParticipantId, Secret};
use signaling_core::info::IceServer;
use signaling_core::media::{MediaCommand, MediaEvent};
use signaling_core::request::Request;
use signaling_core::room::{Input, Output, Room};
use signaling_core::{Admission, AttachmentId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::counters::{Counters, Gauge};
use crate::feed::View;
use crate::hub::{Hub, Visitor};
use crate::media::{MediaEvents, Outlet, Posted};
use crate::observers::Observers;
use crate::outbox::{Moved, Notice, Outbox, Parcel, Wire};

/// Letters that may wait for a room. When it is full, doors tell their askers to come again.
pub const INBOX: usize = 256;

/// How soon a command is offered again to a media worker that was overloaded.
const MEDIA_RETRY: Duration = Duration::from_millis(5);

/// How often the same is done for a room that is over.
const LAST_RETRIES: usize = 200;

/// What doors send.
pub enum Letter {
    /// Somebody wants to come in.
    Join {
        /// A new number.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// Who.
        admission: Box<Admission>,
        /// Where everything for it goes.
        outbox: Outbox,
    },
    /// Somebody wants to be again who it was.
    Resume {
        /// A new number.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// Proves who it was.
        secret: Secret,
        /// The last event that it has read.
        cursor: String,
        /// Made out anew.
        ice_servers: Vec<IceServer>,
        /// Where everything for it goes.
        outbox: Outbox,
    },
    /// A request by an attachment.
    Request {
        /// Whose.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// What is asked.
        body: Request,
    },
    /// Somebody wants to read how the media fares.
    Measure,
    /// Somebody wants to read along without being in the room.
    Observe {
        /// The cursor after which it reads, if it has one.
        after: Option<String>,
        /// What there is to read.
        reply: oneshot::Sender<View>,
    },
    /// Somebody steers the room from outside. The outbox gets the reply alone.
    Steer {
        /// A new number.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// What is asked.
        body: Request,
        /// Where the reply goes.
        outbox: Outbox,
    },
    /// Somebody wants to see the room as it is.
    Look(Look),
}

/// Sees a room as it is, and carries off what it wants of it.
pub type Look = Box<dyn FnOnce(&Room) + Send>;

/// What must reach a room however full its inbox is. Each is bounded by something that was let in.
pub enum Signal {
    /// A door is gone.
    Detached(AttachmentId),
    /// A participant leaves: refused, it would stay for as long as its lease.
    Leaving {
        /// Its door.
        attachment: AttachmentId,
        /// The request's number.
        request: u64,
    },
    /// What became of a move to another room.
    Moved {
        /// Whom the room wanted moved.
        participant: ParticipantId,
        /// Its door here.
        attachment: AttachmentId,
        /// Its hold on the other room, or why it has none.
        result: Result<Moved, RequestError>,
    },
    /// The server stops at the deadline (milliseconds since 1970, UTC).
    Drain {
        /// When.
        deadline: u64,
    },
    /// The server ends the room.
    Stop(EndReason),
}

/// One room's task.
pub struct Actor {
    /// The room.
    pub room: Room,
    /// All rooms.
    pub hub: Hub,
    /// To this actor itself, for what it has others do.
    pub signal_sender: mpsc::UnboundedSender<Signal>,
    /// From doors.
    pub inbox: mpsc::Receiver<Letter>,
    /// From doors and the server.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// From the media plane.
    pub media_events: MediaEvents,
    /// To the media plane.
    pub outlet: Outlet,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub counters: Arc<Counters>,
}

impl Actor {
    /// Runs until the room is over.
    pub async fn run(self) {
        let Actor {
            room,
            hub,
            signal_sender,
            mut inbox,
            mut signals,
            mut media_events,
            outlet,
            clock,
            counters,
        } = self;
        let mut state = State {
            participants: Gauge::new(Arc::clone(&counters)),
            room,
            hub,
            signal_sender,
            moved: HashMap::new(),
            outlet,
            clock,
            counters,
            doors: HashMap::new(),
            observers: Observers::default(),
        };
        let mut media_retry = None;
        while !state.room.is_ended() {
            let deadline = state.room.deadline().map(|at| state.clock.instant(at));
            let step = tokio::select! {
                biased;
                Some(signal) = signals.recv() => Step::Signal(signal),
                Some(event) = media_events.recv() => Step::Media(event),
                () = sleep_until(media_retry) => Step::RetryMedia,
                Some(letter) = inbox.recv() => Step::Letter(letter),
                () = sleep_until(deadline) => Step::Timeout,
            };
            // What a door has asked comes before word that it goes, which is the quicker of the two: a
            // page that closes says good-bye and hangs up in one breath.
            let goes = matches!(step, Step::Signal(Signal::Detached(_) | Signal::Leaving { .. }));
            let asked = if goes { inbox.len() } else { 0 };
            let letters = iter::from_fn(|| inbox.try_recv().ok()).take(asked).map(Step::Letter);
            let taken = async {
                for step in letters.chain([step]) {
                    state.take(step).await;
                }
            };
            // The room is not used again after a panic: it only has to be told apart, not repaired.
            if AssertUnwindSafe(taken).catch_unwind().await.is_err() {
                state.give_up().await;
                return;
            }
            media_retry = state.outlet.is_waiting().then(|| Instant::now() + MEDIA_RETRY);
        }
        state.clear_outlet().await;
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

enum Step {
    Signal(Signal),
    Media(MediaEvent),
    RetryMedia,
    Letter(Letter),
    Timeout,
}

/// The door of one attachment.
struct Door {
    outbox: Outbox,
    /// Known once it has joined.
    participant: Option<ParticipantId>,
}

struct State {
    room: Room,
    hub: Hub,
    signal_sender: mpsc::UnboundedSender<Signal>,
    /// Holds on other rooms that wait to be handed over, by the door's attachment here.
    moved: HashMap<AttachmentId, Moved>,
    outlet: Outlet,
    clock: Clock,
    counters: Arc<Counters>,
    participants: Gauge,
    doors: HashMap<AttachmentId, Door>,
    observers: Observers,
}

impl State {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Signal(Signal::Detached(attachment)) => {
                self.doors.remove(&attachment);
                self.feed(Input::Detached { attachment }).await;
            }
            Step::Signal(Signal::Leaving { attachment, request }) => {
                self.request(attachment, request, Request::Leave).await;
            }
            Step::Signal(Signal::Moved { participant, attachment, result }) => {
                let result = result.map(|moved| {
                    self.moved.insert(attachment, moved);
                });
                self.feed(Input::Moved { participant, result }).await;
                // Not handed over: the participant has left meanwhile. The other room hears of it.
                self.moved.remove(&attachment);
            }
            Step::Signal(Signal::Drain { deadline }) => self.feed(Input::Drain { deadline }).await,
            Step::Signal(Signal::Stop(reason)) => self.feed(Input::Stop { reason }).await,
            Step::Media(event) => self.feed(Input::Media(event)).await,
            Step::RetryMedia => self.outlet.retry(),
            Step::Timeout => self.feed(Input::Timeout).await,
            Step::Letter(Letter::Join { attachment, request, admission, outbox }) => {
                // Word that a door is gone may overtake its join. Nobody would ever end it then.
                if !outbox.is_closed() {
                    self.doors.insert(attachment, Door { outbox, participant: None });
                    self.feed(Input::Join { attachment, request, admission }).await;
                }
            }
            Step::Letter(Letter::Resume {
                attachment,
                request,
                secret,
                cursor,
                ice_servers,
                outbox,
            }) => {
                if !outbox.is_closed() {
                    self.doors.insert(attachment, Door { outbox, participant: None });
                    self.feed(Input::Resume { attachment, request, secret, cursor, ice_servers })
                        .await;
                }
            }
            Step::Letter(Letter::Request { attachment, request, body }) => {
                self.request(attachment, request, body).await;
            }
            Step::Letter(Letter::Measure) => self.feed(Input::Measure).await,
            Step::Letter(Letter::Observe { after, reply }) => {
                self.observe(after.as_deref(), reply);
            }
            Step::Letter(Letter::Steer { attachment, request, body, outbox }) => {
                // What was asked is done even where nobody waits for the reply any more.
                self.doors.insert(attachment, Door { outbox, participant: None });
                self.feed(Input::Steer { attachment, request, body }).await;
            }
            Step::Letter(Letter::Look(look)) => look(&self.room),
        }
        self.participants.set(self.room.participant_count());
    }

    async fn request(&mut self, attachment: AttachmentId, request: u64, body: Request) {
        if self.doors.contains_key(&attachment) {
            self.feed(Input::Request { attachment, request, body }).await;
        }
    }

    fn observe(&mut self, after: Option<&str>, reply: oneshot::Sender<View>) {
        match self.observers.view(&self.room, after) {
            // A reader that is gone already has nothing to read.
            Ok(view) => drop(reply.send(view)),
            Err(error) => tracing::error!(%error, "the room's events cannot be written"),
        }
    }

    /// Gives the room one input, and all inputs that follow from carrying out its outputs.
    ///
    /// What webhooks are to tell is on the disk before anybody hears of it. Nothing else is waited for.
    async fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.room.handle(self.clock.now(), input);
            let outputs: Vec<Output> = iter::from_fn(|| self.room.poll()).collect();
            let events = outputs.iter().filter_map(|output| match output {
                Output::Event(envelope) => Some(&**envelope),
                _ => None,
            });
            self.hub.webhooks().record(&self.room, events).await;
            for output in outputs {
                self.carry_out(output, &mut inputs);
            }
        }
    }

    fn carry_out(&mut self, output: Output, inputs: &mut VecDeque<Input>) {
        match output {
            Output::Attached { attachment, participant } => {
                if let Some(door) = self.doors.get_mut(&attachment) {
                    door.participant = Some(participant);
                }
            }
            Output::Reply { attachment, request, outcome } => {
                self.push(attachment, Parcel::Reply { request, outcome }, inputs);
            }
            Output::Event(envelope) => self.announce(&envelope, inputs),
            Output::Tell { attachment, envelope } => self.tell(attachment, &envelope, inputs),
            Output::HandOver { attachment } => {
                if let Some(door) = self.doors.remove(&attachment)
                    && let Some(moved) = self.moved.remove(&attachment)
                {
                    // A door that is gone drops it, and the other room hears of that.
                    let _ = door.outbox.push(Parcel::Moved(Box::new(moved)));
                }
            }
            Output::Move { participant, attachment, admission, room } => {
                self.start_move(participant, attachment, *admission, room);
            }
            Output::Bar { issuer, identity, until } => {
                self.hub.bar(&self.room.info().name, issuer, identity, until);
            }
            Output::Close { attachment, reason } => {
                if let Some(door) = self.doors.remove(&attachment) {
                    // Whether it is still there or not: it is forgotten now.
                    let _ = door.outbox.push(Parcel::Close(reason));
                }
            }
            Output::Media(command) => self.command(command, inputs),
            Output::Ended(reason) => {
                tracing::info!(room = %self.room.info().id, ?reason, "room ended");
            }
        }
    }

    fn push(&mut self, attachment: AttachmentId, parcel: Parcel, inputs: &mut VecDeque<Input>) {
        let Some(door) = self.doors.get(&attachment) else { return };
        if !door.outbox.push(parcel) {
            self.cut_off(attachment, inputs);
        }
    }

    /// Joins the other room on the participant's behalf, beside this room's own work.
    fn start_move(
        &self,
        participant: ParticipantId,
        attachment: AttachmentId,
        admission: Admission,
        room: String,
    ) {
        let (hub, signals) = (self.hub.clone(), self.signal_sender.clone());
        tokio::spawn(async move {
            let visitor =
                Visitor { room, may_create: true, wants_events: true, bearer: None, admission };
            let result = hub.join(visitor).await;
            let result = result.map(|(attachment, joined)| Moved { attachment, joined });
            // A room that is over has let the participant go already.
            let _ = signals.send(Signal::Moved { participant, attachment, result });
        });
    }

    fn tell(
        &mut self,
        attachment: AttachmentId,
        envelope: &Arc<Envelope>,
        inputs: &mut VecDeque<Input>,
    ) {
        if matches!(envelope.frame.event, Event::Gap { .. }) {
            self.counters.gap();
        }
        let Some(notice) = self.notice(envelope, inputs) else { return };
        let Some(door) = self.doors.get(&attachment) else { return };
        if door.outbox.wants_events() && !door.outbox.push_missed(notice) {
            self.cut_off(attachment, inputs);
        }
    }

    fn notice(&mut self, envelope: &Arc<Envelope>, inputs: &mut VecDeque<Input>) -> Option<Notice> {
        Notice::new(Arc::clone(envelope))
            .inspect_err(|error| {
                // Cannot happen with these types. Going on would be a silent gap.
                tracing::error!(%error, "an event cannot be written");
                inputs.push_back(Input::Stop { reason: EndReason::Internal });
            })
            .ok()
    }

    fn announce(&mut self, envelope: &Arc<Envelope>, inputs: &mut VecDeque<Input>) {
        let Some(notice) = self.notice(envelope, inputs) else { return };
        self.publish(&notice, inputs);
        let lost: Vec<AttachmentId> = self
            .doors
            .iter()
            .filter(|(_, door)| {
                door.outbox.wants_events()
                    && door.participant.is_some_and(|reader| envelope.audience.includes(reader))
                    && !door.outbox.push(Parcel::Event(notice.clone()))
            })
            .map(|(attachment, _)| *attachment)
            .collect();
        for attachment in lost {
            self.cut_off(attachment, inputs);
        }
    }

    /// To those who read along, here and in all rooms.
    fn publish(&mut self, notice: &Notice, inputs: &mut VecDeque<Input>) {
        if let Wire::Text(json) = &notice.wire {
            let name = &self.room.info().name;
            self.hub.firehose().append(name, &notice.envelope, json);
        }
        if let Err(error) = self.observers.tell(&self.room, notice) {
            tracing::error!(%error, "an event cannot be written");
            inputs.push_back(Input::Stop { reason: EndReason::Internal });
        }
    }

    /// A door does not read: the room hears that it is gone.
    fn cut_off(&mut self, attachment: AttachmentId, inputs: &mut VecDeque<Input>) {
        if let Some(door) = self.doors.remove(&attachment)
            && !door.outbox.is_closed()
        {
            self.counters.slow_reader();
        }
        inputs.push_back(Input::Detached { attachment });
    }

    fn command(&mut self, command: MediaCommand, inputs: &mut VecDeque<Input>) {
        match self.outlet.post(command) {
            Posted::Accepted => {}
            Posted::Refused(answer) => inputs.push_back(Input::Media(answer)),
            Posted::Stuck => {
                tracing::error!(room = %self.room.info().id, "the media worker takes nothing");
                inputs.push_back(Input::Stop { reason: EndReason::Internal });
            }
        }
    }

    /// The room is over: what it said last to an overloaded worker is not forgotten.
    async fn clear_outlet(&mut self) {
        for _ in 0..LAST_RETRIES {
            if !self.outlet.is_waiting() {
                return;
            }
            tokio::time::sleep(MEDIA_RETRY).await;
            self.outlet.retry();
        }
    }

    /// After a panic: the last words to everybody. The room itself is not asked any more.
    async fn give_up(&mut self) {
        let room = self.room.info().id;
        tracing::error!(%room, "the room's task panicked; the room is over");
        self.counters.room_failure();
        let at = self.clock.now().unix_ms;
        self.hub.webhooks().record_failure(room, at).await;
        let event = Event::RoomEnded { reason: EndReason::Internal };
        let envelope = Arc::new(Envelope {
            at,
            room,
            audience: Audience::Room,
            frame: EventFrame { seq: None, event },
        });
        let notice = Notice::new(envelope).ok();
        if let Some(notice) = &notice {
            self.publish(notice, &mut VecDeque::new());
        }
        for (_, door) in self.doors.drain() {
            if let Some(notice) = notice.clone().filter(|_| door.outbox.wants_events()) {
                let _ = door.outbox.push(Parcel::Event(notice));
            }
            let _ = door.outbox.push(Parcel::Close(LeaveReason::Internal));
        }
    }
}
