//! One story through every door: a room is created, joined, published and talked in, muted, left and ended;
//! and whoever reads of it is told the same events in the same order, wherever he was cut off, or the
//! server killed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use signaling_core::grants::{Claims, OrielClaims, VideoClaims};

use crate::feed_readers::{Stream, observing};
use crate::process::Process;
use crate::receiver::{LOOPBACK, Mood, Receiver, until};
use crate::server::{Response, Server, Socket, claims, http, socket_at, token};
use crate::whip::offer;

/// What happens, one act after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Create,
    Join,
    Publish,
    Chat,
    Mute,
    Leave,
    End,
}

const ACTS: [Act; 7] =
    [Act::Create, Act::Join, Act::Publish, Act::Chat, Act::Mute, Act::Leave, Act::End];

/// What everybody may know of it, by type.
pub(crate) const STORY: [&str; 9] = [
    "room.started",
    "participant.joined",
    "participant.joined",
    "track.published",
    "chat.posted",
    "data.received",
    "track.muted",
    "participant.left",
    "room.ended",
];

/// The story as it goes: Ana moderates a room that a back end has created, Ben comes and goes.
pub(crate) struct Play {
    host: String,
    room: String,
    ana: Option<Socket>,
    ben: Option<Socket>,
    ana_id: Value,
    track: Value,
}

impl Play {
    pub(crate) fn new(host: &str, room: &str) -> Play {
        let (host, room) = (host.to_owned(), room.to_owned());
        Play { host, room, ana: None, ben: None, ana_id: Value::Null, track: Value::Null }
    }

    /// Plays an act; those before it were played. It is over when all of it was acknowledged.
    pub(crate) async fn act(&mut self, act: Act) {
        match act {
            Act::Create => {
                let created = as_admin(&self.host, "POST", "/v1/rooms", json!({"name": self.room}));
                assert_eq!(created.await.status, 201);
            }
            Act::Join => {
                let moderator = claims(&self.room, "ana");
                let video = VideoClaims { room_admin: true, ..moderator.video };
                let (ana, joined) = self.join(Claims { video, ..moderator }).await;
                self.ana_id = joined["participant"]["id"].clone();
                let (ben, _) = self.join(claims(&self.room, "ben")).await;
                (self.ana, self.ben) = (Some(ana), Some(ben));
            }
            Act::Publish => {
                self.ben(json!({"type": "offer", "sdp": offer("sendonly")})).await;
                let publish =
                    json!({"type": "publish", "mid": "1", "kind": "video", "source": "camera"});
                self.ben(publish).await;
                let published = self.ana.as_mut().unwrap().event("track.published").await;
                self.track = published["track"]["id"].clone();
            }
            Act::Chat => {
                self.ben(json!({"type": "chat", "text": "for all"})).await;
                let to = json!([self.ana_id]);
                self.ben(json!({"type": "chat", "text": "not for all", "to": to})).await;
                let data = json!({"type": "send", "topic": "t", "payload": "eA==", "lossy": false,
                    "listeners": false});
                self.ben(data).await;
            }
            Act::Mute => {
                let mute = json!({"type": "mute", "track": self.track, "muted": true});
                self.ana(mute).await;
            }
            Act::Leave => {
                self.ben(json!({"type": "leave"})).await;
            }
            Act::End => {
                self.ana(json!({"type": "end"})).await;
            }
        }
    }

    async fn join(&self, claims: Claims) -> (Socket, Value) {
        let mut socket = socket_at(&self.host, &[]).await.unwrap();
        let joined = socket.ask(json!({"type": "join", "token": token(claims)})).await;
        assert!(joined["ok"].is_object(), "{joined}");
        (socket, joined["ok"].clone())
    }

    async fn ana(&mut self, request: Value) {
        let reply = self.ana.as_mut().unwrap().ask(request).await;
        assert!(reply["ok"].is_object(), "{reply}");
    }

    async fn ben(&mut self, request: Value) {
        let reply = self.ben.as_mut().unwrap().ask(request).await;
        assert!(reply["ok"].is_object(), "{reply}");
    }
}

