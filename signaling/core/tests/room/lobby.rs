//! Waiting before the room, and being let in.

use signaling_core::Admission;
use signaling_core::error::ErrorCode;
use signaling_core::event::{Event, EventFrame, LeaveReason};
use signaling_core::id::ParticipantId;
use signaling_core::interest::Interest;
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Admit, Deny, Request, SetRole};
use signaling_core::room::Config;

use crate::world::{
    Seen, Somebody, World, admin, admission, chat, guest, headless, hidden, lobby, small,
};

fn admit(who: Somebody) -> Request {
    Request::Admit(Admit { participant: who.id })
}

fn deny(who: Somebody) -> Request {
    Request::Deny(Deny { participant: who.id })
}

/// A room with a lobby, and who steers it.
fn with_lobby(config: Config) -> (World, Somebody) {
    let mut world = World::with(config);
    let ana = world.join(admin("ana"));
    world.does(ana, lobby(true));
    world.forget();
    (world, ana)
}

/// The last list of those who wait that `who` was told.
fn told(world: &mut World, who: Somebody) -> Vec<ParticipantId> {
    match world.events(who).pop() {
        Some(Event::LobbyChanged { waiting }) => waiting.into_iter().map(|one| one.id).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_waits_is_shown_to_moderators_alone() {
    let (mut world, ana) = with_lobby(Config::default());
    let host = world.join(admin("host"));
    world.forget();
    let ben = world.waits(Admission { name: "Ben".to_owned(), ..admission("ben") });
    let Some(Event::LobbyChanged { waiting }) = world.events(ana).pop() else { panic!("a list") };
    assert_eq!((waiting[0].identity.as_str(), waiting[0].name.as_str()), ("ben", "Ben"));
    assert_eq!((waiting[0].id, waiting[0].since), (ben.id, world.now.unix_ms));
    assert_eq!(told(&mut world, host), [ben.id]);
    assert_eq!(world.room.snapshot(ana.id).expect("ana").waiting, waiting);
    assert_eq!(world.room.participant_count(), 2);
    assert_eq!(world.room.snapshot(ben.id), None);

    world.does(ana, admit(ben));
    world.forget();
    let cleo = world.waits(admission("cleo"));
    assert_eq!(world.events(ben), [], "ben does not steer");
    assert_eq!(world.room.snapshot(ben.id).expect("ben").waiting, []);
    assert_eq!(told(&mut world, ana), [cleo.id]);
}

#[test]
fn who_is_let_in_gets_the_room_and_the_others_get_the_newcomer() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.forget();
    let number = world.ask(ana.door, admit(ben));

    let seen = world.seen(ben.door);
    let [Seen::Event(EventFrame { seq: None, event: Event::LobbyAdmitted { joined } })] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(joined.snapshot.participant.id, ben.id);
    assert_eq!(joined.snapshot.participants.len(), 1);
    assert_eq!(world.doors[&ben.door].participant, Some(ben.id));
    let seen = world.seen(ana.door);
    assert!(
        matches!(&seen[..], [
            Seen::Reply(re, Outcome::Ok(Reply::Done(Done {}))),
            Seen::Event(EventFrame { event: Event::ParticipantJoined { participant }, .. }),
            Seen::Event(EventFrame { event: Event::LobbyChanged { waiting }, .. }),
        ] if *re == number && participant.id == ben.id && waiting.is_empty()),
        "{seen:?}"
    );
    assert!(matches!(world.asks(ben, chat("hello")), Outcome::Ok(_)));
}

#[test]
fn who_is_denied_is_told_and_closed() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.does(ana, deny(ben));
    let seen = world.seen(ben.door);
    let reason = LeaveReason::Removed;
    assert!(
        matches!(&seen[..], [Seen::Event(EventFrame { seq: None, event }), Seen::Closed(why)]
            if *event == Event::Disconnected { reason } && *why == reason),
        "{seen:?}"
    );
    assert_eq!(world.refusal(ana, admit(ben)), ErrorCode::NotFound);
    assert_eq!(world.refusal(ana, deny(ben)), ErrorCode::NotFound);
}

#[test]
fn who_waits_may_ping_and_leave_and_nothing_else() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.does(ben, Request::Ping);
    assert_eq!(world.refusal(ben, chat("let me in")), ErrorCode::BadRequest);
    world.forget();
    let number = world.ask(ben.door, Request::Leave);
    let seen = world.seen(ben.door);
    assert!(matches!(&seen[0], Seen::Reply(re, Outcome::Ok(_)) if *re == number), "{seen:?}");
    assert_eq!(seen.last(), Some(&Seen::Closed(LeaveReason::Left)));
    assert_eq!(told(&mut world, ana), []);
}

