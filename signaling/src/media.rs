//! The way to the media plane and back. Here, and nowhere else, the ids and words of rooms become
//! those of the SFU.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub use sfu::{
    BulkNext, BulkReceiver, BulkRefused, Channel, Link, LinkEnd, Neighbour, Overloaded, Train,
};
use sfu::{
    Command, CommandError, Event, Group, RequestKey, RoomKey, SessionKey, SfuHandle, TrackKey,
};
use signaling_core::id::{ParticipantId, RoomId, TrackId};
use signaling_core::info::{DataMessage, Flow, MediaKind, ParticipantQuality};
use signaling_core::media::{
    MediaAnswer, MediaCommand, MediaError, MediaEvent, MediaLine, MediaRequest, TrackGroup,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::counters::{Counters, Row};

pub mod envelope;

/// What rooms need of a media plane.
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands over a command. Commands of one room are carried out in order.
    ///
    /// # Errors
    /// [`Overloaded`] when the room's worker cannot take it now; it was not taken.
    fn post(&self, room: RoomId, command: MediaCommand) -> Result<(), Overloaded>;

    /// Gives a participant a link: from now on its data messages come and go by it.
    ///
    /// # Errors
    /// As [`MediaPlane::post`].
    fn link(&self, room: RoomId, participant: ParticipantId) -> Result<Link, Overloaded>;

    /// Forgets a room with everything in it.
    fn end_room(&self, room: RoomId);

    /// What the media plane has counted.
    fn counters(&self) -> Vec<Row>;

    /// Each of its workers, since the start.
    fn workers(&self) -> Vec<Worker>;
}

/// One media thread since its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worker {
    /// How long it was busy.
    pub busy: Duration,
    /// Peer connections now.
    pub sessions: u64,
    /// Published tracks now.
    pub tracks: u64,
    /// Media from publishers: packets, and bytes of payload.
    pub received: (u64, u64),
    /// Media to subscribers.
    pub sent: (u64, u64),
}

impl MediaPlane for SfuHandle {
    fn post(&self, room: RoomId, command: MediaCommand) -> Result<(), Overloaded> {
        SfuHandle::post(self, RoomKey(room.0), to_sfu(command))
    }

    fn link(&self, room: RoomId, participant: ParticipantId) -> Result<Link, Overloaded> {
        SfuHandle::link(self, RoomKey(room.0), session_key(participant))
    }

    fn end_room(&self, room: RoomId) {
        SfuHandle::end_room(self, RoomKey(room.0));
    }

    fn counters(&self) -> Vec<Row> {
        SfuHandle::counters(self)
            .rows()
            .map(|row| Row {
                name: row.name,
                help: row.help,
                label: row.label,
                value: row.value,
                is_gauge: row.is_gauge,
            })
            .collect()
    }

    fn workers(&self) -> Vec<Worker> {
        SfuHandle::workers(self)
            .map(|(stats, busy)| {
                let (received, sent) = stats.flows();
                Worker {
                    busy,
                    sessions: stats.sessions(),
                    tracks: stats.tracks(),
                    received: (received.packets, received.bytes),
                    sent: (sent.packets, sent.bytes),
                }
            })
            .collect()
    }
}

/// Bytes of data messages that may wait for one room's task. All else that waits for it is bounded by
/// what the room asks for.
const WAITING_DATA: usize = 4 << 20;

/// What a data message counts for beside its payload.
const MESSAGE_OVERHEAD: usize = 256;

/// Which room's task gets the events of which room's media.
#[derive(Clone)]
pub struct Routes {
    rooms: Arc<RwLock<HashMap<RoomId, Route>>>,
    counters: Arc<Counters>,
}

struct Route {
    events: UnboundedSender<MediaEvent>,
    /// Bytes of data messages that wait.
    waiting: Arc<AtomicUsize>,
}

/// What a room's task is told by the media plane.
pub struct MediaEvents {
    events: UnboundedReceiver<MediaEvent>,
    waiting: Arc<AtomicUsize>,
}

impl MediaEvents {
    /// The next one; `None` when the room is forgotten.
    pub async fn recv(&mut self) -> Option<MediaEvent> {
        let event = self.events.recv().await?;
        if let MediaEvent::Data { message, .. } = &event {
            self.waiting.fetch_sub(weight(message), Ordering::Relaxed);
        }
        Some(event)
    }
}

fn weight(message: &DataMessage) -> usize {
    message.payload.len() + MESSAGE_OVERHEAD
}

