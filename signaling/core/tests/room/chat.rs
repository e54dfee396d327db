//! Saying something to everybody.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, Outcome, Reply};
use signaling_core::grants::Grants;

use crate::world::{Seen, World, admission, chat};

#[test]
fn everybody_reads_it_and_the_writer_has_its_reply_first() {
    let mut world = World::new();
    let ana = world.join(Admission { name: "Ana".to_owned(), ..admission("ana") });
    let ben = world.join(admission("ben"));
    world.forget();

    let number = world.ask(ana.door, chat("hello"));

    let seen = world.seen(ana.door);
    let [Seen::Reply(re, Outcome::Ok(Reply::Posted(posted))), Seen::Event(frame)] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(*re, number);
    assert_eq!(posted.message.text, "hello");
    assert_eq!(posted.message.name, "Ana");
    assert_eq!(posted.message.participant, ana.id);
    assert_eq!(posted.message.at, world.now.unix_ms);
    let event = Event::ChatPosted { message: posted.message.clone() };
    assert_eq!(frame.event, event);
    assert_eq!(world.events(ben), [event]);
}

#[test]
fn a_text_has_1_to_8192_bytes() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    assert_eq!(world.refusal(ana, chat("")), ErrorCode::BadRequest);
    assert!(matches!(world.asks(ana, chat("x".repeat(8192))), Outcome::Ok(_)));
    assert_eq!(world.refusal(ana, chat("x".repeat(8193))), ErrorCode::TooLarge);
    assert_eq!(world.refusal(ana, chat("ä".repeat(4097))), ErrorCode::TooLarge, "bytes");
}

#[test]
fn it_needs_the_grant_for_data() {
    let mut world = World::new();
    let grants = Grants { can_publish_data: false, ..Grants::default() };
    let ana = world.join(Admission { grants, ..admission("ana") });
    assert_eq!(world.refusal(ana, chat("hello")), ErrorCode::Forbidden);
}

#[test]
fn every_message_has_an_id_of_its_own() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let mut ids: Vec<_> = (0..10)
        .map(|_| match world.asks(ana, chat("again")) {
            Outcome::Ok(Reply::Posted(posted)) => posted.message.id,
            other => panic!("{other:?}"),
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}
