//! A request that is asked again by a later connection is not done twice.

use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::info::TrackSource;
use signaling_core::reply::{Outcome, Reply};

use crate::world::{Seen, Somebody, World, admission, chat, mute, offer, publish, unpublish};

/// Loses the connection and comes back.
fn back(world: &mut World, who: Somebody) -> Somebody {
    let cursor = world.cursor();
    let door = world.resume(who, &cursor);
    world.seen(door);
    Somebody { door, ..who }
}

#[test]
fn the_same_outcome_is_given_again() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    let number = world.ask(ana.door, chat("once"));
    let first = world.outcome(ana.door, number).expect("an answer");

    let ana = back(&mut world, ana);
    world.ask_as(ana.door, number, chat("once"));
    assert_eq!(world.seen(ana.door), [Seen::Reply(number, first)]);
    assert_eq!(world.events(ben).len(), 1);

    let refused = world.ask(ana.door, chat(""));
    world.forget();
    let ana = back(&mut world, ana);
    world.ask_as(ana.door, refused, chat(""));
    assert!(
        matches!(&world.seen(ana.door)[..], [Seen::Reply(re, Outcome::Error(_))] if *re == refused)
    );
}

#[test]
fn what_still_waits_is_answered_to_the_new_connection_and_once() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let number = world.ask(ana.door, publish("0", TrackSource::Camera));
    let ana = back(&mut world, ana);
    world.ask_as(ana.door, number, publish("0", TrackSource::Camera));
    assert_eq!(world.seen(ana.door), [], "it waits");
    world.grant_media();
    let seen = world.seen(ana.door);
    assert!(
        matches!(&seen[..], [Seen::Reply(re, Outcome::Ok(Reply::Published(_)))] if *re == number),
        "{seen:?}"
    );
    assert_eq!(world.room.visible()[0].tracks.len(), 1);
}

#[test]
fn what_was_answered_to_nobody_is_answered_when_asked_again() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let number = world.ask(ana.door, publish("0", TrackSource::Camera));
    let cursor = world.cursor();
    world.detach(ana.door);
    world.grant_media();
    let door = world.resume(ana, &cursor);
    world.seen(door);
    world.ask_as(door, number, publish("0", TrackSource::Camera));
    let seen = world.seen(door);
    assert!(matches!(&seen[..], [Seen::Reply(_, Outcome::Ok(Reply::Published(_)))]), "{seen:?}");
    assert_eq!(world.commands(), [], "no second track");
}

#[test]
fn a_publication_is_told_as_it_is_by_now() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let number = world.ask(ana.door, publish("0", TrackSource::Camera));
    world.grant_media();
    let track = world.room.visible()[0].tracks[0].id;
    world.does(ana, mute(track, true));
    let ana = back(&mut world, ana);
    world.ask_as(ana.door, number, publish("0", TrackSource::Camera));
    let outcome = world.outcome(ana.door, number);
    assert!(
        matches!(&outcome, Some(Outcome::Ok(Reply::Published(published))) if published.track.muted),
        "{outcome:?}"
    );

    world.does(ana, unpublish(track));
    let ana = back(&mut world, ana);
    world.ask_as(ana.door, number, publish("0", TrackSource::Camera));
    let outcome = world.outcome(ana.door, number);
    assert!(matches!(&outcome, Some(Outcome::Error(error)) if error.code == ErrorCode::NotFound));
}

#[test]
fn an_offer_is_made_again() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let number = world.ask(ana.door, offer());
    world.grant_media();
    let ana = back(&mut world, ana);
    world.ask_as(ana.door, number, offer());
    world.grant_media();
    let outcome = world.outcome(ana.door, number);
    assert!(matches!(outcome, Some(Outcome::Ok(Reply::Answer(_)))), "{outcome:?}");
}

#[test]
fn other_peoples_numbers_are_their_own() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.ask_as(ana.door, 7, chat("ana's"));
    world.ask_as(ben.door, 7, chat("ben's"));
    let said =
        world.events(ana).into_iter().filter(|event| matches!(event, Event::ChatPosted { .. }));
    assert_eq!(said.count(), 2);
}