async fn as_admin(host: &str, method: &str, path: &str, body: Value) -> Response {
    let oriel = OrielClaims { admin: true, ..OrielClaims::default() };
    let bearer = format!("Bearer {}", token(Claims { oriel, ..Claims::default() }));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    http(host, method, path, &headers, &body.to_string()).await
}

/// A way to read.
#[derive(Debug, Clone, Copy)]
enum Way {
    Socket,
    Stream,
    Poll,
}

const WAYS: [Way; 3] = [Way::Socket, Way::Stream, Way::Poll];

/// An observer of one room or, without one, of all.
struct Reader {
    way: Way,
    host: String,
    room: Option<String>,
    /// What it has read last.
    place: String,
    /// Where it reads on; `None` when it was cut.
    line: Option<Line>,
    told: Vec<Value>,
}

enum Line {
    Socket(Box<Socket>),
    Stream(Stream),
    /// Of the newest answer, what is not read yet.
    Poll(VecDeque<Value>),
}

impl Reader {
    fn new(way: Way, host: &str, room: Option<&str>, place: &str) -> Reader {
        let (host, room, place) = (host.to_owned(), room.map(str::to_owned), place.to_owned());
        Reader { way, host, room, place, line: None, told: Vec::new() }
    }

    fn path(&self) -> String {
        match &self.room {
            Some(room) => format!("/v1/rooms/{room}/events"),
            None => "/v1/events".to_owned(),
        }
    }

    /// Reads one durable event, from where it was before if it was cut.
    async fn read(&mut self) -> Value {
        let event = loop {
            let frame = self.frame().await;
            if frame["seq"].is_u64() {
                break frame;
            }
        };
        let epoch = self.place.split_once('.').unwrap().0;
        self.place = format!("{epoch}.{}", event["seq"]);
        self.told.push(event.clone());
        event
    }

    async fn frame(&mut self) -> Value {
        let bearer = observing(self.room.as_deref());
        if self.line.is_none() {
            self.line = Some(match self.way {
                Way::Socket => {
                    let mut socket = socket_at(&self.host, &[]).await.unwrap();
                    let mut observe =
                        json!({"type": "observe", "token": bearer, "after": self.place});
                    if let Some(room) = &self.room {
                        observe["room"] = json!(room);
                    }
                    assert_eq!(socket.ask(observe).await["ok"], json!({}));
                    Line::Socket(Box::new(socket))
                }
                Way::Stream => {
                    let place = Some(self.place.as_str());
                    Line::Stream(Stream::open_at(&self.host, &self.path(), &bearer, place).await)
                }
                Way::Poll => Line::Poll(VecDeque::new()),
            });
        }
        let (path, place) = (self.path(), &self.place);
        match self.line.as_mut().unwrap() {
            Line::Socket(socket) => socket.next_event().await.unwrap(),
            Line::Stream(stream) => stream.next().await.unwrap().data,
            Line::Poll(rest) => {
                let bearer = format!("Bearer {bearer}");
                let headers = [("accept", "application/json"), ("authorization", &bearer)];
                while rest.is_empty() {
                    let path = format!("{path}?wait=15&after={place}");
                    let response = http(&self.host, "GET", &path, &headers, "").await;
                    assert_eq!(response.status, 200, "{}", response.body);
                    rest.extend(response.json()["frames"].as_array().unwrap().iter().cloned());
                }
                rest.pop_front().unwrap()
            }
        }
    }

    fn cut(&mut self) {
        self.line = None;
    }

    /// Reads the last event, and returns all. Before it waits for that it says so.
    async fn read_the_end(mut self, ready: &AtomicI64) -> Vec<Value> {
        ready.fetch_add(1, Ordering::SeqCst);
        self.read().await;
        self.told
    }
}

/// The type of what an observer of one room or of all rooms has read.
fn kind(event: &Value) -> &str {
    let of_room = event.get("event").unwrap_or(event);
    of_room["type"].as_str().unwrap()
}

/// The places before a room's first event, and before what comes next on the whole server.
async fn beginnings(host: &str, room: &str) -> (String, String) {
    let place = async |path: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let response = http(host, "GET", path, &[("authorization", &bearer)], "").await;
        response.json()["after"].as_str().unwrap().to_owned()
    };
    let path = format!("/v1/rooms/{room}/events?wait=0");
    let of_room = place(&path, &observing(Some(room))).await;
    let of_server = place("/v1/events?wait=0", &observing(None)).await;
    let first = |place: String| format!("{}.0", place.split_once('.').unwrap().0);
    (first(of_room), first(of_server))
}

