//! Changing names, metadata and attributes.

use std::collections::BTreeMap;

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::request::{Request, Update};

use crate::world::{Somebody, World, admin, admission, hidden};

fn nothing(of: Option<Somebody>) -> Update {
    Update { participant: of.map(|one| one.id), name: None, metadata: None, attributes: None }
}

fn named(name: &str, of: Option<Somebody>) -> Request {
    Request::Update(Update { name: Some(name.to_owned()), ..nothing(of) })
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn attributes_merge_and_an_empty_value_takes_one_away() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let set = |new: &[(&str, &str)]| {
        Request::Update(Update { attributes: Some(pairs(new)), ..nothing(None) })
    };
    world.does(ana, set(&[("seat", "4"), ("hat", "red")]));
    world.does(ana, set(&[("seat", ""), ("coat", "blue")]));
    assert_eq!(world.room.visible()[0].attributes, pairs(&[("hat", "red"), ("coat", "blue")]));
}

#[test]
fn everybody_is_told_how_it_is_now_if_anything_changed() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    world.does(ana, named("Ana", None));
    let participant = world.room.visible()[0].clone();
    assert_eq!(participant.name, "Ana");
    assert_eq!(world.events(ben), [Event::ParticipantUpdated { participant }]);
    world.does(ana, named("Ana", None));
    world.does(ana, Request::Update(nothing(None)));
    assert_eq!(world.events(ben), []);
}

#[test]
fn a_moderator_changes_anybody_and_others_only_themselves_if_they_may() {
    let mut world = World::new();
    let grants = Grants { can_update_own_metadata: false, ..Grants::default() };
    let ana = world.join(admin("ana"));
    let ben = world.join(Admission { grants, ..admission("ben") });
    let cleo = world.join(admission("cleo"));
    assert_eq!(world.refusal(ben, named("Ben", None)), ErrorCode::Forbidden);
    assert_eq!(world.refusal(cleo, named("Ben", Some(ben))), ErrorCode::Forbidden);
    world.does(cleo, named("Cleo", Some(cleo)));
    world.does(ana, named("Ben", Some(ben)));
    let names: Vec<_> = world.room.visible().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["ana", "Ben", "Cleo"]);
}

#[test]
fn sizes_are_those_of_a_token() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    assert_eq!(world.refusal(ana, named("", None)), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, named("two\nlines", None)), ErrorCode::BadRequest);
    let large = "x".repeat(16 * 1024);
    let metadata = |text: String| Request::Update(Update { metadata: Some(text), ..nothing(None) });
    world.does(ana, metadata(large.clone()));
    assert_eq!(world.refusal(ana, metadata(format!("{large}x"))), ErrorCode::TooLarge);
    let half = |key: &str| {
        let attributes = Some(pairs(&[(key, &large[..9000])]));
        Request::Update(Update { attributes, ..nothing(None) })
    };
    world.does(ana, half("a"));
    assert_eq!(world.refusal(ana, half("b")), ErrorCode::TooLarge, "what is there counts");
    assert_eq!(world.room.visible()[0].attributes.len(), 1);
}

#[test]
fn the_hidden_change_themselves_unseen() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let eve = world.join(hidden("eve"));
    world.forget();
    world.ask(eve.door, named("Eve", None));
    assert_eq!(world.events(ana), []);
    assert!(matches!(&world.events(eve)[..], [Event::ParticipantUpdated { .. }]));
    assert_eq!(world.refusal(ana, named("Eva", Some(eve))), ErrorCode::NotFound);
}
