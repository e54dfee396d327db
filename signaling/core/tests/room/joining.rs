//! Coming in: the snapshot, and what the others are told.

use std::collections::BTreeMap;

use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::id::ParticipantId;
use signaling_core::info::{IceServer, Role, TrackSource};
use signaling_core::reply::Outcome;
use signaling_core::request::{Join, Request};
use signaling_core::room::Input;
use signaling_core::snapshot::Snapshot;

use crate::world::{Seen, World, admission, guest, offer, small};

#[test]
fn a_newcomer_gets_the_room_as_it_is_and_the_others_get_the_newcomer() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let microphone = world.published(ana, "0", TrackSource::Microphone);

    let (ben, joined) = world.enter(admission("ben"));

    assert_eq!(joined.snapshot.room.name, "team");
    assert_eq!(joined.snapshot.participant.identity, "ben");
    assert_eq!(joined.snapshot.participants.len(), 1, "only the others");
    assert_eq!(joined.snapshot.participants[0].id, ana.id);
    assert_eq!(joined.snapshot.participants[0].tracks, [microphone]);
    assert_eq!(
        world.events(ana),
        [Event::ParticipantJoined { participant: joined.snapshot.participant.clone() }]
    );
    assert_eq!(world.seen(ben.door).len(), 1, "the reply and nothing else: {joined:?}");
}

#[test]
fn what_the_token_said_is_what_the_others_see() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let attributes = BTreeMap::from([("team".to_owned(), "red".to_owned())]);
    world.join(signaling_core::Admission {
        name: "Ben".to_owned(),
        metadata: "{}".to_owned(),
        attributes: attributes.clone(),
        ..admission("ben")
    });

    let [Event::ParticipantJoined { participant }] = &world.events(ana)[..] else {
        panic!("one event")
    };
    assert_eq!(participant.name, "Ben");
    assert_eq!(participant.metadata, "{}");
    assert_eq!(participant.attributes, attributes);
    assert_eq!(participant.role, Role::Participant);
    assert_eq!(participant.joined_at, world.now.unix_ms);
    assert_eq!(participant.tracks, []);
}

#[test]
fn without_a_name_the_identity_is_shown() {
    let mut world = World::new();
    let (_, joined) = world.enter(admission("ana"));
    assert_eq!(joined.snapshot.participant.name, "ana");
}

#[test]
fn the_newcomer_learns_its_grants_limits_and_ice_servers() {
    let mut world = World::new();
    let server = IceServer {
        urls: vec!["turn:192.0.2.1".to_owned()],
        username: Some("ana".to_owned()),
        credential: Some("once".to_owned()),
    };
    let grants = Grants {
        can_publish: vec![TrackSource::Microphone],
        can_subscribe: false,
        can_publish_data: false,
        ..Grants::default()
    };
    let (_, joined) = world.enter(signaling_core::Admission {
        grants,
        ice_servers: vec![server.clone()],
        ..admission("ana")
    });
    assert_eq!(joined.ice_servers, [server]);
    assert_eq!(joined.snapshot.grants.can_publish, [TrackSource::Microphone]);
    assert!(!joined.snapshot.grants.can_subscribe);
    assert!(!joined.snapshot.grants.can_publish_data);
    assert_eq!(joined.limits.chat_bytes, 8192);
}

#[test]
fn events_after_the_cursor_are_what_the_newcomer_sees_and_no_other() {
    let mut world = World::new();
    world.join(admission("ana"));
    let (ben, joined) = world.enter(admission("ben"));
    let cursor = joined.snapshot.cursor.parse().expect("a cursor");
    world.seen(ben.door);
    let cleo = world.join(admission("cleo"));
    world.ask(cleo.door, Request::Leave);

    let replayed: Vec<_> = world
        .room
        .journal()
        .since(cursor)
        .expect("no gap")
        .filter(|envelope| envelope.audience.includes(ben.id))
        .map(|envelope| Seen::Event(envelope.frame.clone()))
        .collect();
    assert_eq!(replayed, world.seen(ben.door));
    assert_eq!(replayed.len(), 2);
}

#[test]
fn a_full_room_refuses_until_somebody_leaves() {
    let mut world = World::with(small());
    let ana = world.join(guest("ana"));
    world.join(guest("ben"));
    world.join(guest("cleo"));

    let door = world.knock(guest("dora"));
    let Some(Seen::Reply(_, Outcome::Error(error))) = world.seen(door).pop() else {
        panic!("refused")
    };
    assert_eq!(error.code, ErrorCode::Full);
    assert!(error.retry);
    assert_eq!(world.doors[&door].participant, None);

    world.ask(ana.door, Request::Leave);
    world.join(guest("dora"));
}

#[test]
fn a_connection_joins_once() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let again = Request::Join(Join {
        token: String::new(),
        room: None,
        identity: None,
        name: None,
        attributes: None,
        password: None,
        auto_subscribe: None,
    });
    assert_eq!(world.refusal(ana, again), ErrorCode::BadRequest);

    let request = world.number();
    world.handle(Input::Join {
        attachment: ana.door,
        request,
        admission: Box::new(admission("ben")),
    });
    let outcome = world.outcome(ana.door, request);
    assert!(matches!(outcome, Some(Outcome::Error(error)) if error.code == ErrorCode::BadRequest));
    assert_eq!(world.room.participant_count(), 1);
}

#[test]
fn whoever_has_not_joined_is_told_to() {
    let mut world = World::with(small());
    for identity in ["ana", "ben", "cleo"] {
        world.join(admission(identity));
    }
    let door = world.knock(admission("dora"));
    world.seen(door);
    let request = world.ask(door, offer());
    assert!(matches!(
        world.outcome(door, request),
        Some(Outcome::Error(error)) if error.code == ErrorCode::NotFound
    ));
}

#[test]
fn the_snapshot_is_what_a_newcomer_gets() {
    let mut world = World::new();
    world.join(admission("ana"));
    let cursor = world.cursor();
    let (ben, joined) = world.enter(admission("ben"));
    assert_eq!(joined.snapshot.cursor, cursor, "its own coming is none of its events");
    let snapshot = world.room.snapshot(ben.id).expect("ben is there");
    assert_eq!(Snapshot { cursor, ..snapshot }, joined.snapshot);
    assert_eq!(world.room.snapshot(ParticipantId(7)), None);
}
