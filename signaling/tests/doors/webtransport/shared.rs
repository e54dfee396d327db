//! WebTransport on the media port.

use std::net::UdpSocket;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::ana_and_ben;
use super::client::invitation;
use crate::data::{LOSSY, envelope, received};
use crate::receiver::until;
use crate::server::{Server, in_time};

fn dropped(reason: &str) -> String {
    format!("oriel_sfu_packets_dropped_total{{reason=\"{reason}\"}}")
}

#[tokio::test]
async fn sessions_and_media_share_a_port_and_sessions_move_between_its_workers() {
    let shared = "webtransport.share_media_port=true";
    let server = Server::start_bare(&[shared, "sfu.workers=3", "server.drain_timeout=1"]).await;
    let media = server.app.media_port();
    let url = invitation(&server).await["url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("https://127.0.0.1:{media}/v1/webtransport"));
    UdpSocket::bind(server.app.http_address()).expect("no other port is open by UDP");

    let (mut ana, _, mut ben, _) = ana_and_ben(&server).await;
    for round in 0..8u8 {
        // The kernel chooses the worker by the address.
        ana.endpoint.rebind(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        let text = format!("from address {round}");
        ana.ask(json!({"type": "chat", "text": text})).await;
        assert_eq!(ben.event("chat.posted").await["message"]["text"], text);
        let lossy = envelope(LOSSY, round.into(), &[], "t", &[round]);
        while !ana.send_until(&lossy, received(&mut ben)).await.ends_with(&[round]) {}
        let back = envelope(0, u64::from(round) + 100, &[], "t", &[round]);
        ben.send(Message::binary(back)).await.unwrap();
        assert!(ana.message().await.ends_with(&[round]));
    }
    // All of its datagrams look like those of QUIC, and there was room for each.
    for reason in ["not_media", "neighbour_full"] {
        assert_eq!(server.metric(&dropped(reason)).await, Some(0), "{reason}");
    }

    // What looks like DTLS and RTP is media's.
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for first in [22, 128] {
        stranger.send_to(&[first; 40], ("127.0.0.1", media)).unwrap();
    }
    until(async || server.metric(&dropped("unknown_source")).await == Some(2)).await;
    // What is QUIC's, and what nobody's.
    stranger.send_to(&[0x41; 40], ("127.0.0.1", media)).unwrap();
    stranger.send_to(&[4; 40], ("127.0.0.1", media)).unwrap();
    until(async || server.metric(&dropped("not_media")).await == Some(1)).await;
    assert_eq!(server.metric(&dropped("unknown_source")).await, Some(2));

    in_time(server.app.drain()).await;
    in_time(server.app.stop()).await;
    assert_eq!(ana.event("disconnected").await["reason"], "server_stopping");
    assert_eq!(ana.close_code().await, 4503);
}
