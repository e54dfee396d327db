//! Subscribing to single tracks.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::id::TrackId;
use signaling_core::info::{Binding, TrackSource};
use signaling_core::interest::Interest;
use signaling_core::media::{MediaCommand, MediaEvent};
use signaling_core::request::{Request, Tracks};

use crate::world::{World, admission, offer, publish, unpublish};

fn subscribe(tracks: &[TrackId]) -> Request {
    Request::Subscribe(Tracks { tracks: tracks.to_vec() })
}

fn unsubscribe(tracks: &[TrackId]) -> Request {
    Request::Unsubscribe(Tracks { tracks: tracks.to_vec() })
}

#[test]
fn a_track_stops_and_flows_again() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    let mid = "5".to_owned();
    world.tell(MediaEvent::Bound { session: ben.id, track, mid: mid.clone(), bind: 1 });
    world.forget();

    world.ask(ben.door, unsubscribe(&[track, track]));
    assert_eq!(world.commands(), [MediaCommand::Unsubscribe { session: ben.id, track }]);
    let binding = Binding { participant: ana.id, track, mid: mid.clone(), bind: 1 };
    assert_eq!(world.events(ben), [Event::SubscriptionUnbound(binding)]);
    world.tell(MediaEvent::Bound { session: ben.id, track, mid, bind: 2 });
    assert_eq!(world.events(ben), [], "that word was on its way");

    world.does(ben, subscribe(&[track]));
    world.does(ben, subscribe(&[track]));
    assert_eq!(world.commands(), [MediaCommand::Subscribe { session: ben.id, track }]);
}

#[test]
fn who_wants_nothing_gets_what_it_asks_for() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let first = world.published(ana, "0", TrackSource::Camera).id;
    let second = world.published(ana, "1", TrackSource::Microphone).id;
    let ben = world.join(Admission { interest: Interest::None, ..admission("ben") });
    world.does(ben, subscribe(&[second]));
    assert_eq!(world.commands(), [], "not before an answered offer");
    world.ask(ben.door, offer());
    world.grant_media();
    let third = world.published(ana, "2", TrackSource::Camera).id;
    world.does(ben, subscribe(&[first, third]));
    assert_eq!(
        world.commands(),
        [first, third].map(|track| MediaCommand::Subscribe { session: ben.id, track })
    );
}

#[test]
fn what_was_said_of_a_track_ends_with_it() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    world.does(ben, unsubscribe(&[track]));
    world.does(ana, unpublish(track));
    world.ask(ana.door, publish("0", TrackSource::Camera));
    world.commands();
    let next = world.published(ana, "1", TrackSource::Camera).id;
    assert_ne!(next, track);
    world.does(ben, unsubscribe(&[next]));
    assert_eq!(world.commands(), [MediaCommand::Unsubscribe { session: ben.id, track: next }]);
}

#[test]
fn ones_own_and_what_is_gone_are_passed_over() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let own = world.published(ana, "0", TrackSource::Camera).id;
    world.does(ana, subscribe(&[own, TrackId(7)]));
    world.does(ana, unsubscribe(&[own, TrackId(7)]));
    assert_eq!(world.commands(), []);
}

#[test]
fn it_names_1_to_256_and_needs_the_grant() {
    let mut world = World::new();
    let grants = Grants { can_subscribe: false, ..Grants::default() };
    let ana = world.join(Admission { grants, ..admission("ana") });
    let ben = world.join(admission("ben"));
    assert_eq!(world.refusal(ana, subscribe(&[TrackId(7)])), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ben, subscribe(&[])), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ben, unsubscribe(&[TrackId(7); 257])), ErrorCode::BadRequest);
    world.does(ben, subscribe(&[TrackId(7); 256]));
}
