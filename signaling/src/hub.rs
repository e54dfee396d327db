//! All rooms by name: finds them, begins them, lets doors in, ends them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::EndReason;
use signaling_core::id::RoomId;
use signaling_core::info::IceServer;
use signaling_core::reply::{InLobby, Joined, Outcome, Reply, Resumed};
use signaling_core::request::{Request, Resume};
use signaling_core::room::{self, Room};
use signaling_core::{Admission, AttachmentId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, INBOX, Letter, Signal};
use crate::bars::Bars;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::feed::View;
use crate::firehose::Firehose;
use crate::media::{MediaPlane, Outlet, Routes};
use crate::nearby;
use crate::origins::Origins;
use crate::outbox::{End, Outbox, Parcel, Parcels, outbox};
use crate::webhooks::Webhooks;
use crate::wishes::{Wish, Wishes};

mod outside;

pub use outside::Options;

/// A room answers in microseconds, or its machine is in trouble.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a join is tried on rooms that end just then.
const JOIN_ATTEMPTS: usize = 3;

/// All rooms. Clones are the same hub.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    rooms: Mutex<HashMap<String, RoomHandle>>,
    config: Config,
    plane: Arc<dyn MediaPlane>,
    routes: Routes,
    clock: Clock,
    counters: Arc<Counters>,
    bars: Bars,
    firehose: Firehose,
    webhooks: Webhooks,
    attachments: AtomicU64,
    stopping: AtomicBool,
    /// Every room's task holds a receiver: when all are gone, all rooms are over.
    tasks: watch::Sender<()>,
}

/// What the hub keeps to.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether the first join creates its room.
    pub auto_create: bool,
    /// Rooms at a time.
    pub max_rooms: usize,
    /// How long a lossy message may wait for one reader.
    pub lossy_age: Duration,
    /// What each room keeps to.
    pub room: room::Config,
}

/// Somebody at a door.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The room asked for.
    pub room: String,
    /// Whether the token allows creating it.
    pub may_create: bool,
    /// Whether its door reads events.
    pub wants_events: bool,
    /// Whom its token is for, where that is not the identity that it has in the room.
    pub bearer: Option<String>,
    /// Who.
    pub admission: Admission,
}

/// Where a join has led.
#[derive(Debug)]
pub enum Entered {
    /// Into the room.
    Room(Box<Joined>),
    /// Into its lobby.
    Lobby(InLobby),
}

#[derive(Clone)]
struct RoomHandle {
    id: RoomId,
    inbox: mpsc::Sender<Letter>,
    signals: mpsc::UnboundedSender<Signal>,
    wishes: Wishes,
    /// Whose pages may use it; `None` for the server's list.
    allowed_origins: Arc<Mutex<Option<Arc<Origins>>>>,
}

impl RoomHandle {
    fn send(&self, letter: Letter) -> Result<(), RequestError> {
        self.inbox.try_send(letter).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                RequestError::new(ErrorCode::Busy, "the room is busy; ask again in a moment")
            }
            mpsc::error::TrySendError::Closed(_) => {
                RequestError::new(ErrorCode::NotFound, "the room is over")
            }
        })
    }
}

impl Hub {
    /// No rooms yet.
    pub fn new(
        config: Config,
        plane: Arc<dyn MediaPlane>,
        routes: Routes,
        counters: Arc<Counters>,
        webhooks: Webhooks,
    ) -> Hub {
        Hub {
            shared: Arc::new(Shared {
                rooms: Mutex::default(),
                config,
                plane,
                routes,
                clock: Clock::start(),
                counters,
                bars: Bars::default(),
                firehose: Firehose::new(rand::random()),
                webhooks,
                attachments: AtomicU64::new(1),
                stopping: AtomicBool::new(false),
                tasks: watch::channel(()).0,
            }),
        }
    }

    /// What each room keeps to.
    pub fn room_config(&self) -> &room::Config {
        &self.shared.config.room
    }

    /// What happens in all rooms.
    pub fn firehose(&self) -> &Firehose {
        &self.shared.firehose
    }

    /// What an observer is to read in the room `name` after the cursor `after`, and from now on.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room, [`ErrorCode::Busy`].
    pub async fn observe(&self, name: &str, after: Option<String>) -> Result<View, RequestError> {
        let room = self.find(name)?;
        let (reply, view) = oneshot::channel();
        room.send(Letter::Observe { after, reply })?;
        match tokio::time::timeout(REPLY_TIMEOUT, view).await {
            Ok(Ok(view)) => Ok(view),
            Ok(Err(_)) => Err(no_such_room()),
            Err(_) => Err(RequestError::new(ErrorCode::Busy, "no answer in time; ask again")),
        }
    }

