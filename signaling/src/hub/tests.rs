use std::collections::BTreeMap;

use futures_util::FutureExt;
use signaling_core::event::{Event, LeaveReason};
use signaling_core::grants::Grants;
use signaling_core::id::{ParticipantId, Secret};
use signaling_core::interest::Interest;
use signaling_core::media::MediaCommand;
use signaling_core::request::{Chat, Offer};
use tokio::time::timeout;

use super::*;
use crate::client::Reachable;
use crate::config;
use crate::counters::Row;
use crate::media::{Link, Overloaded, Worker};
use crate::state::StateDir;

/// Keeps what it is told, and panics over an offer that says so.
#[derive(Default)]
struct Plane {
    commands: Mutex<Vec<(RoomId, MediaCommand)>>,
    ended: Mutex<Vec<RoomId>>,
}

impl MediaPlane for Plane {
    fn post(&self, room: RoomId, command: MediaCommand) -> Result<(), Overloaded> {
        if let MediaCommand::Offer { sdp, .. } = &command
            && sdp == "panic"
        {
            panic!("as the test asked");
        }
        self.commands.lock().unwrap().push((room, command));
        Ok(())
    }

    fn link(&self, _: RoomId, _: ParticipantId) -> Result<Link, Overloaded> {
        Err(Overloaded)
    }

    fn end_room(&self, room: RoomId) {
        self.ended.lock().unwrap().push(room);
    }

    fn counters(&self) -> Vec<Row> {
        Vec::new()
    }

    fn workers(&self) -> Vec<Worker> {
        Vec::new()
    }
}

fn hub() -> (Hub, Arc<Plane>, Arc<Counters>) {
    hub_telling(Webhooks::default())
}

fn hub_telling(webhooks: Webhooks) -> (Hub, Arc<Plane>, Arc<Counters>) {
    let config = Config {
        auto_create: true,
        max_rooms: 10,
        lossy_age: std::time::Duration::from_millis(100),
        room: signaling_core::room::Config::default(),
    };
    let (plane, counters) = (Arc::new(Plane::default()), Arc::new(Counters::default()));
    let hub = Hub::new(
        config,
        Arc::clone(&plane) as _,
        Routes::new(Arc::clone(&counters)),
        Arc::clone(&counters),
        webhooks,
    );
    (hub, plane, counters)
}

