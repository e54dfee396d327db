//! Messages of the application's own.

use std::time::Duration;

use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::info::{DataMessage, Retained};
use signaling_core::media::MediaEvent;
use signaling_core::request::{Request, Send};
use signaling_core::room::Config;

use crate::world::{Somebody, World, admission, hidden};

fn message(payload: &str) -> Send {
    Send {
        topic: "board".to_owned(),
        payload: payload.as_bytes().into(),
        to: None,
        listeners: false,
        lossy: false,
        retain: false,
        message: None,
    }
}

fn to(some: &[Somebody]) -> Send {
    Send { to: Some(some.iter().map(|one| one.id).collect()), ..message("x") }
}

#[test]
fn the_others_get_it_with_the_senders_number() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    world.does(ana, Request::Send(Send { message: Some(7), ..message("hello") }));
    let message = DataMessage {
        from: Some(ana.id),
        id: Some(7),
        lossy: false,
        retain: false,
        topic: "board".to_owned(),
        payload: b"hello"[..].into(),
    };
    assert_eq!(world.events(ben), [Event::DataReceived { message }]);
    assert_eq!(world.events(ana), [], "not the sender");
}

#[test]
fn some_get_it_once_and_nobody_else() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    let eve = world.join(hidden("eve"));
    world.forget();
    world.does(ana, Request::Send(to(&[ben, ben])));
    assert_eq!(world.events(ben).len(), 1);
    assert_eq!(world.events(cleo), []);
    assert_eq!(world.refusal(ana, Request::Send(to(&[ben, eve]))), ErrorCode::NotFound);
    assert_eq!(world.refusal(ana, Request::Send(to(&[ana]))), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, Request::Send(to(&[]))), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, Request::Send(to(&[ben; 65]))), ErrorCode::BadRequest);
    let both = Send { listeners: true, ..to(&[ben]) };
    assert_eq!(world.refusal(ana, Request::Send(both)), ErrorCode::BadRequest);
    assert_eq!(world.events(ben), []);
}

#[test]
fn what_may_be_lost_has_no_number() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.join(admission("ben"));
    let before = world.cursor();
    world.does(ana, Request::Send(Send { lossy: true, ..message("hello") }));
    assert_eq!(world.cursor(), before);
    assert_eq!(world.events.last().expect("an event").frame.seq, None);
}

#[test]
fn a_retained_message_is_told_to_all_and_is_there_for_those_who_come_later() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    let keep = |text: &str| Request::Send(Send { retain: true, message: Some(7), ..message(text) });
    world.ask(ana.door, keep("first"));
    world.ask(ana.door, keep("second"));
    let told = |text: &str| Event::DataReceived {
        message: DataMessage {
            from: Some(ana.id),
            id: Some(7),
            lossy: false,
            retain: true,
            topic: "board".to_owned(),
            payload: text.as_bytes().into(),
        },
    };
    let expected = [told("first"), told("second")];
    assert_eq!(world.events(ben), expected);
    assert_eq!(world.events(ana), expected, "so that its copy is like all others");
    let value = Retained {
        topic: "board".to_owned(),
        payload: b"second"[..].into(),
        from: Some(ana.id),
        id: Some(7),
    };
    world.ask(ana.door, Request::Leave);
    let cleo = world.join(admission("cleo"));
    let values = [value];
    assert_eq!(world.room.snapshot(cleo.id).expect("she is in").retained, values);
    assert_eq!(world.room.overview().retained, values);
    // What is not to be retained leaves the value as it is.
    world.does(cleo, Request::Send(message("third")));
    assert_eq!(world.room.overview().retained.len(), 1);
    world.does(cleo, keep(""));
    assert_eq!(world.room.overview().retained, []);
}

#[test]
fn what_is_retained_is_small_reliable_and_for_everybody() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let keep = |send: Send| Request::Send(Send { retain: true, ..send });
    for send in
        [to(&[ben]), Send { listeners: true, ..message("x") }, Send { lossy: true, ..message("x") }]
    {
        assert_eq!(world.refusal(ana, keep(send)), ErrorCode::BadRequest);
    }
    let large = "x".repeat(16 * 1024 + 1);
    assert_eq!(world.refusal(ana, keep(message(&large))), ErrorCode::TooLarge);
    world.does(ana, keep(message(&large[1..])));
    for number in 1..64 {
        world.does(ana, keep(Send { topic: number.to_string(), ..message("x") }));
    }
    assert_eq!(
        world.refusal(ana, keep(Send { topic: "one".into(), ..message("x") })),
        ErrorCode::Full
    );
    assert_eq!(world.room.overview().retained.len(), 64);
}

