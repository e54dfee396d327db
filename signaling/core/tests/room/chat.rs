//! Saying something to everybody.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::id::ParticipantId;
use signaling_core::info::ChatMessage;
use signaling_core::reply::{Outcome, Reply};
use signaling_core::request::{Chat, Request};
use signaling_core::room::Config;

use crate::world::{Seen, World, admission, chat, hidden};

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

fn to(some: &[ParticipantId], text: &str) -> Request {
    Request::Chat(Chat { text: text.to_owned(), to: Some(some.to_vec()) })
}

#[test]
fn a_private_message_is_for_its_readers_and_its_writer() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    let eve = world.join(hidden("eve"));
    world.forget();
    world.ask(ana.door, to(&[ben.id, ben.id], "psst"));
    let events = world.events(ben);
    assert!(
        matches!(&events[..], [Event::ChatPosted { message }]
            if message.to.as_deref() == Some(&[ben.id]) && message.text == "psst"),
        "{events:?}"
    );
    assert_eq!(world.events(ana), events);
    assert_eq!(world.events(cleo), []);
    for nobody in [eve.id, ParticipantId(7)] {
        assert_eq!(world.refusal(ana, to(&[ben.id, nobody], "psst")), ErrorCode::NotFound);
    }
    assert_eq!(world.refusal(ana, to(&[], "psst")), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, to(&[ana.id], "psst")), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, to(&[ben.id; 65], "psst")), ErrorCode::BadRequest);
}

#[test]
fn who_comes_later_reads_the_newest_that_are_for_it() {
    let mut world = World::with(Config { chat_history: 3, ..Config::default() });
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    for text in ["one", "two"] {
        world.ask(ana.door, chat(text));
    }
    world.ask(ana.door, to(&[ben.id], "private"));
    world.ask(ana.door, chat("three"));
    let (cleo, joined) = world.enter(admission("cleo"));
    let texts = |chat: Vec<ChatMessage>| chat.into_iter().map(|one| one.text).collect::<Vec<_>>();
    assert_eq!(texts(joined.snapshot.chat), ["two", "three"]);
    let of = |id| texts(world.room.snapshot(id).expect("there").chat);
    assert_eq!(of(ben.id), ["two", "private", "three"]);
    assert_eq!(of(cleo.id), ["two", "three"]);
}