    /// Who is told by HTTP what happens.
    pub fn webhooks(&self) -> &Webhooks {
        &self.shared.webhooks
    }

    /// Somebody wants to read what is measured in a room, if there is one.
    pub fn wish(&self, name: &str) -> Option<Wish> {
        self.rooms().get(name).map(|room| room.wishes.wish())
    }

    /// Has the media measured, where somebody wants to read it.
    pub fn measure(&self) {
        let all = self.shared.firehose.is_wished();
        for room in self.rooms().values().filter(|room| all || room.wishes.any()) {
            // One that is busy or over has no time for it.
            let _ = room.send(Letter::Measure);
        }
    }

    /// Lets somebody into a room, or its lobby. The room begins with the first one where that is
    /// allowed.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room and it may not be created,
    /// [`ErrorCode::Forbidden`] for who was removed from it, [`ErrorCode::Full`],
    /// [`ErrorCode::Busy`], [`ErrorCode::Stopping`], and what the room says.
    pub async fn enter(&self, visitor: Visitor) -> Result<(Attachment, Entered), RequestError> {
        let Visitor { room: name, admission, bearer, .. } = &visitor;
        let now = self.shared.clock.now().unix_ms / 1000;
        for identity in [Some(&admission.identity), bearer.as_ref()].into_iter().flatten() {
            self.shared.bars.check(name, &admission.issuer, identity, now)?;
        }
        for _ in 0..JOIN_ATTEMPTS {
            let room = self.open(name, visitor.may_create)?;
            let (mut attachment, outbox) = self.attach(room, visitor.wants_events);
            let letter = Letter::Join {
                attachment: attachment.id,
                request: 0,
                admission: Box::new(admission.clone()),
                outbox,
            };
            match attachment.first(letter).await {
                Ok(Reply::Joined(joined)) => return Ok((attachment, Entered::Room(joined))),
                Ok(Reply::InLobby(lobby)) => return Ok((attachment, Entered::Lobby(lobby))),
                Ok(_) => return Err(no_answer()),
                // The room ended between being found and being asked: the next one is a new one.
                Err(FirstError::RoomGone) => {}
                Err(FirstError::Refused(error)) => return Err(error),
            }
        }
        Err(RequestError::new(ErrorCode::Busy, "the room has just ended; join again"))
    }

    /// As [`Hub::enter`], for those who do not wait in a lobby.
    ///
    /// # Errors
    /// Those of [`Hub::enter`], and [`ErrorCode::Locked`] for a room with a lobby.
    pub async fn join(&self, visitor: Visitor) -> Result<(Attachment, Box<Joined>), RequestError> {
        match self.enter(visitor).await? {
            (attachment, Entered::Room(joined)) => Ok((attachment, joined)),
            (_, Entered::Lobby(_)) => {
                Err(RequestError::new(ErrorCode::Locked, "the room has a lobby before it"))
            }
        }
    }

    /// Takes somebody back whose connection was lost.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such participant any more.
    pub async fn resume(
        &self,
        resume: Resume,
        ice_servers: Vec<IceServer>,
    ) -> Result<(Attachment, Resumed), RequestError> {
        // What is missing, room or participant, is not told apart.
        let gone = || {
            RequestError::new(
                ErrorCode::NotFound,
                "there is no such participant any more; join again with a token",
            )
        };
        let room = self.rooms().get(&resume.room).cloned().ok_or_else(gone)?;
        let (mut attachment, outbox) = self.attach(room, true);
        let letter = Letter::Resume {
            attachment: attachment.id,
            request: 0,
            secret: resume.secret,
            cursor: resume.cursor,
            ice_servers,
            outbox,
        };
        match attachment.first(letter).await {
            Ok(Reply::Resumed(resumed)) => {
                self.shared.counters.resumed();
                Ok((attachment, resumed))
            }
            Ok(_) => Err(no_answer()),
            Err(FirstError::RoomGone) => Err(gone()),
            Err(FirstError::Refused(error)) => Err(error),
        }
    }