impl Routes {
    /// No rooms yet.
    pub fn new(counters: Arc<Counters>) -> Routes {
        Routes { rooms: Arc::default(), counters }
    }

    /// From now on the events of `room` come here.
    pub fn connect(&self, room: RoomId) -> MediaEvents {
        let (sender, events) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let route = Route { events: sender, waiting: Arc::clone(&waiting) };
        self.rooms.write().unwrap_or_else(PoisonError::into_inner).insert(room, route);
        MediaEvents { events, waiting }
    }

    /// Forgets a room.
    pub fn disconnect(&self, room: RoomId) {
        self.rooms.write().unwrap_or_else(PoisonError::into_inner).remove(&room);
    }

    /// Called on the media plane's threads, with each of its events.
    pub fn deliver(&self, room: RoomKey, event: Event) {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        let Some(route) = rooms.get(&RoomId(room.0)) else { return };
        match from_sfu(event) {
            MediaEvent::Data { to, message } => self.deliver_data(route, to, message),
            // A task that has just ended has no use for it.
            event => drop(route.events.send(event)),
        }
    }

    /// A room that does not keep up loses lossy messages, and those who would have got reliable ones:
    /// they are told, as any reader that is too slow.
    fn deliver_data(&self, route: &Route, to: Vec<ParticipantId>, message: DataMessage) {
        let weight = weight(&message);
        let waiting = route.waiting.fetch_add(weight, Ordering::Relaxed);
        if waiting + weight <= WAITING_DATA {
            return drop(route.events.send(MediaEvent::Data { to, message }));
        }
        route.waiting.fetch_sub(weight, Ordering::Relaxed);
        if message.lossy {
            to.iter().for_each(|_| self.counters.lossy_lost());
        } else {
            for session in to {
                drop(route.events.send(MediaEvent::Overrun { session }));
            }
        }
    }
}

/// The commands of one room on their way. Order is everything here: a command that is lost would
/// leave the two planes disagreeing, so what an overloaded worker does not take waits. What has an
/// answer is refused instead while others wait: its asker can ask again.
pub struct Outlet {
    room: RoomId,
    plane: Arc<dyn MediaPlane>,
    waiting: VecDeque<MediaCommand>,
    /// Sessions that were opened and not closed: a room that panics leaves them to be closed here.
    open: HashSet<ParticipantId>,
}

/// More than that is not overload any more; the room is given up.
const WAITING_COMMANDS: usize = 4096;

/// What became of a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was taken, or waits.
    Accepted,
    /// It was not taken, and this is its answer.
    Refused(MediaEvent),
    /// The media plane has not taken anything for too long.
    Stuck,
}

impl Outlet {
    /// The way of `room` to `plane`.
    pub fn new(room: RoomId, plane: Arc<dyn MediaPlane>) -> Outlet {
        Outlet { room, plane, waiting: VecDeque::new(), open: HashSet::new() }
    }

    /// Whether [`Outlet::retry`] has something to do.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Hands over a command.
    pub fn post(&mut self, command: MediaCommand) -> Posted {
        match &command {
            MediaCommand::Open { session } => {
                self.open.insert(*session);
            }
            MediaCommand::Close { session } => {
                self.open.remove(session);
            }
            _ => {}
        }
        let refusal = refusal(&command);
        if self.waiting.is_empty() {
            match (self.plane.post(self.room, command.clone()), refusal) {
                (Ok(()), _) => return Posted::Accepted,
                (Err(Overloaded), Some(answer)) => return Posted::Refused(answer),
                (Err(Overloaded), None) => {}
            }
        } else if let Some(answer) = refusal {
            return Posted::Refused(answer);
        }
        if self.waiting.len() >= WAITING_COMMANDS {
            return Posted::Stuck;
        }
        self.waiting.push_back(command);
        Posted::Accepted
    }

