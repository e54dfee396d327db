//! Messages of the application's own, by text and by binary frames.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::server::{Frame, Server, Socket};

pub(crate) const LOSSY: u8 = 0x01;
pub(crate) const LISTENERS: u8 = 0x02;
pub(crate) const SENDER: u8 = 0x04;
pub(crate) const ID: u8 = 0x08;
pub(crate) const SEQ: u8 = 0x10;
pub(crate) const DESTINATIONS: u8 = 0x20;

/// The number inside a participant's id: what stands behind `PA_` in Crockford's base 32.
pub(crate) fn number(id: &Value) -> u64 {
    let alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    let digits = id.as_str().unwrap().strip_prefix("PA_").unwrap();
    digits.chars().fold(0, |value, digit| value << 5 | alphabet.find(digit).unwrap() as u64)
}

pub(crate) fn envelope(flags: u8, id: u64, to: &[u64], topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, flags | ID];
    bytes.extend(id.to_be_bytes());
    if flags & DESTINATIONS != 0 {
        bytes.push(u8::try_from(to.len()).unwrap());
        to.iter().for_each(|to| bytes.extend(to.to_be_bytes()));
    }
    bytes.push(u8::try_from(topic.len()).unwrap());
    bytes.extend(topic.as_bytes());
    bytes.extend(payload);
    bytes
}

/// The next binary frame; events as text are passed over.
pub(crate) async fn received(socket: &mut Socket) -> Vec<u8> {
    loop {
        if let Frame::Binary(bytes) = socket.any_frame().await.unwrap() {
            return bytes;
        }
    }
}

/// Everything that came until the socket has caught up with the room.
async fn caught_up(socket: &mut Socket) -> Vec<Vec<u8>> {
    socket.send_text(&json!({"id": 1000, "type": "ping"}).to_string()).await;
    let mut all = Vec::new();
    loop {
        match socket.any_frame().await.unwrap() {
            Frame::Binary(bytes) => all.push(bytes),
            Frame::Text(frame) if frame["re"] == 1000 => return all,
            Frame::Text(_) => {}
        }
    }
}

async fn three(server: &Server) -> (Vec<Socket>, Vec<u64>) {
    let joins = ["Ana", "Ben", "Cleo"].map(|name| server.join_as_guest("r", name));
    let joined = join_all(joins).await;
    let ids = joined.iter().map(|(_, joined)| number(&joined["participant"]["id"])).collect();
    (joined.into_iter().map(|(socket, _)| socket).collect(), ids)
}

#[tokio::test]
async fn a_binary_frame_reaches_all_others_and_is_acknowledged_by_its_id() {
    let server = Server::start_bare(&[]).await;
    let (mut sockets, ids) = three(&server).await;
    sockets[0].send(Message::binary(envelope(0, 77, &[], "cursor", b"x=1"))).await.unwrap();
    loop {
        let Frame::Text(frame) = sockets[0].any_frame().await.unwrap() else {
            panic!("the sender got its own message")
        };
        if frame["re"] == 77 {
            assert_eq!(frame["ok"], json!({}));
            break;
        }
    }
    for other in [1, 2] {
        let bytes = received(&mut sockets[other]).await;
        assert_eq!(bytes[..2], [1, SENDER | ID | SEQ]);
        assert_eq!(bytes[2..10], ids[0].to_be_bytes());
        assert_eq!(bytes[10..18], 77_u64.to_be_bytes());
        assert_eq!(&bytes[26..], b"\x06cursorx=1");
    }
    assert!(caught_up(&mut sockets[0]).await.is_empty());
}

