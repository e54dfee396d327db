//! Breakout rooms.

use signaling_core::Admission;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::{Event, LeaveReason};
use signaling_core::info::Role;
use signaling_core::interest::Interest;
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Move, Request, SetRole, Update};
use signaling_core::room::Input;

use crate::world::{Seen, Somebody, World, admin, admission, headless, hidden};

fn to(who: Somebody, room: &str) -> Request {
    Request::Move(Move { participant: who.id, room: room.to_owned() })
}

fn moved(world: &mut World, who: Somebody, result: Result<(), RequestError>) {
    world.handle(Input::Moved { participant: who.id, result });
}

#[test]
fn it_goes_by_its_own_door_as_it_is_now() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let promote = SetRole { participant: ben.id, role: Role::Moderator };
    world.does(ana, Request::SetRole(promote));
    let name = Some("Ben".to_owned());
    let update = Update { participant: None, name, metadata: None, attributes: None };
    world.does(ben, Request::Update(update));
    world.forget();

    let number = world.ask(ana.door, to(ben, "team.1"));
    assert_eq!(world.seen(ana.door), [], "it waits");
    let moving = world.moves.pop().expect("a move");
    assert_eq!((moving.participant, moving.attachment), (ben.id, ben.door));
    assert_eq!(moving.room, "team.1");
    let Admission { name, grants, moved_from, resume, .. } = moving.admission;
    assert_eq!((name.as_str(), grants.room_admin), ("Ben", false));
    assert_eq!((moved_from.as_deref(), resume), (Some("team"), world.secret(ben)));

    moved(&mut world, ben, Ok(()));
    let seen = world.seen(ana.door);
    let reason = LeaveReason::Moved;
    assert!(
        matches!(&seen[..], [
            Seen::Reply(re, Outcome::Ok(Reply::Done(Done {}))),
            Seen::Event(frame),
        ] if *re == number
            && frame.event == Event::ParticipantLeft { participant: ben.id, reason }),
        "{seen:?}"
    );
    assert_eq!(world.seen(ben.door), [Seen::HandedOver]);
    assert_eq!(world.room.participant_count(), 1);
}

#[test]
fn a_refusal_of_the_other_room_changes_nothing() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let number = world.ask(ana.door, to(ben, "team.1"));
    let full = RequestError::new(ErrorCode::Full, "the room is full");
    moved(&mut world, ben, Err(full.clone()));
    assert_eq!(world.outcome(ana.door, number), Some(Outcome::Error(full)));
    assert_eq!(world.seen(ben.door), []);
    world.ask(ana.door, to(ben, "team.1"));
    assert_eq!(world.moves.len(), 2, "it can be tried again");
}

#[test]
fn only_to_breakout_rooms_and_back() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let from = Some("hall".to_owned());
    let cleo = world.join(Admission { moved_from: from, ..admission("cleo") });
    for room in ["team", "team.", "teams", "other", "team/1", "hall"] {
        assert_eq!(world.refusal(ana, to(ben, room)), ErrorCode::BadRequest, "{room}");
    }
    world.ask(ana.door, to(cleo, "hall"));
    assert_eq!(world.moves.len(), 1);
}

#[test]
fn not_who_is_hidden_headless_away_or_on_its_way() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let eve = world.join(hidden("eve"));
    let encoder = world.join(headless("encoder", Interest::None));
    assert_eq!(world.refusal(ben, to(ana, "team.1")), ErrorCode::Forbidden);
    assert_eq!(world.refusal(ana, to(eve, "team.1")), ErrorCode::NotFound);
    assert_eq!(world.refusal(ana, to(encoder, "team.1")), ErrorCode::BadRequest);
    world.ask(ana.door, to(ben, "team.1"));
    assert_eq!(world.refusal(ana, to(ben, "team.2")), ErrorCode::Busy);
    moved(&mut world, ben, Err(RequestError::new(ErrorCode::Full, "full")));
    world.detach(ben.door);
    assert_eq!(world.refusal(ana, to(ben, "team.1")), ErrorCode::Busy);
}

#[test]
fn the_moderator_is_answered_even_if_everybody_is_gone() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let number = world.ask(ana.door, to(ben, "team.1"));
    world.ask(ben.door, Request::Leave);
    moved(&mut world, ben, Ok(()));
    assert!(matches!(world.outcome(ana.door, number), Some(Outcome::Ok(_))));

    let cleo = world.join(admission("cleo"));
    let number = world.ask(ana.door, to(cleo, "team.1"));
    world.ask(ana.door, Request::Leave);
    assert!(matches!(world.outcome(ana.door, number), Some(Outcome::Error(_))));
    moved(&mut world, cleo, Ok(()));
    assert_eq!(world.seen(cleo.door).last(), Some(&Seen::HandedOver));
}

#[test]
fn who_came_back_by_another_door_is_told_and_closed() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    world.ask(ana.door, to(ben, "team.1"));
    let cursor = world.cursor();
    let door = world.resume(ben, &cursor);
    moved(&mut world, ben, Ok(()));
    assert_eq!(world.seen(door).last(), Some(&Seen::Closed(LeaveReason::Moved)));
}

#[test]
fn a_moderator_moves_itself() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let number = world.ask(ana.door, to(ana, "team.1"));
    moved(&mut world, ana, Ok(()));
    let seen = world.seen(ana.door);
    assert!(
        matches!(&seen[..], [Seen::Reply(re, Outcome::Ok(_)), Seen::HandedOver] if *re == number),
        "{seen:?}"
    );
}