#[tokio::test]
async fn every_reader_is_told_the_same_story_wherever_it_is_cut() {
    let receiver = Receiver::start(Mood::Forgets).await;
    let set = ["limits.join_burst=1000", &receiver.endpoint(), LOOPBACK];
    let server = Server::start(&set).await;
    let host = server.host();
    let mut play = Play::new(&host, "r");
    play.act(Act::Create).await;
    let (of_room, of_server) = beginnings(&host, "r").await;

    // As it happens: one that is never cut, and one that is cut after every single event.
    let ready = Arc::new(AtomicI64::new(0));
    let mut readers = Vec::new();
    for way in WAYS {
        for room in [Some("r"), None] {
            let start = if room.is_some() { &of_room } else { &of_server };
            let before = if room.is_some() { STORY.len() - 1 } else { STORY.len() - 2 };
            for is_restless in [false, true] {
                let (mut reader, ready) = (Reader::new(way, &host, room, start), ready.clone());
                let reading = tokio::spawn(async move {
                    while reader.told.len() < before {
                        reader.read().await;
                        if is_restless {
                            reader.cut();
                        }
                    }
                    reader.read_the_end(&ready).await
                });
                readers.push((way, room, reading));
            }
        }
    }
    for act in &ACTS[1..ACTS.len() - 1] {
        play.act(*act).await;
    }

    // Afterwards: each is cut once, at a place of its own, and is there again for the end.
    for way in WAYS {
        for at in 0..STORY.len() {
            let mut reader = Reader::new(way, &host, Some("r"), &of_room);
            for _ in 0..at {
                reader.read().await;
            }
            reader.cut();
            let ready = ready.clone();
            let reading = tokio::spawn(async move {
                while reader.told.len() < STORY.len() - 1 {
                    reader.read().await;
                }
                reader.read_the_end(&ready).await
            });
            readers.push((way, Some("r"), reading));
        }
    }
    // Of the end only those are told in the room who read when it comes. The server may take a moment to see
    // that one is gone who was cut.
    let all = i64::try_from(readers.len()).unwrap();
    let mut looks = 0;
    until(async || {
        let feeds = server.metric("oriel_feeds").await;
        let is_so = ready.load(Ordering::SeqCst) == all && feeds == Some(all);
        looks = if is_so { looks + 1 } else { 0 };
        looks == 10
    })
    .await;
    play.act(Act::End).await;

    let mut stories: Vec<(String, Option<&str>, Vec<Value>)> = Vec::new();
    for (way, room, reader) in readers {
        stories.push((format!("{way:?}"), room, reader.await.unwrap()));
    }
    let story = stories[0].2.clone();
    assert_eq!(story.iter().map(kind).collect::<Vec<_>>(), STORY);
    assert!(story.is_sorted_by_key(|event| event["seq"].as_u64()));
    let without_data: Vec<Value> =
        story.iter().filter(|event| kind(event) != "data.received").cloned().collect();
    for (way, room, told) in &stories {
        if room.is_some() {
            assert_eq!(told, &story, "{way}");
            continue;
        }
        let inner: Vec<Value> = told.iter().map(|event| event["event"].clone()).collect();
        assert_eq!(inner, without_data, "{way}, of all rooms");
        let numbers: Vec<u64> = told.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert!(numbers.iter().copied().eq(1..=told.len() as u64), "without holes: {numbers:?}");
    }

    // The server's journal outlives the room: from every place on, to the end.
    for way in WAYS {
        for at in 0..=without_data.len() {
            let epoch = of_server.split_once('.').unwrap().0;
            let mut reader = Reader::new(way, &host, None, &format!("{epoch}.{at}"));
            for event in &without_data[at..] {
                assert_eq!(&reader.read().await["event"], event, "{way:?} after {at}");
            }
        }
    }

    // Every webhook was taken twice, for the first time as if it had not been.
    until(async || receiver.told_once().get("r").map(Vec::len) == Some(without_data.len())).await;
    let waiting = "oriel_webhook_waiting{endpoint=\"books\"}";
    until(async || server.metric(waiting).await == Some(0)).await;
    assert_eq!(receiver.told().len(), 2 * without_data.len());
    let told = &receiver.told_once()["r"];
    for (told, event) in told.iter().zip(&without_data) {
        assert_eq!(&told["event"], event);
        let epoch = of_room.split_once('.').unwrap().0;
        assert_eq!(told["id"], format!("{epoch}.{}", event["seq"]));
    }
}

