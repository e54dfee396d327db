//! Going: by a request, or by a socket that is gone.

use signaling_core::event::{Event, LeaveReason};
use signaling_core::info::TrackSource;
use signaling_core::interest::Interest;
use signaling_core::media::{MediaAnswer, MediaCommand, MediaEvent, MediaRequest};
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::Request;

use crate::world::{Seen, World, admission, failed, headless, offer};

#[test]
fn who_leaves_is_answered_told_and_closed_in_this_order() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let number = world.ask(ana.door, Request::Leave);
    let seen = world.seen(ana.door);
    assert!(
        matches!(
            &seen[..],
            [
                Seen::Reply(re, Outcome::Ok(Reply::Done(Done {}))),
                Seen::Event(frame),
                Seen::Closed(LeaveReason::Left),
            ] if *re == number && frame.event == Event::Disconnected { reason: LeaveReason::Left }
        ),
        "{seen:?}"
    );
}

#[test]
fn the_others_are_told_once_and_tracks_go_without_further_word() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.published(ben, "0", TrackSource::Camera);

    world.ask(ben.door, Request::Leave);

    let reason = LeaveReason::Left;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: ben.id, reason }]);
    assert_eq!(world.commands(), [MediaCommand::Close { session: ben.id }]);
    let (_, joined) = world.enter(admission("cleo"));
    assert_eq!(joined.snapshot.participants.len(), 1);
}

#[test]
fn a_headless_door_that_is_gone_takes_its_participant_along() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let encoder = world.negotiated(headless("encoder", Interest::None));
    world.ask(encoder.door, offer());
    world.forget();

    world.detach(encoder.door);

    let reason = LeaveReason::ConnectionLost;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: encoder.id, reason }]);
    assert_eq!(world.commands(), [MediaCommand::Close { session: encoder.id }]);
    assert_eq!(world.seen(encoder.door), [], "there is nobody to talk to");
}

#[test]
fn who_never_offered_has_no_session_to_close() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.ask(ana.door, Request::Leave);
    assert_eq!(world.commands(), []);
}

#[test]
fn an_answer_that_comes_too_late_goes_nowhere() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.ask(ana.door, offer());
    let request = world
        .commands()
        .into_iter()
        .find_map(|command| match command {
            MediaCommand::Offer { request, .. } => Some(request),
            _ => None,
        })
        .expect("an offer");
    world.ask(ana.door, Request::Leave);
    world.forget();

    let answer = MediaAnswer { sdp: "v=0".to_owned(), lines: Vec::new() };
    world.tell(MediaEvent::Answered { session: ana.id, request, result: Ok(answer) });
    world.tell(MediaEvent::Published { session: ana.id, request: MediaRequest(9), result: Ok(()) });
    world.tell(failed(ana.id));
    world.tell(MediaEvent::SlotsNeeded { session: ana.id, audio: 1, video: 1 });

    assert_eq!(world.commands(), []);
    assert_eq!(world.seen(ana.door), []);
}

#[test]
fn going_twice_is_going_once() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.ask(ben.door, Request::Leave);
    world.handle(signaling_core::room::Input::Detached { attachment: ben.door });
    assert_eq!(world.events(ana).len(), 2, "joined and left");
}
