//! Participants whom nobody sees.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::info::{Role, TrackSource};
use signaling_core::media::MediaCommand;
use signaling_core::request::Request;

use crate::world::{World, admission, chat, guest, hidden, publish};

#[test]
fn nobody_is_told_that_one_comes_or_goes() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let eve = world.join(hidden("eve"));
    let (_, joined) = world.enter(admission("ben"));
    assert_eq!(joined.snapshot.participants.len(), 1, "ana alone");
    assert_eq!(world.room.visible().len(), 2, "ana and ben");
    world.forget();
    world.ask(eve.door, Request::Leave);
    world.join(hidden("eve"));
    world.join(hidden("eve"));
    assert_eq!(world.events(ana), []);
}

#[test]
fn one_sees_the_others_and_receives_their_tracks() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let eve = world.negotiated(hidden("eve"));
    let number = world.ask(ana.door, publish("0", TrackSource::Camera));
    let request = match &world.commands()[..] {
        [MediaCommand::Publish { request, .. }] => *request,
        other => panic!("{other:?}"),
    };
    let result = Ok(());
    world.tell(signaling_core::media::MediaEvent::Published { session: ana.id, request, result });
    assert!(world.outcome(ana.door, number).is_some());
    let commands = world.commands();
    assert!(
        matches!(&commands[..], [MediaCommand::Subscribe { session, .. }] if *session == eve.id),
        "{commands:?}"
    );
    let events = world.events(eve);
    assert!(matches!(&events[..], [Event::TrackPublished { .. }]), "{events:?}");
}

#[test]
fn one_can_neither_publish_nor_chat() {
    let mut world = World::new();
    let eve = world.negotiated(hidden("eve"));
    assert_eq!(world.refusal(eve, publish("0", TrackSource::Camera)), ErrorCode::Forbidden);
    assert_eq!(world.refusal(eve, chat("boo")), ErrorCode::Forbidden);
}

#[test]
fn one_does_not_count_as_the_rooms_moderator() {
    let mut world = World::new();
    let grants = Grants { hidden: true, room_admin: true, ..Grants::default() };
    world.join(Admission { grants, ..admission("eve") });
    let (_, joined) = world.enter(guest("ana"));
    assert_eq!(joined.snapshot.participant.role, Role::Moderator);
}
