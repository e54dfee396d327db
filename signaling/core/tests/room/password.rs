//! Locks and passwords.

use std::time::Duration;

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::request::{Request, SetRoom};

use crate::world::{Somebody, World, admin, admission, guest, no_change};

fn set(password: &str) -> Request {
    Request::SetRoom(SetRoom { password: Some(password.to_owned()), ..no_change() })
}

fn with(password: &str, identity: &str) -> Admission {
    Admission { password: Some(password.to_owned()), ..admission(identity) }
}

fn protected() -> (World, Somebody) {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    world.does(ana, set("sesame"));
    (world, ana)
}

#[test]
fn only_who_knows_the_password_comes_in() {
    let (mut world, ana) = protected();
    assert_eq!(world.turned_away(admission("ben")), ErrorCode::PasswordRequired);
    assert_eq!(world.turned_away(with("simsim", "ben")), ErrorCode::PasswordRequired);
    world.join(with("sesame", "ben"));
    world.join(admission("ben"));
    world.join(admin("host"));
    world.does(ana, set(""));
    world.join(admission("cleo"));
}

#[test]
fn the_password_is_in_no_event() {
    let (mut world, ana) = protected();
    assert!(world.room.info().password);
    let told = world.events.last().expect("an event");
    assert!(matches!(&told.frame.event, Event::RoomUpdated { room } if room.password));
    world.does(ana, set("another"));
    let text = format!("{:?}", world.events);
    assert!(!text.contains("sesame") && !text.contains("another"), "{text}");
    assert_eq!(world.turned_away(with("sesame", "ben")), ErrorCode::PasswordRequired);
}

#[test]
fn guessing_is_slow_and_does_not_shut_out_who_knows() {
    let (mut world, _) = protected();
    for _ in 0..10 {
        assert_eq!(world.turned_away(with("guess", "eve")), ErrorCode::PasswordRequired);
        world.pass(Duration::from_secs(1));
    }
    assert_eq!(world.turned_away(with("guess", "eve")), ErrorCode::RateLimited);
    assert_eq!(world.turned_away(admission("ben")), ErrorCode::RateLimited);
    world.join(with("sesame", "ben"));
    world.pass(Duration::from_secs(50));
    assert_eq!(world.turned_away(with("guess", "eve")), ErrorCode::PasswordRequired);
}

#[test]
fn a_locked_room_takes_moderators_and_those_whom_it_knows() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    world.join(admission("ben"));
    let lock = |locked| Request::SetRoom(SetRoom { locked: Some(locked), ..no_change() });
    world.does(ana, lock(true));
    assert_eq!(world.turned_away(admission("cleo")), ErrorCode::Locked);
    world.join(admission("ben"));
    world.join(admin("host"));
    world.does(ana, lock(false));
    world.join(admission("cleo"));
}

#[test]
fn the_password_is_asked_for_before_the_lock_is_told_of() {
    let (mut world, ana) = protected();
    world.does(ana, Request::SetRoom(SetRoom { locked: Some(true), ..no_change() }));
    assert_eq!(world.turned_away(admission("ben")), ErrorCode::PasswordRequired);
    assert_eq!(world.turned_away(with("sesame", "ben")), ErrorCode::Locked);
}

#[test]
fn settings_are_for_moderators_and_told_when_they_change() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    let ben = world.join(guest("ben"));
    assert_eq!(world.refusal(ben, set("mine")), ErrorCode::Forbidden);
    world.forget();
    world.does(ana, Request::SetRoom(no_change()));
    world.does(ana, Request::SetRoom(SetRoom { locked: Some(false), ..no_change() }));
    assert_eq!(world.events(ben), []);
    assert_eq!(world.refusal(ana, set(&"x".repeat(129))), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, set("two\nlines")), ErrorCode::BadRequest);
    world.does(ana, set(&"x".repeat(128)));
    let room = world.room.info().clone();
    assert_eq!(world.events(ben), [Event::RoomUpdated { room }]);
}

#[test]
fn a_refused_newcomer_throws_nobody_out() {
    let (mut world, _) = protected();
    let ben = world.join(with("sesame", "ben"));
    let foreign = Admission { issuer: "another key".to_owned(), ..admission("ben") };
    assert_eq!(world.turned_away(foreign), ErrorCode::PasswordRequired);
    assert!(!world.doors[&ben.door].is_gone);
}
