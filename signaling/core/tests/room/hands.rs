//! Raised hands.

use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, LeaveReason};
use signaling_core::request::{Hand, Request};

use crate::world::{Somebody, World, admin, admission, hidden};

fn hand(raised: bool, of: Option<Somebody>) -> Request {
    Request::Hand(Hand { raised, participant: of.map(|one| one.id) })
}

#[test]
fn hands_stand_in_the_order_they_went_up() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    world.does(ben, hand(true, None));
    world.does(ben, hand(true, Some(ben)));
    assert_eq!(world.events(ana), [Event::HandRaised { participant: ben.id, hand: 1 }]);
    world.does(ana, hand(true, None));
    let hands: Vec<_> = world.room.visible().into_iter().map(|one| one.hand).collect();
    assert_eq!(hands, [Some(2), Some(1)]);
    world.forget();
    world.does(ben, hand(false, None));
    world.does(ben, hand(false, None));
    assert_eq!(world.events(ana), [Event::HandLowered { participant: ben.id }]);
    world.does(ben, hand(true, None));
    assert_eq!(world.events(ana), [Event::HandRaised { participant: ben.id, hand: 3 }]);
}

#[test]
fn a_moderator_lowers_others_and_raises_none() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    world.does(ben, hand(true, None));
    world.forget();
    assert_eq!(world.refusal(ben, hand(false, Some(ana))), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, hand(true, Some(ben))), ErrorCode::BadRequest);
    world.does(ana, hand(false, Some(ben)));
    assert_eq!(world.events(ben), [Event::HandLowered { participant: ben.id }]);
}

#[test]
fn a_hand_goes_down_with_its_owner_and_the_hidden_have_none() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let eve = world.join(hidden("eve"));
    assert_eq!(world.refusal(eve, hand(true, None)), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, hand(false, Some(eve))), ErrorCode::NotFound);
    world.does(ben, hand(true, None));
    world.forget();
    world.ask(ben.door, Request::Leave);
    let reason = LeaveReason::Left;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: ben.id, reason }]);
}
