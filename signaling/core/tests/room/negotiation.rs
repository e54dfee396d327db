//! Offers, answers and candidates.

use signaling_core::error::ErrorCode;
use signaling_core::info::{IceServer, MediaKind};
use signaling_core::media::{
    MediaAnswer, MediaCommand, MediaError, MediaEvent, MediaLine, MediaRequest,
};
use signaling_core::reply::{Answer, Done, IceServers, Outcome, Reply};
use signaling_core::request::{Candidate, Offer, Request};
use signaling_core::room::Input;

use crate::world::{Somebody, World, admission, offer, publish, small};

fn candidate(text: &str) -> Request {
    Request::Candidate(Candidate { candidate: text.to_owned() })
}

/// Offers, and returns the request's two numbers.
fn offered(world: &mut World, somebody: Somebody) -> (u64, MediaRequest) {
    let number = world.ask(somebody.door, offer());
    let request = world
        .commands()
        .into_iter()
        .find_map(|command| match command {
            MediaCommand::Offer { request, .. } => Some(request),
            _ => None,
        })
        .expect("an offer");
    (number, request)
}

#[test]
fn the_first_offer_opens_the_session_and_the_next_does_not() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    world.ask(ana.door, offer());
    let commands = world.commands();
    assert!(
        matches!(
            &commands[..],
            [MediaCommand::Open { session }, MediaCommand::Offer { session: same, sdp, .. }]
                if *session == ana.id && same == session && sdp == "v=0"
        ),
        "{commands:?}"
    );
    world.ask(ana.door, offer());
    let commands = world.commands();
    assert!(matches!(&commands[..], [MediaCommand::Offer { .. }]), "{commands:?}");
}

#[test]
fn ice_servers_made_out_anew_are_told_and_not_answered_from_memory() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let server = |name: &str| IceServer {
        urls: vec!["turn:turn.example:3478".to_owned()],
        username: Some(name.to_owned()),
        credential: Some("secret".to_owned()),
    };
    let request = world.number();
    let mut door = ana.door;
    for name in ["first", "second"] {
        let fresh = vec![server(name)];
        let body = Request::IceServers { fresh: fresh.clone() };
        world.handle(Input::Request { attachment: door, request, body });
        let renewed = Reply::IceServers(IceServers { ice_servers: fresh });
        assert_eq!(world.outcome(door, request), Some(Outcome::Ok(renewed)));
        // The reply may be lost with its connection: it is asked again.
        world.detach(door);
        door = world.resume(ana, &world.cursor());
    }
}

#[test]
fn the_reply_waits_for_the_answer_and_has_its_lines_for_doors_that_publish() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let (number, request) = offered(&mut world, ana);
    assert_eq!(world.seen(ana.door), []);

    let line =
        MediaLine { mid: "0".to_owned(), kind: MediaKind::Audio, sends: true, receives: false };
    let answer = MediaAnswer { sdp: "answer".to_owned(), lines: vec![line.clone()] };
    world.tell(MediaEvent::Answered { session: ana.id, request, result: Ok(answer) });

    let outcome = world.outcome(ana.door, number).expect("an answer");
    let lines = vec![line];
    assert_eq!(outcome, Outcome::Ok(Reply::Answer(Answer { sdp: "answer".to_owned(), lines })));
    let json = serde_json::to_value(&outcome).expect("JSON");
    assert_eq!(json, serde_json::json!({"ok": {"sdp": "answer"}}), "the lines stay inside");
}

#[test]
fn answers_go_to_the_offers_they_belong_to() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let (first, first_request) = offered(&mut world, ana);
    let (second, second_request) = offered(&mut world, ana);
    for (number, request, sdp) in [(second, second_request, "b"), (first, first_request, "a")] {
        let answer = MediaAnswer { sdp: sdp.to_owned(), lines: Vec::new() };
        world.tell(MediaEvent::Answered { session: ana.id, request, result: Ok(answer.clone()) });
        assert!(matches!(
            world.outcome(ana.door, number),
            Some(Outcome::Ok(Reply::Answer(answer))) if answer.sdp == sdp
        ));
        // A second answer to the same offer goes nowhere.
        world.tell(MediaEvent::Answered { session: ana.id, request, result: Ok(answer) });
        assert_eq!(world.seen(ana.door), []);
    }
}