#[test]
fn a_value_that_the_journal_cannot_tell_is_not_kept() {
    let mut world = World::with(Config { journal_bytes: 2000, ..Config::default() });
    let ana = world.join(admission("ana"));
    let keep = |text: String| Request::Send(Send { retain: true, ..message(&text) });
    world.does(ana, keep("x".repeat(900)));
    assert_eq!(world.refusal(ana, keep("y".repeat(900))), ErrorCode::Busy);
    assert_eq!(world.room.overview().retained[0].payload[..], *"x".repeat(900).as_bytes());
}

#[test]
fn a_lossy_message_fits_into_one_packet() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let limit = Config::default().limits.lossy_bytes as usize;
    let sized = |bytes: usize, to: Option<Vec<_>>| {
        Request::Send(Send { lossy: true, to, ..message(&"x".repeat(bytes)) })
    };
    // Version, flags, id, the topic's length and the topic; destinations take 9 more.
    let head = 2 + 8 + 1 + "board".len();
    world.does(ana, sized(limit - head, None));
    assert_eq!(world.refusal(ana, sized(limit - head + 1, None)), ErrorCode::TooLarge);
    world.does(ana, sized(limit - head - 9, Some(vec![ben.id])));
    assert_eq!(
        world.refusal(ana, sized(limit - head - 8, Some(vec![ben.id]))),
        ErrorCode::TooLarge
    );
    // A reliable one is not a matter of packets.
    world.does(ana, Request::Send(message(&"x".repeat(limit))));
}

#[test]
fn topic_payload_and_envelope_fit_into_the_limit() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let sized = |topic: usize, payload: usize| {
        let topic = "t".repeat(topic);
        Request::Send(Send { topic, ..message(&"x".repeat(payload)) })
    };
    let limit = Config::default().limits.data_bytes as usize;
    world.does(ana, sized(128, limit - 128 - 64));
    assert_eq!(world.refusal(ana, sized(128, limit - 128 - 63)), ErrorCode::TooLarge);
    assert_eq!(world.refusal(ana, sized(129, 1)), ErrorCode::TooLarge);
}

#[test]
fn what_the_journal_cannot_keep_for_30_seconds_is_refused() {
    let mut world = World::with(Config { journal_bytes: 2000, ..Config::default() });
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cursor = world.cursor();
    world.detach(ben.door);
    let large = || Request::Send(message(&"x".repeat(900)));
    world.does(ana, large());
    assert_eq!(world.refusal(ana, large()), ErrorCode::Busy);
    world.does(ana, Request::Send(Send { lossy: true, ..message(&"x".repeat(900)) }));

    world.pass(Duration::from_secs(29));
    assert_eq!(world.refusal(ana, large()), ErrorCode::Busy);
    let door = world.resume(ben, &cursor);
    let events = world.events(Somebody { door, ..ben });
    assert!(matches!(&events[..], [Event::DataReceived { .. }]), "no gap: {events:?}");
    world.pass(Duration::from_secs(1));
    world.does(ana, large());
}

#[test]
fn a_data_channels_message_goes_to_those_of_its_list_who_are_there() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    let gone = world.join(admission("gone"));
    world.ask(gone.door, Request::Leave);
    world.forget();
    let message = DataMessage {
        from: Some(ana.id),
        id: None,
        lossy: false,
        retain: false,
        topic: String::new(),
        payload: b"hello"[..].into(),
    };
    world.tell(MediaEvent::Data { to: vec![ben.id, gone.id], message: message.clone() });
    assert_eq!(world.events(ben), [Event::DataReceived { message: message.clone() }]);
    assert_eq!(world.events(cleo), []);
    let before = world.events.len();
    world.tell(MediaEvent::Data { to: vec![gone.id], message });
    assert_eq!(world.events.len(), before, "for nobody");
}
