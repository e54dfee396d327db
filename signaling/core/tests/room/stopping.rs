//! The end of a room that people are in.

use signaling_core::error::ErrorCode;
use signaling_core::event::{EndReason, Event, LeaveReason};
use signaling_core::media::MediaCommand;
use signaling_core::reply::Outcome;
use signaling_core::room::Input;

use crate::world::{Seen, World, admission, offer};

#[test]
fn everybody_learns_that_the_room_ended_and_why_its_door_closes() {
    let cases = [
        (EndReason::ServerStopping, LeaveReason::ServerStopping, ErrorCode::Stopping),
        (EndReason::Internal, LeaveReason::Internal, ErrorCode::Internal),
        (EndReason::Empty, LeaveReason::RoomEnded, ErrorCode::NotFound),
    ];
    for (end, leave, code) in cases {
        let mut world = World::new();
        let ana = world.negotiated(admission("ana"));
        let ben = world.join(admission("ben"));
        world.forget();
        let waiting = world.ask(ana.door, offer());
        world.commands();

        world.handle(Input::Stop { reason: end });

        let seen = world.seen(ana.door);
        assert!(
            matches!(
                &seen[..],
                [
                    Seen::Event(ended),
                    Seen::Reply(re, Outcome::Error(error)),
                    Seen::Event(last),
                    Seen::Closed(why),
                ] if ended.event == Event::RoomEnded { reason: end }
                    && *re == waiting
                    && error.code == code
                    && last.event == Event::Disconnected { reason: leave }
                    && *why == leave
            ),
            "{end:?}: {seen:?}"
        );
        assert_eq!(world.seen(ben.door).len(), 3);
        assert_eq!(world.commands(), [MediaCommand::Close { session: ana.id }]);
        assert_eq!(world.ended, Some(end));
        assert_eq!(world.room.participant_count(), 0);
    }
}

#[test]
fn a_room_ends_once() {
    let mut world = World::new();
    world.handle(Input::Stop { reason: EndReason::ServerStopping });
    let events = world.events.len();
    world.handle(Input::Stop { reason: EndReason::Internal });
    world.handle(Input::Timeout);
    assert_eq!(world.events.len(), events);
    assert_eq!(world.ended, Some(EndReason::ServerStopping));
}

#[test]
fn a_stopping_server_lets_nobody_in() {
    let mut world = World::new();
    world.handle(Input::Stop { reason: EndReason::ServerStopping });
    let door = world.knock(admission("ana"));
    let seen = world.seen(door);
    assert!(
        matches!(&seen[..], [Seen::Reply(_, Outcome::Error(e))] if e.code == ErrorCode::Stopping),
        "{seen:?}"
    );
}