fn visitor(room: &str, identity: &str) -> Visitor {
    Visitor {
        room: room.into(),
        may_create: false,
        wants_events: true,
        bearer: None,
        admission: Admission {
            identity: identity.into(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            grants: Grants::default(),
            guest: false,
            headless: false,
            interest: Interest::All,
            ice_servers: Vec::new(),
            issuer: "main".into(),
            expires_at: u64::MAX,
            password: None,
            resume: Secret(rand::random()),
            moved_from: None,
        },
    }
}

fn offer(sdp: &str) -> Request {
    Request::Offer(Offer { sdp: sdp.into() })
}

fn chat() -> Request {
    Request::Chat(Chat { text: "hello".into(), to: None })
}

/// The reason why a room lets go of an attachment, after its last event.
async fn last_words(attachment: &mut Attachment) -> (Option<Event>, LeaveReason) {
    let mut last = None;
    loop {
        match attachment.next().await.unwrap() {
            Parcel::Event(notice) => last = Some(notice.envelope.frame.event.clone()),
            Parcel::Close(reason) => return (last, reason),
            Parcel::Reply { .. } | Parcel::Moved(_) => {}
        }
    }
}

#[tokio::test]
async fn the_end_of_a_room_that_panicked_is_among_what_webhooks_tell() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path()).unwrap();
    // Nobody is reached, and what cannot be told at once is given up: it is found there.
    let endpoint = "id = \"books\"\nurl = \"http://127.0.0.1:1/\"\nsecret = \"0123456789abcdef0123456789abcdef\"";
    let config = config::Webhooks {
        endpoints: vec![toml::from_str(endpoint).unwrap()],
        retry_for: 0,
        ..config::Webhooks::default()
    };
    let reachable: Reachable = Arc::new(|_| false);
    let (webhooks, _tasks) =
        Webhooks::start(&config, &state, Clock::start(), &reachable).await.unwrap();
    let (hub, _plane, _counters) = hub_telling(webhooks.clone());
    let (mut ana, _) = hub.join(visitor("one", "ana")).await.unwrap();
    ana.request(1, offer("panic")).unwrap();
    assert_eq!(last_words(&mut ana).await.1, LeaveReason::Internal);
    let store = webhooks.store_of("books").unwrap();
    let told = async {
        loop {
            let letters = store.dead("books", 0, 10).unwrap();
            if letters.len() == 3 {
                return letters;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let letters = timeout(Duration::from_secs(20), told).await.unwrap();
    let told = letters.iter().map(|letter| serde_json::from_slice(&letter.body).unwrap());
    let told: Vec<serde_json::Value> = told.collect();
    assert_eq!(told[2]["type"], "room.ended");
    assert_eq!(told[2]["event"]["reason"], "internal");
    assert_eq!(told[2]["event"]["seq"], 3);
    assert_eq!(told[2]["room"], told[0]["room"]);
}

#[tokio::test]
async fn a_panic_ends_its_own_room_only() {
    let (hub, plane, counters) = hub();
    let (mut ana, first) = hub.join(visitor("one", "ana")).await.unwrap();
    let (mut ben, _) = hub.join(visitor("one", "ben")).await.unwrap();
    let (mut eve, _) = hub.join(visitor("two", "eve")).await.unwrap();
    ben.request(1, offer("fine")).unwrap();
    ana.request(1, offer("panic")).unwrap();
    for attachment in [&mut ana, &mut ben] {
        let (event, reason) = last_words(attachment).await;
        assert_eq!(event, Some(Event::RoomEnded { reason: EndReason::Internal }));
        assert_eq!(reason, LeaveReason::Internal);
    }
    assert!(matches!(eve.ask(chat()).await, Ok(Reply::Posted(_))));
    while counters.read().rooms != 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!((counters.read().participants, counters.read().room_failures), (1, 1));

    // The media plane is left with nothing of it.
    assert_eq!(*plane.ended.lock().unwrap(), [first.snapshot.room.id]);
    let closed: Vec<MediaCommand> = {
        let commands = plane.commands.lock().unwrap();
        let close = |command: &MediaCommand| matches!(command, MediaCommand::Close { .. });
        commands.iter().map(|(_, command)| command.clone()).filter(close).collect()
    };
    assert_eq!(closed.len(), 2);

    let (_ana, again) = hub.join(visitor("one", "ana")).await.unwrap();
    assert_ne!(again.snapshot.room.id, first.snapshot.room.id);
}

#[tokio::test]
async fn a_full_inbox_is_said_to_be_busy() {
    let (hub, _, _) = hub();
    let (ana, _) = hub.join(visitor("one", "ana")).await.unwrap();
    // This test has one thread: the room does not get to run in between.
    for number in 0..INBOX as u64 {
        ana.request(number, chat()).unwrap();
    }
    assert_eq!(ana.request(0, chat()).unwrap_err().code, ErrorCode::Busy);
    let refused = hub.join(visitor("one", "ben")).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::Busy);
}

#[tokio::test]
async fn however_full_its_inbox_a_room_lets_people_go() {
    let (hub, _, counters) = hub();
    let (mut ana, _) = hub.join(visitor("one", "ana")).await.unwrap();
    let (_ben, _) = hub.join(visitor("one", "ben")).await.unwrap();
    for number in 0..INBOX as u64 {
        ana.request(number, chat()).unwrap();
    }
    ana.request(1_000, Request::Leave).unwrap();
    assert_eq!(ana.request(1_001, Request::Leave).unwrap_err().code, ErrorCode::Busy, "once");
    let mut replies = Vec::new();
    while let Ok(parcel) = ana.next().await {
        match parcel {
            Parcel::Reply { request, outcome } => replies.push((request, outcome)),
            Parcel::Close(_) => break,
            _ => {}
        }
    }
    assert_eq!(replies.len(), INBOX + 1, "what was asked before is answered before");
    assert!(matches!(replies.last(), Some((1_000, Outcome::Ok(_)))));
    assert_eq!(counters.read().participants, 1);
}

#[tokio::test]
async fn a_join_whose_door_is_gone_leaves_no_ghost() {
    let (hub, _, counters) = hub();
    let (ana, _) = hub.join(visitor("one", "ana")).await.unwrap();
    for identity in ["ben", "eve"] {
        // Given up before the room has answered.
        assert!(hub.join(visitor("one", identity)).now_or_never().is_none());
    }
    let (_dan, joined) = hub.join(visitor("one", "dan")).await.unwrap();
    let identities: Vec<&str> = joined
        .snapshot
        .participants
        .iter()
        .map(|participant| participant.identity.as_str())
        .collect();
    assert_eq!(identities, ["ana"]);
    assert_eq!(counters.read().participants, 2);
    drop(ana);
}

#[tokio::test]
async fn what_a_door_asked_before_it_went_is_done_first() {
    let (hub, _, _) = hub();
    let (mut ana, _) = hub.join(visitor("one", "ana")).await.unwrap();
    let (ben, _) = hub.join(visitor("one", "ben")).await.unwrap();
    // As a page does that is being closed. The room has both before it gets to read either.
    ben.request(1, Request::Leave).unwrap();
    drop(ben);
    let left = async {
        loop {
            if let Parcel::Event(notice) = ana.next().await.unwrap()
                && let Event::ParticipantLeft { reason, .. } = notice.envelope.frame.event
            {
                break reason;
            }
        }
    };
    // Long before the lease of a lost connection ends.
    assert_eq!(timeout(Duration::from_secs(10), left).await, Ok(LeaveReason::Left));
}

#[tokio::test]
async fn a_hub_that_stops_takes_nobody() {
    let (hub, _, counters) = hub();
    let (mut ana, _) = hub.join(visitor("one", "ana")).await.unwrap();
    hub.stop(Duration::from_secs(5)).await;
    assert_eq!(last_words(&mut ana).await.1, LeaveReason::ServerStopping);
    let refused = hub.join(visitor("one", "ben")).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::Stopping);
    assert_eq!(counters.read().rooms, 0);
}
