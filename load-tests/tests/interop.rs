//! Participants on another WebRTC stack, in rooms of the real server.

mod server;

use std::time::Duration;

use load_tests::bot::join;
use load_tests::bot::listener::Heard;
use load_tests::bot::view::View;
use load_tests::bot::{Bot, signal};
use signaling_core::event::LeaveReason;
use signaling_core::id::ParticipantId;
use signaling_core::request::{Join, Mute};

use server::Server;

/// Enough for a join, a negotiation and some seconds of sound on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// Joins as a guest and sends a tone.
async fn guest(server: &Server, room: &str, name: &str, hertz: f64) -> Bot {
    let ticket = join::Server::parse(server.url())
        .expect("an address")
        .join(room, name)
        .await
        .expect("a ticket");
    let join =
        Join { token: ticket.token, room: None, identity: None, name: None, attributes: None };
    Bot::join(&ticket.url, join, hertz).await.expect("a participant")
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

#[tokio::test]
async fn two_participants_hear_each_other_until_one_leaves() {
    let server = Server::start();
    let ada = guest(&server, "duet", "Ada", 440.0).await;
    let ben = guest(&server, "duet", "Ben", 660.0).await;
    let (one, other) =
        tokio::join!(hears(&ada, ben.participant(), 660.0), hears(&ben, ada.participant(), 440.0),);
    assert_eq!(one.present[&ben.participant()].name, "Ben");
    assert_eq!(other.present[&ada.participant()].name, "Ada");
    assert_eq!((one.received.len(), other.received.len()), (1, 1), "nobody hears oneself");

    let left = ada.participant();
    ada.leave().await.expect("a goodbye");
    let view = ben.until(SOON, |view| !view.gone.is_empty()).await.expect("a departure");
    assert_eq!(view.gone, [(left, LeaveReason::Left)]);
    assert!(view.present.is_empty() && view.slots.is_empty());
    ben.leave().await.expect("a goodbye");
}

#[tokio::test]
async fn a_muted_track_is_silent_and_comes_back() {
    let server = Server::start();
    let ada = guest(&server, "mute", "Ada", 440.0).await;
    let ben = guest(&server, "mute", "Ben", 660.0).await;
    let view = hears(&ben, ada.participant(), 440.0).await;
    let (&track, _) = view.received.iter().next().expect("a track");

    ada.signal().request(Mute { track, muted: true }).await.expect("muted");
    let muted = |view: &View| view.track(track).is_some_and(|track| track.muted);
    ben.until(SOON, muted).await.expect("it shows");
    // What was on its way has arrived after this.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = heard_of(&ben.view(), ada.participant()).packets;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = heard_of(&ben.view(), ada.participant()).packets;
    assert_eq!(before, after, "packets of a muted track");

    ada.signal().request(Mute { track, muted: false }).await.expect("unmuted");
    let heard = |view: &View| heard_of(view, ada.participant()).packets > after + 100;
    let view = ben.until(SOON, heard).await.expect("sound again");
    let heard = heard_of(&view, ada.participant());
    assert!(heard.lost * 50 <= heard.packets, "the pause counts as loss: {heard:?}");
}

#[tokio::test]
async fn more_participants_than_slots_are_all_heard() {
    let server = Server::start();
    let mut bots = Vec::new();
    // Six: five to be heard, where the first offer has four pairs.
    for (index, hertz) in [400.0, 510.0, 620.0, 730.0, 840.0, 950.0].into_iter().enumerate() {
        bots.push((guest(&server, "choir", &format!("guest {index}"), hertz).await, hertz));
    }
    for (bot, _) in &bots {
        for (speaker, hertz) in &bots {
            if speaker.participant() != bot.participant() {
                hears(bot, speaker.participant(), *hertz).await;
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let server = Server::start();
    let url = join::Server::parse(server.url()).expect("an address").signaling();
    let (signal, _events) = signal::Signal::connect(&url).await.expect("a connection");
    let join = Join {
        token: "not.a.token".into(),
        room: None,
        identity: None,
        name: None,
        attributes: None,
    };
    match signal.request(join).await {
        Err(signal::SignalError::Refused { error, .. }) => {
            assert_eq!(error.code, signaling_core::error::ErrorCode::Unauthorized);
        }
        other => panic!("{other:?}"),
    }
}
