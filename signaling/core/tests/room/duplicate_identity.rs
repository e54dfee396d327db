//! The same identity joining twice: the newest wins.

use signaling_core::event::{Event, LeaveReason};
use signaling_core::interest::Interest;
use signaling_core::media::MediaCommand;
use signaling_core::reply::Outcome;

use crate::world::{Seen, World, admission, headless, offer, small};

#[test]
fn the_older_one_is_told_and_closed_and_the_others_see_it_go_and_come() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let old = world.join(admission("ben"));
    world.forget();

    let (new, joined) = world.enter(admission("ben"));

    assert_ne!(new.id, old.id);
    let reason = LeaveReason::DuplicateIdentity;
    let seen = world.seen(old.door);
    assert!(
        matches!(
            &seen[..],
            [Seen::Event(frame), Seen::Closed(LeaveReason::DuplicateIdentity)]
                if frame.event == Event::Disconnected { reason } && frame.seq.is_none()
        ),
        "{seen:?}"
    );
    assert_eq!(
        world.events(ana),
        [
            Event::ParticipantLeft { participant: old.id, reason },
            Event::ParticipantJoined { participant: joined.snapshot.participant.clone() },
        ]
    );
    assert_eq!(joined.snapshot.participants.len(), 1, "the older one is not in the snapshot");
    assert_eq!(world.room.participant_count(), 2);
}

#[test]
fn it_replaces_across_doors() {
    let mut world = World::new();
    let browser = world.join(admission("ana"));
    world.join(headless("ana", Interest::None));
    assert!(world.doors[&browser.door].is_gone);
    assert_eq!(world.room.participant_count(), 1);
}

#[test]
fn it_needs_no_free_place_in_a_full_room() {
    let mut world = World::with(small());
    world.join(admission("ana"));
    world.join(admission("ben"));
    world.join(admission("cleo"));
    world.join(admission("ana"));
    assert_eq!(world.room.participant_count(), 3);
}

#[test]
fn the_older_one_loses_its_media_and_gets_answers_to_what_it_asked() {
    let mut world = World::new();
    let old = world.join(admission("ana"));
    let request = world.ask(old.door, offer());
    world.commands();

    world.join(admission("ana"));

    assert_eq!(world.commands(), [MediaCommand::Close { session: old.id }]);
    let seen = world.seen(old.door);
    assert!(
        matches!(&seen[0], Seen::Reply(number, Outcome::Error(_)) if *number == request),
        "{seen:?}"
    );
}
