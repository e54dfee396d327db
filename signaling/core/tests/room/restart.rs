//! The media plane has lost everything, or somebody does not keep up with it.

use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, LeaveReason};
use signaling_core::info::TrackSource;
use signaling_core::interest::Interest;
use signaling_core::media::{MediaCommand, MediaEvent};
use signaling_core::reply::Outcome;
use signaling_core::request::{Listen, Request};

use crate::world::{Seen, World, admission, headless, offer};

#[test]
fn every_session_fails_and_everybody_is_told_of_again() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    let encoder = world.negotiated(headless("encoder", Interest::None));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    world.does(ben, Request::Listen(Listen { topics: vec!["board".to_owned()] }));
    let waiting = world.ask(ben.door, offer());
    world.forget();

    world.tell(MediaEvent::Restarted);

    let admitted = |member| MediaCommand::Admit { member, may_send: true };
    assert_eq!(
        std::mem::take(&mut world.media),
        [
            admitted(ana.id),
            admitted(ben.id),
            MediaCommand::Listen { member: ben.id, topics: vec!["board".to_owned()] },
            admitted(encoder.id),
            MediaCommand::Dismiss { member: encoder.id },
        ]
    );
    let events = world.events(ana);
    assert!(
        matches!(&events[..], [
            Event::TrackUnpublished { track: gone, .. },
            Event::MediaFailed { .. },
            Event::ParticipantLeft { participant, reason: LeaveReason::ConnectionLost },
        ] if *gone == track && *participant == encoder.id),
        "{events:?}"
    );
    let outcome = world.outcome(ben.door, waiting);
    assert!(matches!(outcome, Some(Outcome::Error(error)) if error.code == ErrorCode::Busy));
    world.ask(ana.door, offer());
    assert!(matches!(
        world.commands()[..],
        [MediaCommand::Open { .. }, MediaCommand::Offer { .. }]
    ));
}

#[test]
fn who_does_not_take_its_messages_leaves() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.forget();
    world.tell(MediaEvent::Overrun { session: ben.id });
    let reason = LeaveReason::TooSlow;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: ben.id, reason }]);
    assert_eq!(world.seen(ben.door).last(), Some(&Seen::Closed(reason)));
}
