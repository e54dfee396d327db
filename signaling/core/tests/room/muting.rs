//! Muting one's own tracks.

use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::id::TrackId;
use signaling_core::info::TrackSource;
use signaling_core::media::MediaCommand;
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Publish, Request};

use crate::world::{Seen, World, admission, mute, publish};

#[test]
fn everybody_is_told_and_the_media_plane_stops_forwarding() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Microphone).id;

    for muted in [true, false] {
        world.ask(ana.door, mute(track, muted));
        let event = match muted {
            true => Event::TrackMuted { participant: ana.id, track, by: None },
            false => Event::TrackUnmuted { participant: ana.id, track },
        };
        assert_eq!(world.events(ben), std::slice::from_ref(&event));
        let seen = world.seen(ana.door);
        assert!(
            matches!(
                &seen[..],
                [Seen::Reply(_, Outcome::Ok(Reply::Done(Done {}))), Seen::Event(frame)]
                    if frame.event == event
            ),
            "{seen:?}"
        );
        assert_eq!(world.commands(), [MediaCommand::Mute { track, muted }]);
        assert_eq!(world.room.visible()[0].tracks[0].muted, muted);
    }
}

#[test]
fn muting_what_is_muted_changes_nothing() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Microphone).id;
    world.ask(ana.door, mute(track, true));
    world.forget();
    assert_eq!(world.asks(ana, mute(track, true)), Outcome::Ok(Reply::Done(Done {})));
    assert_eq!(world.events(ben), []);
    assert_eq!(world.commands(), []);
}

#[test]
fn a_track_can_begin_muted_and_nothing_of_it_gets_out() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let Request::Publish(request) = publish("0", TrackSource::Microphone) else { unreachable!() };
    world.ask(ana.door, Request::Publish(Publish { muted: true, ..request }));
    let [MediaCommand::Publish { track, request, session, .. }] = world.commands()[..] else {
        panic!("one command")
    };
    let result = Ok(());
    world.tell(signaling_core::media::MediaEvent::Published { session, request, result });
    assert_eq!(
        world.commands(),
        [
            MediaCommand::Mute { track, muted: true },
            MediaCommand::Subscribe { session: ben.id, track },
        ]
    );
    let events = world.events(ben);
    assert!(
        matches!(&events[..], [Event::TrackPublished { track, .. }] if track.muted),
        "{events:?}"
    );
}

#[test]
fn somebody_elses_track_is_like_none() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Microphone).id;
    assert_eq!(world.refusal(ben, mute(track, true)), ErrorCode::NotFound);
    assert_eq!(world.refusal(ben, mute(TrackId(7), true)), ErrorCode::NotFound);
    assert_eq!(world.commands(), []);
}