#[tokio::test]
async fn named_ones_and_listeners_get_what_is_for_them_and_nobody_else_does() {
    let server = Server::start_bare(&[]).await;
    let (mut sockets, ids) = three(&server).await;
    let private = envelope(DESTINATIONS, 1, &[ids[1]], "", b"for Ben");
    sockets[0].send(Message::binary(private)).await.unwrap();
    sockets[2].ask(json!({"type": "listen", "topics": ["news"]})).await;
    let news = envelope(LISTENERS, 2, &[], "news", b"for listeners");
    sockets[0].send(Message::binary(news)).await.unwrap();
    let by_text = json!({
        "type": "send", "topic": "t", "payload": "AAECAw==", "to": ["PA_0000000000000"]
    });
    assert_eq!(sockets[0].ask(by_text).await["error"]["code"], "not_found");
    caught_up(&mut sockets[0]).await;
    let (ben, cleo) = (caught_up(&mut sockets[1]).await, caught_up(&mut sockets[2]).await);
    assert_eq!((ben.len(), cleo.len()), (1, 1));
    assert!(ben[0].ends_with(b"for Ben"));
    assert!(cleo[0].ends_with(b"for listeners"));
    let text = [&ben[0][..], &cleo[0][..]].concat();
    assert!(!text.windows(8).any(|eight| eight == ids[1].to_be_bytes()), "nobody learns for whom");
}

#[tokio::test]
async fn a_topics_value_is_told_as_text_and_awaits_those_who_come_later() {
    let server = Server::start_bare(&[]).await;
    let (mut sockets, _) = three(&server).await;
    let keep =
        json!({"id": 5, "type": "send", "topic": "score", "payload": "Mjox", "retain": true});
    sockets[0].send_text(&keep.to_string()).await;
    for socket in &mut sockets {
        let event = socket.event("data.received").await;
        assert_eq!((&event["retain"], &event["payload"]), (&json!(true), &json!("Mjox")));
        assert!(event["seq"].is_u64());
    }
    let (_late, joined) = server.join_as_guest("r", "Dan").await;
    let ana = &joined["participants"][0]["id"];
    assert_eq!(joined["retained"], json!([{"topic": "score", "payload": "Mjox", "from": ana}]));
}

#[tokio::test]
async fn lossy_ones_have_no_number() {
    let server = Server::start_bare(&[]).await;
    let (mut sockets, _) = three(&server).await;
    sockets[0].send(Message::binary(envelope(LOSSY, 5, &[], "", b"now"))).await.unwrap();
    let bytes = received(&mut sockets[1]).await;
    assert_eq!(bytes[1], LOSSY | SENDER | ID);
    let delivered = || server.metric("oriel_lossy_copies_total{outcome=\"delivered\"}");
    while delivered().await != Some(2) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(server.metric("oriel_lossy_copies_total{outcome=\"sent\"}").await, Some(2));
}

#[tokio::test]
async fn what_is_no_envelope_ends_its_socket_and_no_other() {
    let server = Server::start_bare(&[]).await;
    let (mut ben, _) = server.join_as_guest("r", "Ben").await;
    let good = envelope(0, 1, &[], "t", b"p");
    let mut forged = vec![1, SENDER | ID];
    forged.extend([0; 16]);
    forged.push(0);
    for bad in [
        Vec::new(),
        vec![2, 0, 0],
        vec![1, 0x80, 0],
        vec![1, 0, 0],
        forged,
        good[..9].to_vec(),
        envelope(LISTENERS | DESTINATIONS, 1, &[1], "t", b""),
        vec![1, ID, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0xff, 0xff],
    ] {
        let (mut ana, _) = server.join_as_guest("r", "Ana").await;
        ana.send(Message::binary(bad.clone())).await.unwrap();
        assert_eq!(ana.close_code().await, 4400, "{bad:?}");
    }
    assert!(ben.ask(json!({"type": "ping"})).await["ok"].is_object());
}

#[tokio::test]
async fn reliable_ones_are_delivered_once_after_a_lost_socket() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _) = server.join_as_guest("r", "Ana").await;
    let (ben, joined) = server.join_as_guest("r", "Ben").await;
    drop(ben);
    for number in 0..20_u8 {
        ana.send(Message::binary(envelope(0, 100 + u64::from(number), &[], "", &[number])))
            .await
            .unwrap();
    }
    caught_up(&mut ana).await;
    let mut ben = server.socket().await;
    let resume = json!({
        "type": "resume", "room": "r", "secret": joined["resume"], "cursor": joined["cursor"]
    });
    // Its frames come behind the reply.
    ben.send_text(&{
        let mut resume = resume;
        resume["id"] = json!(1);
        resume.to_string()
    })
    .await;
    let payloads: Vec<u8> =
        caught_up(&mut ben).await.iter().map(|bytes| *bytes.last().unwrap()).collect();
    assert_eq!(payloads, (0..20).collect::<Vec<u8>>());
}