#[test]
fn what_is_asked_again_while_it_waits_is_answered_once() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let (number, first) = offered(&mut world, ana);
    world.ask_as(ana.door, number, offer());
    assert_eq!(world.commands(), [], "the media plane has it already");
    let door = world.resume(ana, &world.cursor());
    world.seen(door);
    world.ask_as(door, number, offer());
    assert_eq!(world.commands(), []);

    let answer = MediaAnswer { sdp: "answer".to_owned(), lines: Vec::new() };
    world.tell(MediaEvent::Answered { session: ana.id, request: first, result: Ok(answer) });
    assert!(matches!(world.outcome(door, number), Some(Outcome::Ok(Reply::Answer(_)))));
    assert_eq!(world.seen(door), []);
}

#[test]
fn a_refusal_says_why() {
    let cases = [
        (MediaError::BadSdp("no m-lines".to_owned()), ErrorCode::BadSdp, "no m-lines"),
        (MediaError::NotFound("no session".to_owned()), ErrorCode::NotFound, "no session"),
        (MediaError::Unavailable, ErrorCode::Busy, "join again"),
    ];
    for (refusal, code, words) in cases {
        let mut world = World::new();
        let ana = world.join(admission("ana"));
        let (number, request) = offered(&mut world, ana);
        world.tell(MediaEvent::Answered { session: ana.id, request, result: Err(refusal) });
        let Some(Outcome::Error(error)) = world.outcome(ana.door, number) else {
            panic!("refused")
        };
        assert_eq!(error.code, code);
        assert!(error.message.contains(words), "{error}");
    }
}

#[test]
fn an_offer_has_at_most_256_kib() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let sized = |bytes: usize| Request::Offer(Offer { sdp: "v".repeat(bytes) });
    assert_eq!(world.refusal(ana, sized(256 * 1024 + 1)), ErrorCode::TooLarge);
    assert_eq!(world.commands(), [], "no session for that");
    world.ask(ana.door, sized(256 * 1024));
    assert_eq!(world.commands().len(), 2);
}

#[test]
fn candidates_go_to_the_session_once_there_is_one() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let text = "candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host";
    assert_eq!(world.refusal(ana, candidate(text)), ErrorCode::NotFound);
    offered(&mut world, ana);
    assert_eq!(world.asks(ana, candidate(text)), Outcome::Ok(Reply::Done(Done {})));
    let wanted = MediaCommand::Candidate { session: ana.id, candidate: text.to_owned() };
    assert_eq!(world.commands(), [wanted]);
}

#[test]
fn the_end_of_candidates_is_taken_and_an_overlong_one_is_not() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    offered(&mut world, ana);
    assert_eq!(world.asks(ana, candidate("")), Outcome::Ok(Reply::Done(Done {})));
    assert_eq!(world.refusal(ana, candidate(&"x".repeat(1025))), ErrorCode::TooLarge);
    assert_eq!(world.commands(), []);
}

#[test]
fn what_waits_for_the_media_plane_is_bounded() {
    let mut world = World::with(small());
    let ana = world.join(admission("ana"));
    let (number, request) = offered(&mut world, ana);
    world.ask(ana.door, offer());
    world.ask(ana.door, offer());
    assert_eq!(world.refusal(ana, offer()), ErrorCode::Busy);
    let microphone = signaling_core::info::TrackSource::Microphone;
    assert_eq!(world.refusal(ana, publish("0", microphone)), ErrorCode::Busy);
    let answer = MediaAnswer { sdp: "v=0".to_owned(), lines: Vec::new() };
    world.tell(MediaEvent::Answered { session: ana.id, request, result: Ok(answer) });
    assert!(world.outcome(ana.door, number).is_some());
    offered(&mut world, ana);
}
