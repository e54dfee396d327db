//! Taking somebody out of the room.

use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, LeaveReason};
use signaling_core::id::ParticipantId;
use signaling_core::info::Role;
use signaling_core::media::MediaCommand;
use signaling_core::request::{Remove, Request, SetRole};

use crate::world::{Seen, World, admin, admission, hidden, lobby};

fn remove(participant: ParticipantId) -> Request {
    Request::Remove(Remove { participant })
}

#[test]
fn it_is_told_closed_and_barred_until_its_token_ends() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    world.forget();
    let cursor = world.cursor();

    world.ask(ana.door, remove(ben.id));

    let reason = LeaveReason::Removed;
    assert_eq!(world.events(ana), [Event::ParticipantLeft { participant: ben.id, reason }]);
    let seen = world.seen(ben.door);
    assert!(
        matches!(&seen[..], [Seen::Event(frame), Seen::Closed(LeaveReason::Removed)]
            if frame.event == Event::Disconnected { reason }),
        "{seen:?}"
    );
    assert_eq!(world.commands(), [MediaCommand::Close { session: ben.id }]);
    assert_eq!(world.barred, [("key".to_owned(), "ben".to_owned(), 1_700_003_600)]);
    let door = world.resume(ben, &cursor);
    assert!(matches!(&world.seen(door)[..], [Seen::Reply(_, outcome)]
        if matches!(outcome, signaling_core::reply::Outcome::Error(_))));
}

#[test]
fn one_in_its_lease_can_be_removed_too() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    world.detach(ben.door);
    world.does(ana, remove(ben.id));
    assert_eq!(world.room.participant_count(), 1);
    assert_eq!(world.room.deadline(), None);
}

#[test]
fn not_oneself_not_nobody_not_the_hidden_and_not_by_everybody() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let eve = world.join(hidden("eve"));
    assert_eq!(world.refusal(ana, remove(ana.id)), ErrorCode::BadRequest);
    assert_eq!(world.refusal(ana, remove(eve.id)), ErrorCode::NotFound);
    assert_eq!(world.refusal(ana, remove(ParticipantId(7))), ErrorCode::NotFound);
    assert_eq!(world.refusal(ben, remove(ana.id)), ErrorCode::Forbidden);
    assert_eq!(world.barred, []);
    assert_eq!(world.room.participant_count(), 3);
}

#[test]
fn who_steers_by_its_token_is_not_removed_by_who_does_not() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let promote = SetRole { participant: ben.id, role: Role::Moderator };
    world.does(ana, Request::SetRole(promote));
    assert_eq!(world.refusal(ben, remove(ana.id)), ErrorCode::Forbidden);
    let host = world.join(admin("host"));
    world.does(host, remove(ana.id));
}

#[test]
fn who_was_removed_is_not_known_any_more() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    world.does(ana, lobby(true));
    world.does(ana, remove(ben.id));
    world.waits(admission("ben"));
}
