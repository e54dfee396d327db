//! Topics that some listen to.

use signaling_core::error::ErrorCode;
use signaling_core::media::MediaCommand;
use signaling_core::request::{Listen, Request, Send};

use crate::world::{World, admission};

fn listen(topics: &[&str]) -> Request {
    Request::Listen(Listen { topics: topics.iter().map(|one| (*one).to_owned()).collect() })
}

fn send(topic: &str) -> Request {
    Request::Send(Send {
        topic: topic.to_owned(),
        payload: b"x"[..].into(),
        to: None,
        listeners: true,
        lossy: false,
        retain: false,
        message: None,
    })
}

#[test]
fn only_listeners_get_it_and_the_newest_list_counts() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    world.does(ana, listen(&["board"]));
    world.does(ben, listen(&["board", "cursor"]));
    world.forget();
    world.does(ana, send("board"));
    assert_eq!(world.events(ben).len(), 1);
    assert_eq!(world.events(cleo), []);
    world.does(ben, listen(&["cursor"]));
    world.does(ana, send("board"));
    assert_eq!(world.events(ben), []);
    world.does(ana, send("cursor"));
    assert_eq!(world.events(ben).len(), 1);
}

#[test]
fn the_media_plane_is_told_when_the_list_changes() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.forget();
    world.does(ana, listen(&["b", "a", "b"]));
    let topics = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(world.members(), [MediaCommand::Listen { member: ana.id, topics }]);
    world.does(ana, listen(&["a", "b"]));
    assert_eq!(world.members(), []);
    world.does(ana, listen(&[]));
    assert_eq!(world.members(), [MediaCommand::Listen { member: ana.id, topics: vec![] }]);
}

#[test]
fn lists_and_topics_are_bounded() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    assert_eq!(world.refusal(ana, listen(&["x"; 65])), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, listen(&[&"x".repeat(129)])), ErrorCode::TooLarge);
    world.does(ana, listen(&[&"x".repeat(128)]));
}
