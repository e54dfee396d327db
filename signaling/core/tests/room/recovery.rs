//! A connection is lost, and the participant comes back.

use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, EventFrame, LeaveReason};
use signaling_core::id::Secret;
use signaling_core::info::TrackSource;
use signaling_core::media::MediaCommand;
use signaling_core::reply::{Outcome, Reply, Resumed};
use signaling_core::request::Request;
use signaling_core::room::{Config, Input};

use crate::world::{Seen, Somebody, World, admission, chat, headless, offer};

/// The reply to a resume, and what followed it.
fn resumed(seen: Vec<Seen>) -> (Resumed, Vec<EventFrame>) {
    let mut seen = seen.into_iter();
    let Some(Seen::Reply(_, Outcome::Ok(Reply::Resumed(resumed)))) = seen.next() else {
        panic!("the reply comes first")
    };
    let events = seen.map(|one| match one {
        Seen::Event(frame) => frame,
        other => panic!("{other:?}"),
    });
    (resumed, events.collect())
}

fn refused(seen: &[Seen]) -> ErrorCode {
    match seen {
        [Seen::Reply(_, Outcome::Error(error))] => error.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_sees_a_lost_connection_until_the_lease_ends() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.published(ben, "0", TrackSource::Camera);

    world.detach(ben.door);
    assert_eq!(world.events(ana), []);
    assert_eq!(world.commands(), [], "its media goes on");
    assert_eq!(world.room.deadline(), Some(world.now.monotonic + Config::default().lease));
    world.pass(Config::default().lease - std::time::Duration::from_millis(1));
    world.handle(Input::Timeout);
    assert_eq!(world.events(ana), []);

    world.pass(std::time::Duration::from_millis(1));
    world.handle(Input::Timeout);
    let reason = LeaveReason::ConnectionLost;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: ben.id, reason }]);
    assert_eq!(world.commands(), [MediaCommand::Close { session: ben.id }]);
    assert_eq!(world.room.deadline(), None);
}

#[test]
fn what_was_missed_follows_the_reply_with_its_numbers_and_then_what_happens() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cursor = world.cursor();
    world.detach(ben.door);
    world.ask(ana.door, chat("one"));
    let cleo = world.join(admission("cleo"));
    world.ask(cleo.door, Request::Leave);

    let door = world.resume(ben, &cursor);

    let (resumed, events) = resumed(world.seen(door));
    assert_eq!((resumed.participant, resumed.after, resumed.to), (ben.id, 3, 6));
    assert_eq!(
        events.iter().map(|frame| frame.seq).collect::<Vec<_>>(),
        [Some(4), Some(5), Some(6)]
    );
    assert!(matches!(&events[0].event, Event::ChatPosted { message } if message.text == "one"));
    assert_eq!(world.room.deadline(), None, "the lease is over");
    world.ask(ana.door, chat("two"));
    let ben = Somebody { door, ..ben };
    assert!(
        matches!(&world.events(ben)[..], [Event::ChatPosted { message }] if message.text == "two")
    );
}

#[test]
fn the_newest_door_is_the_participants_and_the_older_is_closed_without_a_word() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    let cursor = world.cursor();

    let door = world.resume(ben, &cursor);
    assert_eq!(world.seen(ben.door), [Seen::Closed(LeaveReason::ConnectionLost)]);
    assert_eq!(world.events(ana), []);
    // What still comes from the old one does nothing, and neither does its end.
    world.ask(ben.door, chat("late"));
    world.handle(Input::Detached { attachment: ben.door });
    assert_eq!(world.events(ana), []);
    assert_eq!(world.room.deadline(), None);
    assert_eq!(world.doors[&door].participant, Some(ben.id));
}

#[test]
fn what_is_for_others_is_not_replayed() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    let cursor = world.cursor();
    world.detach(ben.door);
    let private =
        signaling_core::request::Chat { text: "private".to_owned(), to: Some(vec![cleo.id]) };
    world.ask(ana.door, Request::Chat(private));
    let door = world.resume(ben, &cursor);
    let (resumed, events) = resumed(world.seen(door));
    assert_eq!((resumed.to - resumed.after, events.len()), (1, 0), "a range of nothing for ben");
}

#[test]
fn a_cursor_that_is_too_old_foreign_or_unreadable_gets_a_snapshot() {
    let mut world = World::with(Config { journal_bytes: 400, ..Config::default() });
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let old = world.cursor();
    for _ in 0..5 {
        world.ask(ana.door, chat("x".repeat(50)));
    }
    let end = world.room.journal().cursor();
    let foreign = signaling_core::journal::Cursor { epoch: end.epoch ^ 1, ..end }.to_string();
    let future = signaling_core::journal::Cursor { seq: end.seq + 1, ..end }.to_string();
    for (cursor, after) in [(old, 3), (foreign, 0), (future, 0), ("soon".to_owned(), 0)] {
        let door = world.resume(ben, &cursor);
        let (resumed, events) = resumed(world.seen(door));
        assert_eq!((resumed.after, resumed.to), (after, end.seq), "{cursor}");
        let snapshot = Box::new(world.room.snapshot(ben.id).expect("ben is there"));
        let event = Event::Gap { after, to: end.seq, snapshot };
        assert_eq!(events, [EventFrame { seq: None, event }], "{cursor}");
    }
}

#[test]
fn what_was_before_ones_own_time_is_not_replayed() {
    let mut world = World::new();
    world.join(admission("ana"));
    let before = world.cursor();
    world.join(admission("cleo"));
    let ben = world.join(admission("ben"));
    let door = world.resume(ben, &before);
    let (_, events) = resumed(world.seen(door));
    assert!(matches!(events[..], [EventFrame { event: Event::Gap { .. }, .. }]), "{events:?}");
}

#[test]
fn the_secret_dies_with_the_participant_and_opens_nothing_else() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let cursor = world.cursor();
    let door = world.resume_with(Secret(77), &cursor);
    assert_eq!(refused(&world.seen(door)), ErrorCode::NotFound);

    world.ask(ana.door, Request::Leave);
    let door = world.resume(ana, &cursor);
    assert_eq!(refused(&world.seen(door)), ErrorCode::NotFound);
    assert_eq!(world.doors[&door].participant, None);
}

#[test]
fn a_connection_that_has_joined_does_not_resume() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let (request, secret) = (world.number(), world.secret(ben));
    let (cursor, ice_servers) = (world.cursor(), Vec::new());
    world.handle(Input::Resume { attachment: ana.door, request, secret, cursor, ice_servers });
    let outcome = world.outcome(ana.door, request);
    assert!(matches!(outcome, Some(Outcome::Error(e)) if e.code == ErrorCode::BadRequest));
    assert!(!world.doors[&ben.door].is_gone);
}

#[test]
fn everybody_in_its_lease_is_somebody_in_the_room() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.detach(ana.door);
    let lease = Config::default().lease;
    assert_eq!(world.room.deadline(), Some(world.now.monotonic + lease));
    world.pass(lease);
    world.handle(Input::Timeout);
    let empty = Config::default().empty_timeout;
    assert_eq!(world.room.deadline(), Some(world.now.monotonic + empty), "it is empty from now on");
}

#[test]
fn an_encoder_has_no_lease() {
    let mut world = World::new();
    let encoder = world.join(headless("encoder", signaling_core::interest::Interest::None));
    world.ask(encoder.door, offer());
    world.detach(encoder.door);
    assert_eq!(world.room.participant_count(), 0);
}
