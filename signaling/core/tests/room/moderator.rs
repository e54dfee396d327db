//! Who steers a room.

use signaling_core::error::ErrorCode;
use signaling_core::event::{EndReason, Event, LeaveReason};
use signaling_core::info::Role;
use signaling_core::request::{Request, SetRole};
use signaling_core::room::{Config, Input};

use crate::world::{Seen, Somebody, World, admin, admission, guest};

#[test]
fn the_first_guest_of_an_open_room_steers_it() {
    let mut world = World::new();
    let (_, first) = world.enter(guest("ana"));
    let (_, second) = world.enter(guest("ben"));
    assert_eq!(first.snapshot.participant.role, Role::Moderator);
    assert_eq!(second.snapshot.participant.role, Role::Participant);
}

#[test]
fn whoever_has_a_token_steers_by_its_claim_alone() {
    let mut world = World::new();
    let (_, plain) = world.enter(admission("ana"));
    let (_, steering) = world.enter(admin("ben"));
    assert_eq!(plain.snapshot.participant.role, Role::Participant);
    assert_eq!(steering.snapshot.participant.role, Role::Moderator);
}

#[test]
fn a_guest_does_not_steer_where_somebody_does() {
    let mut world = World::new();
    world.join(admin("ana"));
    let (_, joined) = world.enter(guest("ben"));
    assert_eq!(joined.snapshot.participant.role, Role::Participant);
}

#[test]
fn the_guest_who_is_there_longest_inherits() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    world.join(admission("host"));
    let ben = world.join(guest("ben"));
    let cleo = world.join(guest("cleo"));
    world.forget();

    world.ask(ana.door, Request::Leave);

    for (witness, name) in [(ben, "the heir itself"), (cleo, "another")] {
        let events = world.events(witness);
        assert!(
            matches!(
                &events[..],
                [Event::ParticipantLeft { .. }, Event::ParticipantUpdated { participant }]
                    if participant.id == ben.id && participant.role == Role::Moderator
            ),
            "{name}: {events:?}"
        );
    }
}

#[test]
fn a_second_moderator_makes_inheriting_unnecessary() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    let ben = world.join(guest("ben"));
    world.join(admin("cleo"));
    world.forget();
    world.ask(ana.door, Request::Leave);
    let events = world.events(ben);
    assert!(matches!(events[..], [Event::ParticipantLeft { .. }]), "{events:?}");
}

#[test]
fn a_room_without_guests_stays_without_a_moderator() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    world.ask(ana.door, Request::Leave);
    let events = world.events(ben);
    assert!(matches!(events[..], [Event::ParticipantLeft { .. }]), "{events:?}");
}

fn set_role(whose: Somebody, role: Role) -> Request {
    Request::SetRole(SetRole { participant: whose.id, role })
}

fn role(world: &World, whose: Somebody) -> Role {
    world.room.snapshot(whose.id).expect("it is there").participant.role
}

#[test]
fn a_moderator_makes_and_unmakes_others() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    assert_eq!(world.refusal(ben, set_role(ben, Role::Moderator)), ErrorCode::Forbidden);

    for wanted in [Role::Moderator, Role::Participant] {
        world.does(ana, set_role(ben, wanted));
        assert_eq!(role(&world, ben), wanted);
        let events = world.events(ben);
        assert!(
            matches!(&events[..], [Event::ParticipantUpdated { participant }]
                if participant.id == ben.id && participant.role == wanted),
            "{events:?}"
        );
        world.does(ana, set_role(ben, wanted));
        assert_eq!(world.events(ben), [], "what is so already is told nobody");
    }
}

#[test]
fn who_steers_by_its_token_is_not_demoted_by_who_does_not() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    let cleo = world.join(admin("cleo"));
    world.does(ana, set_role(ben, Role::Moderator));
    assert_eq!(world.refusal(ben, set_role(ana, Role::Participant)), ErrorCode::Forbidden);
    world.does(cleo, set_role(ana, Role::Participant));
    assert_eq!(role(&world, ana), Role::Participant);
}

#[test]
fn an_open_room_is_never_left_to_nobody() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    let ben = world.join(guest("ben"));
    world.does(ana, set_role(ana, Role::Participant));
    assert_eq!(role(&world, ana), Role::Participant, "there is another");
    assert_eq!(role(&world, ben), Role::Moderator);
    let cleo = world.join(guest("cleo"));
    world.ask(ben.door, Request::Leave);
    assert_eq!(role(&world, cleo), Role::Moderator, "the one from whom it was taken comes last");
    world.ask(cleo.door, Request::Leave);
    assert_eq!(role(&world, ana), Role::Moderator, "there is no other");
}

#[test]
fn moderators_in_their_lease_keep_the_room() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    let ben = world.join(guest("ben"));
    world.detach(ana.door);
    assert_eq!(world.events(ben), []);
    assert_eq!(role(&world, ana), Role::Moderator);
    world.pass(Config::default().lease);
    world.handle(Input::Timeout);
    assert_eq!(role(&world, ben), Role::Moderator);
}

#[test]
fn a_room_ends_for_everybody_at_a_moderators_word() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.join(admission("ben"));
    assert_eq!(world.refusal(ben, Request::End), ErrorCode::Forbidden);
    world.does(ana, Request::End);
    let seen = world.seen(ben.door);
    assert_eq!(seen.last(), Some(&Seen::Closed(LeaveReason::RoomEnded)));
    assert_eq!(world.ended, Some(EndReason::Ended));
    assert_eq!(world.turned_away(admission("cleo")), ErrorCode::Busy, "join again");
}
