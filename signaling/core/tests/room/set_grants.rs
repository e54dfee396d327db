//! Changing what somebody may do.

use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::id::ParticipantId;
use signaling_core::info::TrackSource;
use signaling_core::media::{MediaCommand, MediaEvent};
use signaling_core::reply::Outcome;
use signaling_core::request::{Request, SetGrants};

use crate::world::{World, admin, admission, chat, hidden, offer, publish};

fn nothing(participant: ParticipantId) -> SetGrants {
    SetGrants { participant, can_publish: None, can_subscribe: None, can_publish_data: None }
}

#[test]
fn it_is_told_to_the_one_and_done_both_ways() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    for allowed in [false, true] {
        world.forget();
        let request = SetGrants { can_publish_data: Some(allowed), ..nothing(ben.id) };
        world.does(ana, Request::SetGrants(request));
        let grants = world.room.snapshot(ben.id).expect("ben").grants;
        assert_eq!(grants.can_publish_data, allowed);
        let admitted = MediaCommand::Admit { member: ben.id, may_send: allowed };
        assert_eq!(world.members(), [admitted]);
        assert_eq!(world.events(ben), [Event::GrantsChanged { grants }]);
        assert_eq!(matches!(world.asks(ben, chat("hi")), Outcome::Ok(_)), allowed);
    }
    world.forget();
    world.does(ana, Request::SetGrants(nothing(ben.id)));
    assert_eq!((world.events(ben), world.members()), (vec![], vec![]), "nothing changed");
}

#[test]
fn tracks_that_are_not_allowed_any_more_end() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let camera = world.published(ben, "0", TrackSource::Camera).id;
    let microphone = world.published(ben, "1", TrackSource::Microphone);
    let request = SetGrants { can_publish: Some(vec![TrackSource::Microphone]), ..nothing(ben.id) };
    world.ask(ana.door, Request::SetGrants(request));
    assert_eq!(world.events(ana), [Event::TrackUnpublished { participant: ben.id, track: camera }]);
    assert_eq!(world.commands(), [MediaCommand::Unpublish { track: camera }]);
    assert_eq!(world.room.visible()[1].tracks, [microphone]);
    assert_eq!(world.refusal(ben, publish("2", TrackSource::Camera)), ErrorCode::Forbidden);
}

#[test]
fn a_publication_that_waited_is_refused_if_it_is_forbidden_meanwhile() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let number = world.ask(ben.door, publish("0", TrackSource::Camera));
    let [MediaCommand::Publish { session, track, request, .. }] = world.commands()[..] else {
        panic!("one command")
    };
    let none = SetGrants { can_publish: Some(Vec::new()), ..nothing(ben.id) };
    world.does(ana, Request::SetGrants(none));
    world.tell(MediaEvent::Published { session, request, result: Ok(()) });
    let outcome = world.outcome(ben.door, number);
    assert!(matches!(outcome, Some(Outcome::Error(error)) if error.code == ErrorCode::Forbidden));
    assert_eq!(world.commands(), [MediaCommand::Unpublish { track }]);
    assert_eq!(world.events(ana), []);
}

#[test]
fn receiving_stops_and_begins_again() {
    let mut world = World::new();
    let ana = world.negotiated(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    let mid = "5".to_owned();
    world.tell(MediaEvent::Bound { session: ben.id, track, mid, bind: 1 });
    world.forget();
    let set = |allowed| SetGrants { can_subscribe: Some(allowed), ..nothing(ben.id) };
    world.does(ana, Request::SetGrants(set(false)));
    assert_eq!(world.commands(), [MediaCommand::Unsubscribe { session: ben.id, track }]);
    let events = world.events(ben);
    assert!(
        matches!(events[..], [Event::SubscriptionUnbound(_), Event::GrantsChanged { .. }]),
        "{events:?}"
    );
    world.does(ana, Request::SetGrants(set(true)));
    assert_eq!(world.commands(), [MediaCommand::Subscribe { session: ben.id, track }]);
}

#[test]
fn it_is_for_moderators_and_not_about_the_hidden() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let eve = world.join(hidden("eve"));
    assert_eq!(world.refusal(ben, Request::SetGrants(nothing(ana.id))), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, Request::SetGrants(nothing(eve.id))), ErrorCode::NotFound);
    world.ask(ben.door, offer());
}
