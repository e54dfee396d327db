//! Who steers a room.

use signaling_core::Admission;
use signaling_core::event::{Event, Role};
use signaling_core::grants::Grants;
use signaling_core::request::Request;

use crate::world::{World, admission, guest};

fn admin(identity: &str) -> Admission {
    let grants = Grants { room_admin: true, ..Grants::default() };
    Admission { grants, ..admission(identity) }
}

#[test]
fn the_first_guest_of_an_open_room_steers_it() {
    let mut world = World::new();
    let (_, first) = world.enter(guest("ana"));
    let (_, second) = world.enter(guest("ben"));
    assert_eq!(first.participant.role, Role::Moderator);
    assert_eq!(second.participant.role, Role::Participant);
}

#[test]
fn whoever_has_a_token_steers_by_its_claim_alone() {
    let mut world = World::new();
    let (_, plain) = world.enter(admission("ana"));
    let (_, steering) = world.enter(admin("ben"));
    assert_eq!(plain.participant.role, Role::Participant);
    assert_eq!(steering.participant.role, Role::Moderator);
}

#[test]
fn a_guest_does_not_steer_where_somebody_does() {
    let mut world = World::new();
    world.join(admin("ana"));
    let (_, joined) = world.enter(guest("ben"));
    assert_eq!(joined.participant.role, Role::Participant);
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