#[tokio::test]
async fn a_server_that_is_killed_anywhere_in_the_story_has_lost_nothing_that_it_acknowledged() {
    let receiver = Receiver::start(Mood::Takes).await;
    let state = tempfile::tempdir().unwrap();
    let endpoint = receiver.endpoint();
    let set = [endpoint.as_str(), LOOPBACK, "limits.join_burst=1000"];
    // By room: what an observer was told.
    let mut acknowledged: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for round in 0..2 * ACTS.len() {
        // It takes everything, nothing, or changes its mind in the middle.
        receiver.set(if round % 3 == 1 { Mood::Fails } else { Mood::Takes });
        let process = Process::start(&state, &set);
        let room = format!("r{round}");
        let mut play = Play::new(&process.host, &room);
        play.act(Act::Create).await;
        let (start, _) = beginnings(&process.host, &room).await;
        let mut observer = Reader::new(Way::Socket, &process.host, Some(&room), &start);
        assert_eq!(kind(&observer.read().await), "room.started");
        let last = round % ACTS.len();
        for act in &ACTS[1..=last] {
            play.act(*act).await;
        }
        // Words that are under way when the server dies; of some it is known that they came.
        if let Some(ana) = play.ana.as_mut().filter(|_| ACTS[last] != Act::End) {
            for number in 0..3 + round {
                let chat = json!({"id": number + 1, "type": "chat", "text": format!("{number}")});
                ana.send_text(&chat.to_string()).await;
            }
            for _ in 0..(round * 5) % (3 + round) {
                while kind(&observer.read().await) != "chat.posted" {}
            }
        } else {
            let heard = if last == 0 { 1 } else { STORY.len() };
            while observer.told.len() < heard {
                observer.read().await;
            }
        }
        if round % 3 == 2 {
            receiver.set(Mood::HangsUp);
        }
        process.kill();
        if let Some(Line::Socket(socket)) = &mut observer.line {
            while let Ok(event) = socket.next_event().await {
                observer.told.extend(event["seq"].is_u64().then_some(event));
            }
        }
        let is_told = |event: &Value| kind(event) != "data.received";
        acknowledged.insert(room, observer.told.into_iter().filter(is_told).collect());
    }
    receiver.set(Mood::Takes);
    let _last = Process::start(&state, &set);
    let wanted: usize = acknowledged.values().map(Vec::len).sum();
    assert!(wanted > 80, "{wanted}");

    let is_over = |told: &[Value]| told.iter().any(|event| event["type"] == "room.ended");
    until(async || {
        let told = receiver.told_once();
        acknowledged.keys().all(|room| told.get(room).is_some_and(|told| is_over(told)))
    })
    .await;
    let told = receiver.told_once();
    for (round, (room, heard)) in acknowledged
        .iter()
        .map(|(room, heard)| (room[1..].parse::<usize>().unwrap(), (room, heard)))
    {
        let told = &told[room];
        let events: Vec<&Value> = told.iter().map(|told| &told["event"]).collect();
        assert!(events.is_sorted_by(|one, other| one["seq"].as_u64() < other["seq"].as_u64()));
        for event in heard {
            assert!(events.contains(&event), "{room}: {event} is missing in {events:?}");
        }
        let ends: Vec<&&Value> =
            events.iter().filter(|event| kind(event) == "room.ended").collect();
        assert_eq!(ends, [events.last().unwrap()], "{room} ends once, and then nothing follows");
        let reason = if round % ACTS.len() == ACTS.len() - 1 { "ended" } else { "internal" };
        assert_eq!(ends[0]["reason"], reason, "{room}");
    }
}
