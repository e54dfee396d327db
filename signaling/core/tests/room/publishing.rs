//! Tracks: how they begin and how they end.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::info::{MediaKind, TrackSource};
use signaling_core::media::{MediaCommand, MediaError, MediaEvent, TrackGroup};
use signaling_core::reply::{Done, Outcome, Published, Reply};
use signaling_core::request::{Publish, Request};

use crate::world::{Seen, World, admission, offer, publish, small, unpublish};

#[test]
fn the_publisher_has_its_reply_and_the_others_the_event() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();

    let number = world.ask(
        ana.door,
        Request::Publish(Publish {
            mid: "2".to_owned(),
            kind: MediaKind::Video,
            source: TrackSource::Camera,
            name: Some("front".to_owned()),
            muted: false,
        }),
    );
    let [MediaCommand::Publish { session, track, mid, kind, group, request }] =
        &world.commands()[..]
    else {
        panic!("one command")
    };
    assert_eq!((*session, mid.as_str(), *kind), (ana.id, "2", MediaKind::Video));
    assert_eq!(*group, TrackGroup { participant: ana.id, screen: false });
    assert_eq!(world.seen(ana.door), [], "the reply waits");
    assert_eq!(world.seen(ben.door), []);

    world.tell(MediaEvent::Published { session: *session, request: *request, result: Ok(()) });

    let seen = world.seen(ana.door);
    let [Seen::Reply(re, Outcome::Ok(Reply::Published(Published { track: info })))] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(*re, number);
    assert_eq!((info.id, info.kind, info.source), (*track, MediaKind::Video, TrackSource::Camera));
    assert_eq!(info.name, "front");
    let event = Event::TrackPublished { participant: ana.id, track: info.clone() };
    assert_eq!(world.events(ben), [event]);
}

#[test]
fn it_may_be_asked_right_behind_the_offer() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    assert_eq!(
        world.refusal(ana, publish("0", TrackSource::Camera)),
        ErrorCode::NotFound,
        "not before it"
    );
    world.ask(ana.door, offer());
    world.ask(ana.door, publish("0", TrackSource::Camera));
    let commands = world.commands();
    assert!(
        matches!(
            commands[..],
            [MediaCommand::Open { .. }, MediaCommand::Offer { .. }, MediaCommand::Publish { .. }]
        ),
        "{commands:?}"
    );
}

#[test]
fn camera_and_microphone_are_one_group_and_the_screen_share_another() {
    let mut world = World::with(signaling_core::room::Config::default());
    let ana = world.negotiated(admission("ana"));
    let screens: Vec<bool> = TrackSource::ALL
        .into_iter()
        .enumerate()
        .map(|(mid, source)| {
            world.ask(ana.door, publish(&mid.to_string(), source));
            match world.commands()[..] {
                [MediaCommand::Publish { group, .. }] => group.screen,
                _ => panic!("one command"),
            }
        })
        .collect();
    assert_eq!(screens, [false, false, true, true]);
}

#[test]
fn a_refused_publication_leaves_no_trace() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    let number = world.ask(ana.door, publish("9", TrackSource::Camera));
    let [MediaCommand::Publish { session, request, .. }] = world.commands()[..] else {
        panic!("one command")
    };
    let result = Err(MediaError::NotFound("no such m-line".to_owned()));
    world.tell(MediaEvent::Published { session, request, result });
    assert!(matches!(
        world.outcome(ana.door, number),
        Some(Outcome::Error(error)) if error.code == ErrorCode::NotFound
    ));
    assert_eq!(world.events(ben), []);
    assert_eq!(world.room.visible()[0].tracks, []);
    world.published(ana, "9", TrackSource::Camera);
}

#[test]
fn only_granted_sources_can_be_published() {
    let mut world = World::new();
    let grants = Grants { can_publish: vec![TrackSource::Microphone], ..Grants::default() };
    let ana = world.negotiated(Admission { grants, ..admission("ana") });
    assert_eq!(world.refusal(ana, publish("0", TrackSource::Camera)), ErrorCode::Forbidden);
    world.published(ana, "0", TrackSource::Microphone);
}

#[test]
fn the_words_must_fit_together() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let base = Publish {
        mid: "0".to_owned(),
        kind: MediaKind::Audio,
        source: TrackSource::Microphone,
        name: None,
        muted: false,
    };
    let wrong = [
        Publish { kind: MediaKind::Video, ..base.clone() },
        Publish { source: TrackSource::ScreenShare, ..base.clone() },
        Publish { mid: String::new(), ..base.clone() },
        Publish { mid: "x".repeat(17), ..base.clone() },
        Publish { name: Some("x".repeat(129)), ..base.clone() },
        Publish { name: Some("two\nlines".to_owned()), ..base },
    ];
    for publish in wrong {
        let what = format!("{publish:?}");
        assert_eq!(world.refusal(ana, Request::Publish(publish)), ErrorCode::BadRequest, "{what}");
    }
    assert_eq!(world.commands(), []);
}

#[test]
fn an_m_line_is_published_once_and_again_after_it_ended() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    world.ask(ana.door, publish("0", TrackSource::Camera));
    assert_eq!(
        world.refusal(ana, publish("0", TrackSource::Camera)),
        ErrorCode::BadRequest,
        "while the first one waits"
    );
    world.grant_media();
    assert_eq!(world.refusal(ana, publish("0", TrackSource::Camera)), ErrorCode::BadRequest);
    let track = world.room.visible()[0].tracks[0].id;
    world.asks(ana, unpublish(track));
    world.published(ana, "0", TrackSource::Camera);
}

#[test]
fn the_number_of_tracks_is_bounded() {
    let mut world = World::with(small());
    let ana = world.negotiated(admission("ana"));
    let first = world.published(ana, "0", TrackSource::Camera).id;
    world.ask(ana.door, publish("1", TrackSource::Camera));
    assert_eq!(
        world.refusal(ana, publish("2", TrackSource::Camera)),
        ErrorCode::Full,
        "those that wait count"
    );
    world.grant_media();
    assert_eq!(world.refusal(ana, publish("2", TrackSource::Camera)), ErrorCode::Full);
    world.asks(ana, unpublish(first));
    world.published(ana, "2", TrackSource::Camera);
}

#[test]
fn ending_a_track_is_told_to_everybody_and_done_once() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    assert_eq!(world.refusal(ben, unpublish(track)), ErrorCode::NotFound, "not ben's");

    assert_eq!(world.asks(ana, unpublish(track)), Outcome::Ok(Reply::Done(Done {})));

    assert_eq!(world.events(ben), [Event::TrackUnpublished { participant: ana.id, track }]);
    assert_eq!(world.commands(), [MediaCommand::Unpublish { track }]);
    assert_eq!(world.room.visible()[0].tracks, []);
    assert_eq!(world.refusal(ana, unpublish(track)), ErrorCode::NotFound);
}

#[test]
fn tracks_stand_in_the_order_they_came() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let first = world.published(ana, "1", TrackSource::Camera);
    let second = world.published(ana, "0", TrackSource::Microphone);
    assert_eq!(world.room.visible()[0].tracks, [first, second]);
}
