//! How large tracks are shown.

use signaling_core::error::ErrorCode;
use signaling_core::id::TrackId;
use signaling_core::info::TrackSource;
use signaling_core::media::MediaCommand;
use signaling_core::request::{Request, Viewport, ViewportSize};

use crate::world::{World, admission};

fn viewport(tracks: &[TrackId]) -> Request {
    let size = |&track: &TrackId| ViewportSize { track, width: 640, height: 360 };
    Request::Viewport(Viewport { sizes: tracks.iter().map(size).collect() })
}

#[test]
fn it_goes_to_the_media_plane_for_video_of_others() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let video = world.published(ana, "0", TrackSource::Camera).id;
    let audio = world.published(ana, "1", TrackSource::Microphone).id;
    let own = world.published(ben, "0", TrackSource::Camera).id;
    world.does(ben, viewport(&[own, audio, TrackId(7), video]));
    let (session, width, height) = (ben.id, 640, 360);
    assert_eq!(world.commands(), [MediaCommand::Viewport { session, track: video, width, height }]);
}

#[test]
fn without_a_session_there_is_nothing_to_tell() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let video = world.published(ana, "0", TrackSource::Camera).id;
    let ben = world.join(admission("ben"));
    world.does(ben, viewport(&[video]));
    assert_eq!(world.commands(), []);
    assert_eq!(world.refusal(ben, viewport(&[])), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ben, viewport(&[video; 257])), ErrorCode::BadRequest);
}
