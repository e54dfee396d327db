//! Coming and going in a large room is told together.

use std::time::Duration;

use signaling_core::event::{Departure, Event, EventFrame, LeaveReason};
use signaling_core::reply::{Outcome, Reply};
use signaling_core::request::{Hand, Request};
use signaling_core::room::{Config, Input};

use crate::mirror::Mirror;
use crate::world::{Seen, Somebody, World, admission, hidden};

fn large() -> World {
    World::with(Config { coalesce_above: 2, ..Config::default() })
}

fn passes(world: &mut World) {
    world.pass(Duration::from_secs(1));
    world.handle(Input::Timeout);
}

fn raised() -> Request {
    Request::Hand(Hand { raised: true, participant: None })
}

#[test]
fn up_to_the_limit_each_has_an_event_and_beyond_it_all_of_a_second_share_one() {
    let mut world = large();
    let ana = world.join(admission("ana"));
    world.join(admission("ben"));
    assert!(matches!(world.events(ana)[..], [Event::ParticipantJoined { .. }]));
    let begun = world.now.monotonic;
    let cleo = world.join(admission("cleo"));
    let dora = world.join(admission("dora"));
    world.pass(Duration::from_millis(400));
    let emil = world.join(admission("emil"));
    world.does(dora, Request::Leave);
    assert_eq!(world.events(ana), []);
    assert_eq!(world.room.deadline(), Some(begun + Duration::from_secs(1)), "since the first");

    passes(&mut world);
    let [Event::ParticipantsChanged { joined, left, participants }] = &world.events(ana)[..] else {
        panic!("one event for all")
    };
    let ids: Vec<_> = joined.iter().map(|info| info.id).collect();
    assert_eq!(ids, [cleo.id, emil.id], "who is here, first come first");
    let gone = Departure { participant: dora.id, reason: LeaveReason::Left };
    assert_eq!((&left[..], *participants), (&[gone][..], 4), "emil has seen it in the room");
    assert_eq!(world.room.deadline(), None, "nothing waits");
}

#[test]
fn whoever_is_spoken_of_is_known_and_others_do_not_hurry_it() {
    let mut world = large();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    world.seen(ana.door);
    world.does(ben, raised());
    assert!(matches!(world.events(ana)[..], [Event::HandRaised { .. }]), "ben is known");
    world.does(cleo, raised());
    let events = world.events(ana);
    assert!(
        matches!(&events[..], [Event::ParticipantsChanged { .. }, Event::HandRaised { participant, .. }]
            if *participant == cleo.id),
        "{events:?}"
    );
    passes(&mut world);
    assert_eq!(world.events(ana), [], "and it is not told twice");
}

#[test]
fn the_hidden_are_not_told_of_and_a_room_that_shrinks_tells_what_it_has_gathered_first() {
    let mut world = large();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let secret = world.join(hidden("secret"));
    world.seen(ana.door);
    world.does(ben, Request::Leave);
    world.does(secret, Request::Leave);
    let events = world.events(ana);
    assert!(matches!(events[..], [Event::ParticipantLeft { .. }]), "two are not many: {events:?}");

    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    world.seen(ana.door);
    world.does(ben, Request::Leave);
    world.does(cleo, Request::Leave);
    let events = world.events(ana);
    let [
        Event::ParticipantsChanged { joined, left, participants: 2 },
        Event::ParticipantLeft { participant: first, .. },
        Event::ParticipantLeft { participant: second, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((joined.len(), left.len()), (1, 0), "{events:?}");
    assert_eq!((*first, *second), (ben.id, cleo.id));
}

#[test]
fn at_most_250_are_told_of_at_once_and_before_the_end_everything() {
    let mut world =
        World::with(Config { coalesce_above: 1, max_participants: 1_000, ..Config::default() });
    let ana = world.join(admission("ana"));
    for number in 0..260 {
        world.knock(admission(&format!("guest-{number}")));
    }
    let lengths = |events: &[Event]| -> Vec<usize> {
        events
            .iter()
            .filter_map(|event| match event {
                Event::ParticipantsChanged { joined, .. } => Some(joined.len()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(lengths(&world.events(ana)), [250]);
    world.handle(Input::Stop { reason: signaling_core::event::EndReason::Ended });
    let events = world.events(ana);
    assert_eq!(lengths(&events), [10]);
    assert!(matches!(events[1], Event::RoomEnded { .. }), "{events:?}");
}

/// Everybody comes, raises a hand and leaves in turn: what each knows is what is so.
#[test]
fn everybody_knows_the_room_as_it_is_when_all_is_told() {
    let mut world = large();
    let mut members: Vec<(Somebody, Mirror)> = Vec::new();
    let (mut largest, mut compared) = (0, 0);
    for step in 0_u64..400 {
        // A little arithmetic stands for chance, and is the same each time.
        let dice = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        match dice % 5 {
            0 | 1 => {
                let door = world.knock(admission(&format!("one-{}", dice % 12)));
                let mut seen = world.seen(door).into_iter();
                let Some(Seen::Reply(_, Outcome::Ok(Reply::Joined(joined)))) = seen.next() else {
                    panic!("not let in at step {step}")
                };
                let mut mirror = Mirror::new(&joined.snapshot);
                // What was gathered may follow the reply at once.
                for seen in seen {
                    if let Seen::Event(EventFrame { seq, event }) = seen {
                        mirror.apply(seq, &event);
                    }
                }
                members.push((Somebody { door, id: mirror.own }, mirror));
            }
            2 if !members.is_empty() => {
                let (somebody, _) = members.swap_remove(dice as usize % members.len());
                world.ask(somebody.door, Request::Leave);
            }
            3 if !members.is_empty() => {
                let (somebody, _) = members[dice as usize % members.len()];
                world.ask(somebody.door, raised());
            }
            _ => {
                world.pass(Duration::from_millis(300));
                world.handle(Input::Timeout);
            }
        }
        // Who comes with the same name takes the place of the one before.
        members.retain(|(somebody, _)| world.room.snapshot(somebody.id).is_some());
        for (somebody, mirror) in &mut members {
            for seen in world.seen(somebody.door) {
                if let Seen::Event(EventFrame { seq, event }) = seen {
                    mirror.apply(seq, &event);
                }
            }
        }
        largest = largest.max(members.len());
        if world.room.deadline().is_none() {
            compared += members.len();
            for (somebody, mirror) in &members {
                let mut known = mirror.known.participants.clone();
                let mut there = world.room.snapshot(somebody.id).unwrap().participants;
                known.sort_by_key(|info| info.id);
                there.sort_by_key(|info| info.id);
                assert_eq!(known, there, "at step {step}");
            }
        }
    }
    assert!(largest > 3 && compared > 20, "at most {largest}, {compared} compared");
}
