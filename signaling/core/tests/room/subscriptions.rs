//! Who receives what, and on which slot.

use signaling_core::Admission;
use signaling_core::event::Event;
use signaling_core::grants::Grants;
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::{Binding, TrackSource};
use signaling_core::interest::Interest;
use signaling_core::media::{MediaCommand, MediaEvent};
use signaling_core::request::Request;

use crate::world::{Somebody, World, admission, headless, offer, publish, unpublish};

/// Receiver and track of every subscription that was asked for.
fn subscribed(world: &mut World) -> Vec<(ParticipantId, TrackId)> {
    world
        .commands()
        .into_iter()
        .filter_map(|command| match command {
            MediaCommand::Subscribe { session, track } => Some((session, track)),
            _ => None,
        })
        .collect()
}

/// Grants one publication and tells what was subscribed then.
fn published(world: &mut World, who: Somebody, mid: &str, source: TrackSource) -> TrackId {
    world.ask(who.door, publish(mid, source));
    let [MediaCommand::Publish { session, track, request, .. }] = world.commands()[..] else {
        panic!("one command")
    };
    world.tell(MediaEvent::Published { session, request, result: Ok(()) });
    track
}

fn bind(world: &mut World, receiver: Somebody, track: TrackId, mid: &str, bind: u64) {
    let mid = mid.to_owned();
    world.tell(MediaEvent::Bound { session: receiver.id, track, mid, bind });
}

#[test]
fn everybody_is_subscribed_to_a_new_track_except_its_publisher() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let cleo = world.negotiated(admission("cleo"));
    let track = published(&mut world, ben, "0", TrackSource::Camera);
    assert_eq!(subscribed(&mut world), [(ana.id, track), (cleo.id, track)]);
}

#[test]
fn a_newcomer_is_subscribed_to_everything_once_its_offer_is_answered() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let second = world.published(ben, "0", TrackSource::Camera).id;
    let first = world.published(ana, "0", TrackSource::Camera).id;
    let third = world.published(ben, "1", TrackSource::Microphone).id;
    let cleo = world.join(admission("cleo"));
    world.ask(cleo.door, offer());
    let request = match &world.commands()[..] {
        [MediaCommand::Open { .. }, MediaCommand::Offer { request, .. }] => *request,
        other => panic!("no subscription before the answer: {other:?}"),
    };
    let answer = signaling_core::media::MediaAnswer { sdp: "v=0".to_owned(), lines: Vec::new() };
    world.tell(MediaEvent::Answered { session: cleo.id, request, result: Ok(answer) });
    assert_eq!(
        subscribed(&mut world),
        [(cleo.id, first), (cleo.id, second), (cleo.id, third)],
        "by participant, then by age"
    );

    world.ask(cleo.door, offer());
    world.grant_media();
    assert_eq!(subscribed(&mut world), [], "not again after a later offer");
}

#[test]
fn without_an_answered_offer_nothing_can_flow() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.join(admission("ben"));
    world.ask(ben.door, offer());
    world.commands();
    published(&mut world, ana, "0", TrackSource::Camera);
    assert_eq!(subscribed(&mut world), []);
}

#[test]
fn a_token_may_forbid_receiving() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let grants = Grants { can_subscribe: false, ..Grants::default() };
    let ben = world.negotiated(Admission { grants, ..admission("ben") });
    published(&mut world, ana, "0", TrackSource::Camera);
    assert_eq!(subscribed(&mut world), []);
    let events = world.events(ben);
    assert!(matches!(&events[..], [Event::TrackPublished { .. }]), "it is told: {events:?}");
}

#[test]
fn interest_narrows_what_is_subscribed() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.negotiated(headless("encoder", Interest::None));
    let player = world.negotiated(headless("player", Interest::Identity("ben".to_owned())));
    let of_ana = published(&mut world, ana, "0", TrackSource::Camera);
    assert_eq!(subscribed(&mut world), [(ben.id, of_ana)]);
    let of_ben = published(&mut world, ben, "0", TrackSource::Camera);
    assert_eq!(subscribed(&mut world), [(ana.id, of_ben), (player.id, of_ben)]);
}

#[test]
fn the_receiver_alone_is_told_where_a_track_flows() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let cleo = world.negotiated(admission("cleo"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    bind(&mut world, ben, track, "5", 3);
    let mid = "5".to_owned();
    assert_eq!(
        world.events(ben),
        [Event::SubscriptionBound(Binding { participant: ana.id, track, mid, bind: 3 })]
    );
    assert_eq!(world.events(ana), []);
    assert_eq!(world.events(cleo), []);
}

#[test]
fn a_slot_that_carries_another_track_is_unbound_first() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let old = world.published(ana, "0", TrackSource::Camera).id;
    let new = world.published(ana, "1", TrackSource::ScreenShare).id;
    bind(&mut world, ben, old, "5", 1);
    world.forget();

    bind(&mut world, ben, new, "5", 2);
    let participant = ana.id;
    let mid = || "5".to_owned();
    assert_eq!(
        world.events(ben),
        [
            Event::SubscriptionUnbound(Binding { participant, track: old, mid: mid(), bind: 1 }),
            Event::SubscriptionBound(Binding { participant, track: new, mid: mid(), bind: 2 }),
        ]
    );
}

#[test]
fn a_track_that_moves_to_another_slot_leaves_the_first() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    bind(&mut world, ben, track, "5", 1);
    world.forget();

    bind(&mut world, ben, track, "7", 1);
    let participant = ana.id;
    assert_eq!(
        world.events(ben),
        [
            Event::SubscriptionUnbound(Binding {
                participant,
                track,
                mid: "5".to_owned(),
                bind: 1
            }),
            Event::SubscriptionBound(Binding { participant, track, mid: "7".to_owned(), bind: 1 }),
        ]
    );
}

#[test]
fn the_end_of_a_track_frees_its_slot_without_further_word() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let old = world.published(ana, "0", TrackSource::Camera).id;
    bind(&mut world, ben, old, "5", 1);
    world.forget();
    world.ask(ana.door, unpublish(old));
    assert_eq!(world.events(ben), [Event::TrackUnpublished { participant: ana.id, track: old }]);

    let new = world.published(ana, "0", TrackSource::Camera).id;
    bind(&mut world, ben, new, "5", 2);
    let events = world.events(ben);
    assert!(matches!(&events[..], [Event::SubscriptionBound(_)]), "{events:?}");

    world.ask(ana.door, Request::Leave);
    let events = world.events(ben);
    assert!(matches!(&events[..], [Event::ParticipantLeft { .. }]), "{events:?}");
}

#[test]
fn a_binding_of_a_track_that_has_ended_is_not_told() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    let track = world.published(ana, "0", TrackSource::Camera).id;
    world.ask(ana.door, unpublish(track));
    world.forget();
    bind(&mut world, ben, track, "5", 1);
    assert_eq!(world.events(ben), []);
}

#[test]
fn a_shortage_of_slots_is_told_to_the_receiver_alone() {
    let mut world = World::new();
    let ana = world.negotiated(admission("ana"));
    let ben = world.negotiated(admission("ben"));
    world.tell(MediaEvent::SlotsNeeded { session: ben.id, audio: 1, video: 2 });
    assert_eq!(world.events(ben), [Event::SlotsNeeded { audio: 1, video: 2 }]);
    assert_eq!(world.events(ana), []);
}