    /// From here on the room hears of it when the attachment is dropped.
    fn attach(&self, room: RoomHandle, wants_events: bool) -> (Attachment, Outbox) {
        let id = AttachmentId(self.shared.attachments.fetch_add(1, Ordering::Relaxed));
        let (outbox, parcels) =
            outbox(wants_events, self.shared.config.lossy_age, Arc::clone(&self.shared.counters));
        (Attachment { id, room, parcels, asked: 0, is_leaving: AtomicBool::new(false) }, outbox)
    }

    /// Lets an identity into a room no more, until its token has ended.
    pub fn bar(&self, room: &str, issuer: String, identity: String, until: u64) {
        let now = self.shared.clock.now().unix_ms / 1000;
        self.shared.bars.add(room, issuer, identity, until, now);
    }

    fn open(&self, name: &str, may_create: bool) -> Result<RoomHandle, RequestError> {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(name).filter(|room| !room.inbox.is_closed()) {
            return Ok(room.clone());
        }
        let is_nearby = nearby::is_nearby(name);
        if !(self.shared.config.auto_create || may_create || is_nearby) {
            return Err(no_such_room());
        }
        self.refuse_another(&rooms)?;
        let mut config = self.room_config().clone();
        if is_nearby {
            config.max_participants = config.max_participants.min(nearby::MOST);
        }
        let room = self.begin(name, config);
        rooms.insert(name.to_owned(), room.clone());
        Ok(room)
    }

    /// Under the lock, so that no room begins after `stop` has been through them all.
    fn refuse_another(&self, rooms: &HashMap<String, RoomHandle>) -> Result<(), RequestError> {
        if self.shared.stopping.load(Ordering::Relaxed) {
            return Err(RequestError::new(ErrorCode::Stopping, "the server is stopping"));
        }
        if rooms.len() >= self.shared.config.max_rooms {
            return Err(RequestError::new(
                ErrorCode::Full,
                "the server has all the rooms it takes",
            ));
        }
        Ok(())
    }

    fn begin(&self, name: &str, config: room::Config) -> RoomHandle {
        let shared = &self.shared;
        let room = Room::new(config, name.to_owned(), rand::random(), shared.clock.now());
        let id = room.info().id;
        let (inbox, letters) = mpsc::channel(INBOX);
        let (signals, signal_receiver) = mpsc::unbounded_channel();
        let actor = Actor {
            hub: self.clone(),
            signal_sender: signals.clone(),
            outlet: Outlet::new(id, Arc::clone(&shared.plane)),
            room,
            inbox: letters,
            signals: signal_receiver,
            media_events: shared.routes.connect(id),
            clock: shared.clock,
            counters: Arc::clone(&shared.counters),
        };
        let entry = Entry { hub: self.clone(), name: name.to_owned(), id };
        let alive = shared.tasks.subscribe();
        tokio::spawn(async move {
            actor.run().await;
            drop(entry);
            drop(alive);
        });
        tracing::info!(room = %id, ?name, "room started");
        RoomHandle {
            id,
            inbox,
            signals,
            wishes: Wishes::default(),
            allowed_origins: Arc::default(),
        }
    }

    /// Begins no new rooms, lets nobody new in, tells everybody that the server stops after `patience`;
    /// returns when all rooms are over, or then.
    pub async fn drain(&self, patience: Duration) {
        let deadline = self.shared.clock.now().unix_ms.saturating_add(millis(patience));
        self.tell_all(|| Signal::Drain { deadline });
        // Whoever is still there then is told by `stop`.
        let _ = tokio::time::timeout(patience, self.shared.tasks.closed()).await;
    }

