//! Steering the room without being in it.

use signaling_core::AttachmentId;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::{EndReason, Event, LeaveReason};
use signaling_core::info::{Role, TrackSource};
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{
    AskToUnmute, Move, Remove, Request, Send, SetGrants, SetRole, Update,
};
use signaling_core::room::{Config, Input};

use crate::world::{World, admin, admission, chat, lobby, mute};

/// Asks from outside; the door has what comes of it.
fn steer(world: &mut World, body: Request) -> AttachmentId {
    let attachment = world.open_door();
    let request = world.number();
    world.handle(Input::Steer { attachment, request, body });
    attachment
}

/// What is answered at once.
fn outcome(world: &mut World, body: Request) -> Result<Reply, ErrorCode> {
    let door = steer(world, body);
    match &world.seen(door)[..] {
        [crate::world::Seen::Reply(_, Outcome::Ok(reply))] => Ok(reply.clone()),
        [crate::world::Seen::Reply(_, Outcome::Error(error))] => Err(error.code),
        other => panic!("one reply is wanted: {other:?}"),
    }
}

const DONE: Result<Reply, ErrorCode> = Ok(Reply::Done(Done {}));

#[test]
fn everybody_is_in_reach_and_the_others_see_nobody_behind_it() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    let ben = world.negotiated(admission("ben"));
    let camera = world.published(ben, "0", TrackSource::Camera);
    world.forget();

    assert_eq!(outcome(&mut world, mute(camera.id, true)), DONE);
    let muted = Event::TrackMuted { participant: ben.id, track: camera.id, by: None };
    assert_eq!(world.events(ana), [muted]);
    assert_eq!(outcome(&mut world, mute(camera.id, false)), Err(ErrorCode::Forbidden));

    let name = Some("Benjamin".to_owned());
    let update = Update { participant: Some(ben.id), name, metadata: None, attributes: None };
    assert_eq!(outcome(&mut world, Request::Update(update)), DONE);
    let [Event::ParticipantUpdated { participant }] = &world.events(ana)[..] else {
        panic!("it is told")
    };
    assert_eq!(participant.name, "Benjamin");

    // Who steers by its token too: the right from outside is above it.
    let demote = SetRole { participant: ana.id, role: Role::Participant };
    assert_eq!(outcome(&mut world, Request::SetRole(demote)), DONE);
    let remove = Request::Remove(Remove { participant: ana.id });
    assert_eq!(outcome(&mut world, remove.clone()), DONE);
    assert_eq!(world.barred.len(), 1);
    assert_eq!(outcome(&mut world, remove), Err(ErrorCode::NotFound));
    world.forget();

    assert_eq!(outcome(&mut world, Request::End), DONE);
    let events = world.events(ben);
    let told = [
        Event::RoomEnded { reason: EndReason::Ended },
        Event::Disconnected { reason: LeaveReason::RoomEnded },
    ];
    assert_eq!(events, told);
    assert_eq!(outcome(&mut world, Request::End), Err(ErrorCode::Busy));
}

#[test]
fn a_message_from_outside_has_no_sender_and_is_for_all_or_for_some() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let ben = world.join(admission("ben"));
    world.forget();
    let send = |to| {
        let (topic, payload) = ("board".to_owned(), b"hi"[..].into());
        Request::Send(Send {
            topic,
            payload,
            to,
            listeners: false,
            lossy: false,
            retain: false,
            message: None,
        })
    };
    assert_eq!(outcome(&mut world, send(None)), DONE);
    assert_eq!(outcome(&mut world, send(Some(vec![ben.id]))), DONE);
    assert_eq!(outcome(&mut world, send(Some(Vec::new()))), Err(ErrorCode::BadRequest));
    let (to_ana, to_ben) = (world.events(ana), world.events(ben));
    assert_eq!((to_ana.len(), to_ben.len()), (1, 2));
    for event in to_ana.iter().chain(&to_ben) {
        assert!(matches!(event, Event::DataReceived { message } if message.from.is_none()));
    }
}

#[test]
fn the_lobby_and_grants_are_steered_too() {
    let mut world = World::new();
    let ana = world.join(admin("ana"));
    world.does(ana, lobby(true));
    let ben = world.waits(admission("ben"));
    let admit = signaling_core::request::Admit { participant: ben.id };
    assert_eq!(outcome(&mut world, Request::Admit(admit)), DONE);
    assert_eq!(world.room.waiting(), []);
    world.forget();
    let grants = SetGrants {
        participant: ben.id,
        can_publish: Some(Vec::new()),
        can_subscribe: None,
        can_publish_data: Some(false),
    };
    assert_eq!(outcome(&mut world, Request::SetGrants(grants)), DONE);
    assert!(matches!(world.events(ben)[..], [Event::GrantsChanged { .. }]));
}

#[test]
fn a_move_is_answered_when_it_is_done_and_few_may_wait() {
    let config = Config { max_pending_per_participant: 1, ..Config::default() };
    let mut world = World::with(config);
    let ben = world.join(admission("ben"));
    let cleo = world.join(admission("cleo"));
    let to = |participant| Request::Move(Move { participant, room: "team.1".to_owned() });

    let door = steer(&mut world, to(ben.id));
    assert_eq!(world.seen(door), [], "it waits");
    assert_eq!(outcome(&mut world, to(cleo.id)), Err(ErrorCode::Busy));
    let full = RequestError::new(ErrorCode::Full, "full");
    world.handle(Input::Moved { participant: ben.id, result: Err(full.clone()) });
    assert!(matches!(&world.seen(door)[..],
        [crate::world::Seen::Reply(_, Outcome::Error(error))] if *error == full));

    let door = steer(&mut world, to(ben.id));
    world.handle(Input::Moved { participant: ben.id, result: Ok(()) });
    assert!(matches!(
        &world.seen(door)[..],
        [crate::world::Seen::Reply(_, Outcome::Ok(Reply::Done(Done {})))]
    ));
    assert_eq!(world.room.participant_count(), 1);
}

#[test]
fn what_is_for_those_in_the_room_is_refused() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let camera = world.published(ana, "0", TrackSource::Camera);
    for body in
        [chat("hello"), Request::Leave, Request::AskToUnmute(AskToUnmute { track: camera.id })]
    {
        assert_eq!(outcome(&mut world, body), Err(ErrorCode::BadRequest));
    }
    let nobody = Update { participant: None, name: None, metadata: None, attributes: None };
    assert_eq!(outcome(&mut world, Request::Update(nobody)), Err(ErrorCode::BadRequest));
}
