//! Muting others, and asking them to unmute.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::id::TrackId;
use signaling_core::info::TrackSource;
use signaling_core::media::MediaCommand;
use signaling_core::request::{AskToUnmute, Request};

use crate::world::{World, admin, admission, hidden, mute};

fn ask(track: TrackId) -> Request {
    Request::AskToUnmute(AskToUnmute { track })
}

#[test]
fn a_moderator_mutes_and_only_the_publisher_unmutes() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ben, "0", TrackSource::Microphone).id;
    world.does(ana, mute(track, true));
    let by = Some(ana.id);
    assert_eq!(world.events(ben), [Event::TrackMuted { participant: ben.id, track, by }]);
    assert_eq!(world.commands(), [MediaCommand::Mute { track, muted: true }]);
    world.does(ana, mute(track, true));
    assert_eq!(world.events(ben), []);
    assert_eq!(world.refusal(ana, mute(track, false)), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, mute(TrackId(7), true)), ErrorCode::NotFound);
    world.does(ben, mute(track, false));
    assert_eq!(world.commands(), [MediaCommand::Mute { track, muted: false }]);
}

#[test]
fn a_hidden_moderator_is_not_named_and_asks_nobody() {
    let mut world = World::new();
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ben, "0", TrackSource::Microphone).id;
    let grants = Grants { room_admin: true, ..hidden("eve").grants };
    let eve = world.join(Admission { grants, ..admission("eve") });
    world.does(eve, mute(track, true));
    assert_eq!(world.events(ben), [Event::TrackMuted { participant: ben.id, track, by: None }]);
    assert_eq!(world.refusal(eve, ask(track)), ErrorCode::Forbidden);
}

#[test]
fn the_publisher_alone_is_asked() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let cleo = world.join(admission("cleo"));
    let track = world.published(ben, "0", TrackSource::Microphone).id;
    assert_eq!(world.refusal(ana, ask(track)), ErrorCode::BadRequest, "it is not muted");
    world.does(ben, mute(track, true));
    world.forget();
    world.does(ana, ask(track));
    assert_eq!(world.events(ben), [Event::UnmuteAsked { track, by: ana.id }]);
    assert_eq!(world.events(cleo), []);
    assert_eq!(world.refusal(cleo, ask(track)), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, ask(TrackId(7))), ErrorCode::NotFound);
}