#[test]
fn a_connection_is_all_that_holds_a_place_in_the_lobby() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.detach(ben.door);
    assert_eq!(told(&mut world, ana), []);
    assert_eq!(world.room.deadline(), None, "no lease");
}

#[test]
fn of_two_with_one_identity_the_newest_waits() {
    let (mut world, ana) = with_lobby(Config { max_waiting: 1, ..Config::default() });
    let old = world.waits(admission("ben"));
    let new = world.waits(admission("ben"));
    assert_eq!(world.seen(old.door).last(), Some(&Seen::Closed(LeaveReason::DuplicateIdentity)));
    assert_eq!(told(&mut world, ana), [new.id]);
    assert_eq!(world.turned_away(admission("cleo")), ErrorCode::Full);
}

#[test]
fn moderators_by_token_the_moved_and_the_known_pass() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.does(ana, admit(ben));
    world.ask(ben.door, Request::Leave);
    world.join(admission("ben"));
    world.join(admin("host"));
    world.join(Admission { moved_from: Some("team.1".to_owned()), ..admission("cleo") });
    world.waits(Admission { issuer: "another key".to_owned(), ..admission("ben") });
}

#[test]
fn who_is_known_is_known_until_the_settings_change() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.does(ana, admit(ben));
    let cleo = world.waits(admission("cleo"));
    world.does(ana, admit(cleo));
    world.ask(ben.door, Request::Leave);
    world.does(ana, lobby(false));
    world.does(ana, lobby(true));
    world.waits(admission("ben"));
    world.join(admission("cleo"));
}

#[test]
fn encoders_and_the_hidden_cannot_wait() {
    let (mut world, _) = with_lobby(Config::default());
    assert_eq!(world.turned_away(headless("encoder", Interest::None)), ErrorCode::Locked);
    assert_eq!(world.turned_away(hidden("eve")), ErrorCode::Locked);
}

#[test]
fn without_a_lobby_everybody_comes_in_as_far_as_there_is_room() {
    let (mut world, ana) = with_lobby(small());
    let first = world.waits(admission("ben"));
    let second = world.waits(admission("cleo"));
    let third = world.waits(admission("dora"));
    world.does(ana, lobby(false));
    assert_eq!(world.doors[&first.door].participant, Some(first.id));
    assert_eq!(world.doors[&second.door].participant, Some(second.id));
    assert_eq!(world.seen(third.door).last(), Some(&Seen::Closed(LeaveReason::Removed)));
    assert_eq!(world.room.participant_count(), 3);
}

#[test]
fn nobody_is_let_into_a_full_room() {
    let (mut world, ana) = with_lobby(small());
    world.join(admin("ben"));
    world.join(admin("cleo"));
    let dora = world.waits(admission("dora"));
    assert_eq!(world.refusal(ana, admit(dora)), ErrorCode::Full);
    assert_eq!(world.room.snapshot(ana.id).expect("ana").waiting.len(), 1, "it waits on");
}

#[test]
fn a_new_moderator_learns_who_waits() {
    let (mut world, ana) = with_lobby(Config::default());
    let ben = world.waits(admission("ben"));
    world.does(ana, admit(ben));
    let cleo = world.waits(admission("cleo"));
    world.forget();
    world.ask(
        ana.door,
        Request::SetRole(SetRole {
            participant: ben.id,
            role: signaling_core::info::Role::Moderator,
        }),
    );
    assert_eq!(told(&mut world, ben), [cleo.id]);
}

#[test]
fn when_nobody_is_left_the_room_is_open_again() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    world.does(ana, lobby(true));
    let ben = world.waits(guest("ben"));
    world.ask(ana.door, Request::Leave);
    let events = world.seen(ben.door);
    let [Seen::Event(EventFrame { event: Event::LobbyAdmitted { joined }, .. }), ..] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(!joined.snapshot.room.lobby);
    assert_eq!(joined.snapshot.participant.role, signaling_core::info::Role::Moderator);
    world.join(guest("cleo"));
}

#[test]
fn the_same_page_loaded_again_by_the_last_one_keeps_the_settings() {
    let mut world = World::new();
    let ana = world.join(guest("ana"));
    world.does(ana, lobby(true));
    world.join(guest("ana"));
    assert!(world.room.info().lobby);
    world.waits(guest("ben"));
}