    /// Ends all rooms and begins no new ones; returns when everybody has been told, or after
    /// `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.tell_all(|| Signal::Stop(EndReason::ServerStopping));
        if tokio::time::timeout(patience, self.shared.tasks.closed()).await.is_err() {
            tracing::warn!("some rooms did not end in time");
        }
        self.shared.firehose.close();
    }

    fn tell_all(&self, signal: impl Fn() -> Signal) {
        let rooms: Vec<RoomHandle> = {
            let rooms = self.rooms();
            self.shared.stopping.store(true, Ordering::Relaxed);
            rooms.values().cloned().collect()
        };
        for room in rooms {
            // A room that has ended already needs no telling.
            let _ = room.signals.send(signal());
        }
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<String, RoomHandle>> {
        self.shared.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A room's place in the hub; given up when dropped, however the room ended.
struct Entry {
    hub: Hub,
    name: String,
    id: RoomId,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.hub.shared.routes.disconnect(self.id);
        let mut rooms = self.hub.rooms();
        // The name may have a new room by now.
        if rooms.get(&self.name).is_some_and(|room| room.id == self.id) {
            rooms.remove(&self.name);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn no_such_room() -> RequestError {
    RequestError::new(ErrorCode::NotFound, "there is no such room")
}

fn no_answer() -> RequestError {
    RequestError::new(ErrorCode::Internal, "the room did not answer; join again")
}

/// Why a first letter led to nothing.
enum FirstError {
    RoomGone,
    Refused(RequestError),
}

/// A door's hold on a room. When it is dropped, the room hears that the door is gone.
pub struct Attachment {
    id: AttachmentId,
    room: RoomHandle,
    parcels: Parcels,
    /// Numbers the requests of [`Attachment::ask`].
    asked: u64,
    /// The room was told past its inbox that its participant leaves, which it is once.
    is_leaving: AtomicBool,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("id", &self.id).field("room", &self.room.id).finish()
    }
}

impl Attachment {
    /// Sends the letter that makes this an attachment, and waits for the reply to it.
    async fn first(&mut self, letter: Letter) -> Result<Reply, FirstError> {
        self.room.send(letter).map_err(|error| match error.code {
            ErrorCode::Busy => FirstError::Refused(error),
            _ => FirstError::RoomGone,
        })?;
        self.first_reply().await
    }

    async fn first_reply(&mut self) -> Result<Reply, FirstError> {
        match self.next().await {
            Ok(Parcel::Reply { outcome: Outcome::Ok(reply), .. }) => Ok(reply),
            Ok(Parcel::Reply { outcome: Outcome::Error(error), .. }) => {
                Err(FirstError::Refused(error))
            }
            Err(End::RoomGone) => Err(FirstError::RoomGone),
            // Nothing comes before the first reply.
            Ok(_) | Err(End::Overrun) => Err(FirstError::Refused(no_answer())),
        }
    }

    /// The room that this is a hold on.
    pub fn room(&self) -> RoomId {
        self.room.id
    }

    /// Sends a request without waiting; the reply is among the parcels.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when the room's inbox is full, but for who leaves; [`ErrorCode::NotFound`] when
    /// the room is over.
    pub fn request(&self, request: u64, body: Request) -> Result<(), RequestError> {
        let leaves = matches!(body, Request::Leave);
        let attachment = self.id;
        match self.room.send(Letter::Request { attachment, request, body }) {
            Err(error)
                if leaves
                    && error.code == ErrorCode::Busy
                    && !self.is_leaving.swap(true, Ordering::Relaxed) =>
            {
                // That it is over is told by its last parcel.
                let _ = self.room.signals.send(Signal::Leaving { attachment, request });
                Ok(())
            }
            result => result,
        }
    }

    /// The next parcel.
    ///
    /// # Errors
    /// [`End`] when there will be none.
    pub async fn next(&mut self) -> Result<Parcel, End> {
        self.parcels.next().await
    }

    /// Sends a request and waits for its reply; whatever else comes meanwhile is passed over. For doors
    /// that read no events.
    ///
    /// # Errors
    /// What the room says, and [`ErrorCode::Busy`] when it says nothing.
    pub async fn ask(&mut self, body: Request) -> Result<Reply, RequestError> {
        self.asked += 1;
        self.ask_as(self.asked, body).await
    }

    /// Leaves on the participant's behalf, if it is still there.
    pub async fn leave(&mut self) {
        // A number that no client has used: it must not be taken for something asked again.
        let _ = self.ask_as(u64::MAX, Request::Leave).await;
    }

    async fn ask_as(&mut self, asked: u64, body: Request) -> Result<Reply, RequestError> {
        self.request(asked, body)?;
        let reply = async {
            loop {
                match self.parcels.next().await {
                    Ok(Parcel::Reply { request, outcome }) if request == asked => break outcome,
                    Ok(Parcel::Close(_)) | Err(_) => {
                        break Outcome::Error(RequestError::new(
                            ErrorCode::NotFound,
                            "the room has let go of this participant",
                        ));
                    }
                    Ok(_) => {}
                }
            }
        };
        match tokio::time::timeout(REPLY_TIMEOUT, reply).await {
            Ok(Outcome::Ok(reply)) => Ok(reply),
            Ok(Outcome::Error(error)) => Err(error),
            Err(_) => Err(RequestError::new(ErrorCode::Busy, "no answer in time; ask again")),
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // A room that is over has forgotten it already.
        let _ = self.room.signals.send(Signal::Detached(self.id));
    }
}

#[cfg(test)]
mod tests;
