//! A room that nobody is in ends after a while.

use std::time::Duration;

use signaling_core::error::ErrorCode;
use signaling_core::event::{EndReason, Event};
use signaling_core::reply::Outcome;
use signaling_core::request::Request;
use signaling_core::room::{Config, Input};

use crate::world::{Seen, World, admission};

fn timeout() -> Duration {
    Config::default().empty_timeout
}

#[test]
fn a_room_that_nobody_comes_into_ends() {
    let mut world = World::new();
    assert_eq!(world.room.deadline(), Some(world.now.monotonic + timeout()));
    world.pass(timeout());
    world.handle(Input::Timeout);
    assert_eq!(world.ended, Some(EndReason::Empty));
    assert_eq!(world.room.deadline(), None);
    let last = &world.events.last().expect("an event").frame.event;
    assert_eq!(*last, Event::RoomEnded { reason: EndReason::Empty });
}

#[test]
fn a_room_with_somebody_in_it_has_no_deadline() {
    let mut world = World::new();
    world.join(admission("ana"));
    assert_eq!(world.room.deadline(), None);
    world.pass(timeout() * 10);
    world.handle(Input::Timeout);
    assert_eq!(world.ended, None);
}

#[test]
fn the_last_to_leave_starts_the_clock_and_a_newcomer_stops_it() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.pass(timeout());
    world.ask(ana.door, Request::Leave);
    assert_eq!(world.room.deadline(), Some(world.now.monotonic + timeout()));
    world.pass(timeout() - Duration::from_millis(1));
    world.handle(Input::Timeout);
    assert_eq!(world.ended, None, "too early");
    let ben = world.join(admission("ben"));
    assert_eq!(world.room.deadline(), None);
    world.ask(ben.door, Request::Leave);
    world.pass(timeout());
    world.handle(Input::Timeout);
    assert_eq!(world.ended, Some(EndReason::Empty));
}

#[test]
fn a_room_that_has_ended_asks_to_come_again() {
    let mut world = World::new();
    world.pass(timeout());
    world.handle(Input::Timeout);
    let door = world.knock(admission("ana"));
    let Some(Seen::Reply(_, Outcome::Error(error))) = world.seen(door).pop() else {
        panic!("refused")
    };
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.retry, "the next join makes a new room");
}
