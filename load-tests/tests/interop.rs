//! Participants on another WebRTC stack, in rooms of the real server.

mod server;

use std::time::Duration;

use load_tests::bot::join;
use load_tests::bot::listener::Heard;
use load_tests::bot::view::View;
use load_tests::bot::{Bot, Voice, signal};
use signaling_core::event::LeaveReason;
use signaling_core::id::ParticipantId;
use signaling_core::request::{Join, Mute};

use server::Server;

/// Enough for a join, a negotiation and some seconds of sound on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Joins as a guest and sends a tone.
async fn guest(server: &Server, room: &str, name: &str, voice: Voice) -> Bot {
    let ticket = join::Server::parse(server.url())
        .expect("an address")
        .join(room, name)
        .await
        .expect("a ticket");
    let join = Join { token: ticket.token, ..Join::default() };
    Bot::join(&ticket.url, join, voice).await.expect("a participant")
}

/// A participant with slots to spare.
fn tone(hertz: f64) -> Voice {
    Voice { hertz, pairs: 4 }
}

/// The one track of a participant, as far as it was heard.
fn heard_of(view: &View, participant: ParticipantId) -> Heard {
    view.heard_of(participant).next().cloned().unwrap_or_default()
}

/// Waits until `bot` has heard `hertz` from `speaker`, and nothing else, for two seconds.
async fn hears(bot: &Bot, speaker: ParticipantId, hertz: f64) -> View {
    let view = bot.until(SOON, |view| heard_of(view, speaker).tones.len() >= 4).await;
    let view = view.expect("two seconds of sound");
    let heard = heard_of(&view, speaker);
    for tone in &heard.tones {
        let tone = tone.expect("no silence");
        assert!((tone.hertz - hertz).abs() < 3.0 && tone.purity > 0.8, "{hertz}: {heard:?}");
    }
    assert!(heard.lost * 50 <= heard.packets && heard.damaged == 0, "{heard:?}");
    view
}

/// Waits until no packet of `speaker` has come for a second; returns how many came before.
async fn silence(bot: &Bot, speaker: ParticipantId) -> u64 {
    let count = || heard_of(&bot.view(), speaker).packets;
    for _ in 0..10 {
        let before = count();
        tokio::time::sleep(Duration::from_secs(1)).await;
        if count() == before {
            return before;
        }
    }
    panic!("packets of {speaker} keep coming");
}

#[tokio::test]
async fn two_participants_hear_each_other_until_one_leaves() {
    let server = Server::start();
    let ada = guest(&server, "duet", "Ada", tone(440.0)).await;
    let ben = guest(&server, "duet", "Ben", tone(660.0)).await;
    let (one, other) =
        tokio::join!(hears(&ada, ben.participant(), 660.0), hears(&ben, ada.participant(), 440.0),);
    assert_eq!(one.present[&ben.participant()].name, "Ben");
    assert_eq!(other.present[&ada.participant()].name, "Ada");
    assert_eq!((one.received.len(), other.received.len()), (1, 1), "nobody hears oneself");

    let left = ada.participant();
    ada.leave().await.expect("a goodbye");
    let view = ben.until(SOON, |view| !view.gone.is_empty()).await.expect("a departure");
    assert_eq!(view.gone, [(left, LeaveReason::Left)]);
    assert!(view.present.is_empty() && view.slots.is_empty(), "{view:#?}");
    ben.leave().await.expect("a goodbye");
}

#[tokio::test]
async fn a_muted_track_is_silent_and_comes_back() {
    let server = Server::start();
    let ada = guest(&server, "mute", "Ada", tone(440.0)).await;
    let ben = guest(&server, "mute", "Ben", tone(660.0)).await;
    let view = hears(&ben, ada.participant(), 440.0).await;
    let (&track, _) = view.received.iter().next().expect("a track");

    ada.signal().request(Mute { track, muted: true }).await.expect("muted");
    let muted = |view: &View| view.track(track).is_some_and(|track| track.muted);
    ben.until(SOON, muted).await.expect("it shows");
    let after = silence(&ben, ada.participant()).await;

    ada.signal().request(Mute { track, muted: false }).await.expect("unmuted");
    let heard = |view: &View| heard_of(view, ada.participant()).packets > after + 100;
    let view = ben.until(SOON, heard).await.expect("sound again");
    let heard = heard_of(&view, ada.participant());
    assert!(heard.lost * 50 <= heard.packets, "the pause counts as loss: {heard:?}");
}

#[tokio::test]
async fn who_has_too_few_slots_offers_more_and_hears_everybody() {
    let server = Server::start();
    let mut bots = Vec::new();
    for (index, hertz) in [400.0, 510.0, 620.0].into_iter().enumerate() {
        let name = format!("guest {index}");
        let bot = guest(&server, "trio", &name, Voice { hertz, pairs: 1 }).await;
        bots.push((bot, hertz));
    }
    for (bot, _) in &bots {
        let others = bots.iter().filter(|(other, _)| other.participant() != bot.participant());
        for (other, hertz) in others {
            hears(bot, other.participant(), *hertz).await;
        }
        assert_eq!(bot.view().slots.len(), 2);
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let server = Server::start();
    let url = join::Server::parse(server.url()).expect("an address").signaling();
    let (signal, _events) = signal::Signal::connect(&url).await.expect("a connection");
    let join = Join { token: "not.a.token".into(), ..Join::default() };
    match signal.request(join).await {
        Err(signal::SignalError::Refused { error, .. }) => {
            assert_eq!(error.code, signaling_core::error::ErrorCode::Unauthorized);
        }
        other => panic!("{other:?}"),
    }
}
