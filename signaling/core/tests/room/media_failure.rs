//! What is left of a participant whose media session is gone.

use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, LeaveReason};
use signaling_core::info::{Binding, TrackSource};
use signaling_core::interest::Interest;
use signaling_core::media::{MediaCommand, MediaEvent};
use signaling_core::reply::Outcome;

use crate::world::{Seen, World, admission, failed, headless, offer, publish};

#[test]
fn its_tracks_and_bindings_end_and_it_keeps_its_place() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let own = world.published(ana, "0", TrackSource::Camera).id;
    let received = world.published(ben, "0", TrackSource::Camera).id;
    let mid = "5".to_owned();
    world.tell(MediaEvent::Bound { session: ana.id, track: received, mid: mid.clone(), bind: 1 });
    world.forget();

    world.tell(failed(ana.id));

    let ended = Event::TrackUnpublished { participant: ana.id, track: own };
    assert_eq!(world.events(ben), std::slice::from_ref(&ended));
    let reason = "consent ended".to_owned();
    let unbound =
        Event::SubscriptionUnbound(Binding { participant: ben.id, track: received, mid, bind: 1 });
    assert_eq!(world.events(ana), [ended, unbound, Event::MediaFailed { reason }]);
    assert_eq!(world.commands(), [], "the media plane has closed the session itself");
    assert_eq!(world.room.participant_count(), 2);
}

#[test]
fn the_next_offer_opens_a_session_with_everything_in_it() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let received = world.published(ben, "0", TrackSource::Camera).id;
    world.tell(failed(ana.id));
    world.tell(failed(ana.id));
    world.forget();

    world.ask(ana.door, offer());
    let request = match world.commands()[..] {
        [MediaCommand::Open { .. }, MediaCommand::Offer { request, .. }] => request,
        ref other => panic!("{other:?}"),
    };
    let answer = signaling_core::media::MediaAnswer { sdp: "v=0".to_owned(), lines: Vec::new() };
    world.tell(MediaEvent::Answered { session: ana.id, request, result: Ok(answer) });
    assert_eq!(world.commands(), [MediaCommand::Subscribe { session: ana.id, track: received }]);
}

#[test]
fn nothing_is_sent_to_a_session_that_is_gone() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.tell(failed(ana.id));
    world.published(ben, "0", TrackSource::Camera);
    world.detach(ana.door);
    assert_eq!(world.commands(), []);
}

#[test]
fn what_is_published_when_it_is_gone_is_not_there() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.forget();
    let number = world.ask(ana.door, publish("0", TrackSource::Camera));
    let (track, request) = match world.commands()[..] {
        [MediaCommand::Publish { track, request, .. }] => (track, request),
        ref other => panic!("{other:?}"),
    };
    world.tell(failed(ana.id));
    world.tell(MediaEvent::Published { session: ana.id, request, result: Ok(()) });

    let code = match world.outcome(ana.door, number) {
        Some(Outcome::Error(error)) => error.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code, ErrorCode::NotFound);
    assert_eq!(world.commands(), [MediaCommand::Unpublish { track }]);
    assert_eq!(world.events(ben), []);
    assert_eq!(world.room.snapshot(ben.id).unwrap().participants[0].tracks, []);
}

#[test]
fn whoever_came_by_a_headless_door_leaves() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let encoder = world.negotiated(headless("encoder", Interest::None));
    world.published(encoder, "0", TrackSource::Camera);

    world.tell(failed(encoder.id));

    let reason = LeaveReason::ConnectionLost;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: encoder.id, reason }]);
    let seen = world.seen(encoder.door);
    assert_eq!(seen.last(), Some(&Seen::Closed(reason)));
}