    /// Tries again to hand over what waits.
    pub fn retry(&mut self) {
        while let Some(command) = self.waiting.front() {
            if self.plane.post(self.room, command.clone()).is_err() {
                return;
            }
            self.waiting.pop_front();
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.retry();
        for session in self.open.drain() {
            // An overloaded worker finds out by itself when the client stops answering.
            let _ = self.plane.post(self.room, MediaCommand::Close { session });
        }
        self.plane.end_room(self.room);
    }
}

/// What a room is told in place of the media plane's answer.
fn refusal(command: &MediaCommand) -> Option<MediaEvent> {
    match command {
        MediaCommand::Offer { session, request, .. } => Some(MediaEvent::Answered {
            session: *session,
            request: *request,
            result: Err(MediaError::Unavailable),
        }),
        MediaCommand::Publish { session, request, .. } => Some(MediaEvent::Published {
            session: *session,
            request: *request,
            result: Err(MediaError::Unavailable),
        }),
        _ => None,
    }
}

fn to_sfu(command: MediaCommand) -> Command {
    match command {
        MediaCommand::Open { session } => Command::Open { session: session_key(session) },
        MediaCommand::Offer { session, sdp, request } => {
            Command::Offer { session: session_key(session), sdp, request: RequestKey(request.0) }
        }
        MediaCommand::Candidate { session, candidate } => {
            Command::Candidate { session: session_key(session), candidate }
        }
        MediaCommand::Publish { session, track, mid, kind, group, request } => Command::Publish {
            session: session_key(session),
            track: track_key(track),
            mid,
            kind: match kind {
                MediaKind::Audio => sfu::MediaKind::Audio,
                MediaKind::Video => sfu::MediaKind::Video,
            },
            group: group_key(group),
            request: RequestKey(request.0),
        },
        MediaCommand::Unpublish { track } => Command::Unpublish { track: track_key(track) },
        MediaCommand::Mute { track, muted } => Command::Mute { track: track_key(track), muted },
        MediaCommand::Subscribe { session, track } => {
            Command::Subscribe { session: session_key(session), track: track_key(track) }
        }
        MediaCommand::Unsubscribe { session, track } => {
            Command::Unsubscribe { session: session_key(session), track: track_key(track) }
        }
        MediaCommand::Viewport { session, track, width, height } => Command::Viewport {
            session: session_key(session),
            track: track_key(track),
            width,
            height,
        },
        MediaCommand::Admit { member, may_send } => {
            Command::Admit { member: session_key(member), may_send }
        }
        MediaCommand::Listen { member, topics } => {
            Command::Listen { member: session_key(member), topics }
        }
        MediaCommand::Dismiss { member } => Command::Dismiss { member: session_key(member) },
        MediaCommand::Measure => Command::Measure,
        MediaCommand::Close { session } => Command::Close { session: session_key(session) },
    }
}

fn from_sfu(event: Event) -> MediaEvent {
    match event {
        Event::Answered { session, request, result } => MediaEvent::Answered {
            session: participant(session),
            request: MediaRequest(request.0),
            result: result.map(answer).map_err(error),
        },
        Event::Published { session, request, result } => MediaEvent::Published {
            session: participant(session),
            request: MediaRequest(request.0),
            result: result.map_err(error),
        },
        Event::Bound { session, track, mid, bind } => {
            MediaEvent::Bound { session: participant(session), track: TrackId(track.0), mid, bind }
        }
        Event::SlotsNeeded { session, audio, video } => {
            MediaEvent::SlotsNeeded { session: participant(session), audio, video }
        }
        Event::Connected { session } => MediaEvent::Connected { session: participant(session) },
        Event::Failed { session, reason } => {
            MediaEvent::Failed { session: participant(session), reason: reason.to_string() }
        }
        Event::Data { to, message } => MediaEvent::Data {
            to: to.into_iter().map(participant).collect(),
            message: DataMessage {
                from: Some(participant(message.from)),
                id: message.id,
                lossy: message.lossy,
                retain: false,
                topic: message.topic,
                payload: message.payload,
            },
        },
        Event::Overrun { session } => MediaEvent::Overrun { session: participant(session) },
        Event::Measured { sessions } => {
            MediaEvent::Measured { sessions: sessions.into_iter().map(quality).collect() }
        }
        Event::Restarted => MediaEvent::Restarted,
    }
}

fn quality((session, quality): (SessionKey, sfu::Quality)) -> ParticipantQuality {
    let sfu::Quality { time, received, sent, round_trip } = quality;
    // What is received is counted apart from what is lost, what is sent includes it.
    let received = flow(received, received.packets + received.lost, time);
    ParticipantQuality {
        participant: participant(session),
        received,
        sent: flow(sent, sent.packets, time),
        round_trip_ms: round_trip.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// `expected` packets should have arrived in `time`.
fn flow(flow: sfu::Flow, expected: u64, time: Duration) -> Flow {
    Flow {
        bits_per_second: per_second(flow.bytes * 8, time),
        packets_per_second: per_second(flow.packets, time),
        lost_per_thousand: (flow.lost * 1000).checked_div(expected).unwrap_or_default().min(1000),
    }
}

fn per_second(count: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / millis
}

fn answer(answer: sfu::Answer) -> MediaAnswer {
    MediaAnswer {
        sdp: answer.sdp,
        lines: answer
            .lines
            .into_iter()
            .map(|line| MediaLine {
                mid: line.mid,
                kind: match line.kind {
                    sfu::MediaKind::Audio => MediaKind::Audio,
                    sfu::MediaKind::Video => MediaKind::Video,
                },
                sends: line.sends,
                receives: line.receives,
            })
            .collect(),
    }
}

fn error(error: CommandError) -> MediaError {
    match error {
        CommandError::BadSdp(text) => MediaError::BadSdp(text),
        CommandError::NotFound(text) => MediaError::NotFound(text),
    }
}

fn session_key(participant: ParticipantId) -> SessionKey {
    SessionKey(participant.0)
}

fn participant(session: SessionKey) -> ParticipantId {
    ParticipantId(session.0)
}

fn track_key(track: TrackId) -> TrackKey {
    TrackKey(track.0)
}

fn group_key(group: TrackGroup) -> Group {
    Group { session: session_key(group.participant), index: u8::from(group.screen) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes commands as long as it has room for them.
    #[derive(Default)]
    struct Plane {
        vacancies: Mutex<usize>,
        taken: Mutex<Vec<MediaCommand>>,
    }

    impl MediaPlane for Plane {
        fn post(&self, _room: RoomId, command: MediaCommand) -> Result<(), Overloaded> {
            let mut vacancies = self.vacancies.lock().unwrap();
            *vacancies = vacancies.checked_sub(1).ok_or(Overloaded)?;
            self.taken.lock().unwrap().push(command);
            Ok(())
        }

        fn link(&self, _: RoomId, _: ParticipantId) -> Result<Link, Overloaded> {
            Err(Overloaded)
        }

        fn end_room(&self, _room: RoomId) {}

        fn counters(&self) -> Vec<Row> {
            Vec::new()
        }

        fn workers(&self) -> Vec<Worker> {
            Vec::new()
        }
    }

    const SESSION: ParticipantId = ParticipantId(7);

    fn mute(track: u64) -> MediaCommand {
        MediaCommand::Mute { track: TrackId(track), muted: true }
    }

    fn offer() -> MediaCommand {
        MediaCommand::Offer { session: SESSION, sdp: String::new(), request: MediaRequest(3) }
    }

    #[test]
    fn an_overloaded_worker_gets_everything_later_and_in_order() {
        let plane = Arc::new(Plane::default());
        *plane.vacancies.lock().unwrap() = 1;
        let mut outlet = Outlet::new(RoomId(1), Arc::clone(&plane) as _);
        for track in 0..3 {
            assert_eq!(outlet.post(mute(track)), Posted::Accepted);
        }
        assert!(outlet.is_waiting());
        // What has an answer is refused while others wait, even if there is room now.
        *plane.vacancies.lock().unwrap() = 1;
        let Posted::Refused(MediaEvent::Answered { session, request, result }) =
            outlet.post(offer())
        else {
            panic!("the offer was not refused");
        };
        assert_eq!((session, request), (SESSION, MediaRequest(3)));
        assert_eq!(result, Err(MediaError::Unavailable));

        outlet.retry();
        assert!(outlet.is_waiting());
        *plane.vacancies.lock().unwrap() = 9;
        outlet.retry();
        assert!(!outlet.is_waiting());
        assert_eq!(*plane.taken.lock().unwrap(), [mute(0), mute(1), mute(2)]);
        assert_eq!(outlet.post(offer()), Posted::Accepted);
    }

    #[test]
    fn sessions_that_a_room_left_open_are_closed() {
        let plane = Arc::new(Plane::default());
        *plane.vacancies.lock().unwrap() = 9;
        let mut outlet = Outlet::new(RoomId(1), Arc::clone(&plane) as _);
        for session in [SESSION, ParticipantId(8)] {
            assert_eq!(outlet.post(MediaCommand::Open { session }), Posted::Accepted);
        }
        let close = MediaCommand::Close { session: ParticipantId(8) };
        assert_eq!(outlet.post(close.clone()), Posted::Accepted);
        drop(outlet);
        let taken = plane.taken.lock().unwrap();
        assert_eq!(taken[2..], [close, MediaCommand::Close { session: SESSION }]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut outlet = Outlet::new(RoomId(1), Arc::new(Plane::default()));
        for track in 0..WAITING_COMMANDS as u64 {
            assert_eq!(outlet.post(mute(track)), Posted::Accepted);
        }
        assert_eq!(outlet.post(mute(0)), Posted::Stuck);
    }
}
