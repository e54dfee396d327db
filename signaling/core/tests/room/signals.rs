//! What two participants tell each other for a connection of their own.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::request::{Request, Signal};

use crate::world::{Somebody, World, admission, hidden};

fn signal(to: Somebody, data: impl Into<String>) -> Request {
    Request::Signal(Signal { to: to.id, data: data.into() })
}

#[test]
fn the_other_gets_it_as_it_was_sent() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    world.forget();
    world.does(ana, signal(ben, "{\"sdp\":\"\"}"));
    let data = "{\"sdp\":\"\"}".to_owned();
    assert_eq!(world.events(ben), [Event::SignalReceived { from: ana.id, data }]);
    assert_eq!(world.events(cleo), []);
    assert!(world.events.last().expect("an event").frame.seq.is_some());
}

#[test]
fn not_to_oneself_the_hidden_or_by_those_who_may_not() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let eve = world.join(hidden("eve"));
    let grants = Grants { can_publish_data: false, ..Grants::default() };
    let ben = world.join(Admission { grants, ..admission("ben") });
    assert_eq!(world.refusal(ana, signal(ana, "x")), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, signal(eve, "x")), ErrorCode::NotFound);
    assert_eq!(world.refusal(eve, signal(ana, "x")), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ben, signal(ana, "x")), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, signal(ben, "x".repeat(65537))), ErrorCode::TooLarge);
    world.does(ana, signal(ben, "x".repeat(65536)));
}
