//! The server is going to stop.

use signaling_core::error::ErrorCode;
use signaling_core::event::{EndReason, Event, LeaveReason};
use signaling_core::reply::{Outcome, Reply};
use signaling_core::request::Request;
use signaling_core::room::Input;

use crate::world::{Seen, World, admin, admission, lobby};

const DEADLINE: u64 = 1_700_000_060_000;

#[test]
fn those_inside_are_told_and_nobody_else_comes_in() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    world.handle(Input::Drain { deadline: DEADLINE });
    world.handle(Input::Drain { deadline: DEADLINE });
    assert_eq!(world.events(ana), [Event::ServerDraining { deadline: DEADLINE }]);
    assert_eq!(world.room.info().draining, Some(DEADLINE));
    assert_eq!(world.turned_away(admin("ben")), ErrorCode::Stopping);
    assert_eq!(world.turned_away(admission("ana")), ErrorCode::Stopping);
    assert!(!world.doors[&ana.door].is_gone);
}

#[test]
fn who_lost_its_connection_comes_back() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let cursor = world.cursor();
    world.detach(ana.door);
    world.handle(Input::Drain { deadline: DEADLINE });
    assert_eq!(world.ended, None, "ana is there");
    let door = world.resume(ana, &cursor);
    let seen = world.seen(door);
    assert!(
        matches!(&seen[..], [Seen::Reply(_, Outcome::Ok(Reply::Resumed(_))), Seen::Event(frame)]
            if frame.event == Event::ServerDraining { deadline: DEADLINE }),
        "{seen:?}"
    );
}

#[test]
fn whoever_waits_is_sent_away() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    world.does(ana, lobby(true));
    let ben = world.waits(admission("ben"));
    world.handle(Input::Drain { deadline: DEADLINE });
    assert_eq!(world.seen(ben.door).last(), Some(&Seen::Closed(LeaveReason::ServerStopping)));
    assert_eq!(world.room.snapshot(ana.id).expect("ana").waiting, []);
}

#[test]
fn the_room_ends_with_the_last_one() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.handle(Input::Drain { deadline: DEADLINE });
    world.ask(ana.door, Request::Leave);
    assert_eq!(world.ended, Some(EndReason::ServerStopping));
}

#[test]
fn a_room_without_anybody_ends_at_once() {
    let mut world = World::new();
    world.handle(Input::Drain { deadline: DEADLINE });
    assert_eq!(world.ended, Some(EndReason::ServerStopping));
}

#[test]
fn those_who_wait_are_told_when_the_room_ends() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    world.does(ana, lobby(true));
    let ben = world.waits(admission("ben"));
    world.does(ana, Request::End);
    assert_eq!(world.seen(ben.door).last(), Some(&Seen::Closed(LeaveReason::RoomEnded)));
}
