//! Bulk by streams: from one to all others who have a session.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;
use web_transport_quinn::{ReadError, RecvStream, SendStream, WriteError};

use super::client::Client;
use crate::data::{ID, LOSSY, SENDER, envelope, number};
use crate::server::{Server, in_time};

const SLOW: u32 = 1;
const CANCELLED: u32 = 2;
const FORBIDDEN: u32 = 3;
const TOO_LARGE: u32 = 4;

/// A sender with its number, and so many receivers.
async fn room(server: &Server, receivers: usize) -> (Client, u64, Vec<Client>) {
    let (sender, joined) = Client::join(server, "r", "sender").await;
    let mut others = Vec::new();
    for _ in 0..receivers {
        let (mut receiver, _) = Client::join(server, "r", "receiver").await;
        // From then on its link is there, too.
        receiver.ask(json!({"type": "ping"})).await;
        others.push(receiver);
    }
    (sender, number(&joined["participant"]["id"]), others)
}

/// Bytes that are not the same anywhere.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn framed(head: &[u8]) -> Vec<u8> {
    [&u32::try_from(head.len()).unwrap().to_be_bytes()[..], head].concat()
}

async fn open(sender: &Client, head: &[u8]) -> SendStream {
    let mut stream = in_time(sender.session.open_uni()).await.unwrap();
    stream.write_all(&framed(head)).await.unwrap();
    stream
}

/// The next stream that comes, and its head.
async fn accept(receiver: &Client) -> (RecvStream, Vec<u8>) {
    let mut stream = in_time(receiver.session.accept_uni()).await.unwrap();
    let mut length = [0; 4];
    in_time(stream.read_exact(&mut length)).await.unwrap();
    let mut head = vec![0; u32::from_be_bytes(length) as usize];
    in_time(stream.read_exact(&mut head)).await.unwrap();
    (stream, head)
}

/// Everything until the end, or until the code of a reset.
async fn rest(stream: &mut RecvStream) -> Result<Vec<u8>, u32> {
    let mut all = Vec::new();
    loop {
        match in_time(stream.read_chunk(1 << 20, true)).await {
            Ok(Some(chunk)) => all.extend_from_slice(&chunk.bytes),
            Ok(None) => return Ok(all),
            Err(ReadError::Reset(code)) => return Err(code),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The code by which the server asks to stop.
async fn stopped(mut stream: SendStream) -> u32 {
    let piece = vec![0; 1 << 16];
    loop {
        match in_time(stream.write_all(&piece)).await {
            Ok(()) => {}
            Err(WriteError::Stopped(code)) => return code,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_one_sends_comes_to_all_others_whole_and_one_who_does_not_read_keeps_nobody() {
    let server = Server::start_bare(&[]).await;
    let (sender, id, mut receivers) = room(&server, 4).await;
    let idle = receivers.pop().unwrap();
    let sent = bytes(8 << 20);
    let mut stream = open(&sender, &envelope(0, 7, &[], "file", b"a name")).await;
    let sending = async {
        in_time(stream.write_all(&sent)).await.unwrap();
        stream.finish().unwrap();
    };
    let receiving = join_all(receivers.iter().map(|receiver| async {
        let (mut stream, head) = accept(receiver).await;
        assert_eq!(head[..2], [1, SENDER | ID]);
        assert_eq!(head[2..10], id.to_be_bytes());
        assert!(head.ends_with(b"\x04filea name"));
        assert!(rest(&mut stream).await.unwrap() == sent, "every byte is as it was sent");
    }));
    let ((), _, (mut unread, _)) = tokio::join!(sending, receiving, accept(&idle));
    assert_eq!(rest(&mut unread).await, Err(SLOW));
    // It is in the room nevertheless, and the next stream is its, too.
    let mut stream = open(&sender, &envelope(0, 8, &[], "file", b"")).await;
    stream.write_all(b"little").await.unwrap();
    stream.finish().unwrap();
    let (mut stream, _) = accept(&idle).await;
    assert_eq!(rest(&mut stream).await.unwrap(), b"little");
}

#[tokio::test]
async fn a_receiver_that_stops_ends_its_copy_and_a_sender_that_breaks_off_ends_all() {
    let server = Server::start_bare(&[]).await;
    let (sender, _, receivers) = room(&server, 2).await;
    let mut stream = open(&sender, &envelope(0, 7, &[], "", b"")).await;
    stream.write_all(b"begun").await.unwrap();
    let (mut first, _) = accept(&receivers[0]).await;
    let (mut second, _) = accept(&receivers[1]).await;
    first.stop(CANCELLED).unwrap();
    for _ in 0..50 {
        in_time(stream.write_all(&[1; 10_000])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut begun = [0; 5];
    in_time(second.read_exact(&mut begun)).await.unwrap();
    stream.reset(9).unwrap();
    assert_eq!(rest(&mut second).await, Err(CANCELLED));

    // With nobody left the sender is told.
    let stream = open(&sender, &envelope(0, 8, &[], "", b"")).await;
    for receiver in &receivers {
        let (mut copy, _) = accept(receiver).await;
        copy.stop(CANCELLED).unwrap();
    }
    assert_eq!(stopped(stream).await, CANCELLED);
}

/// Writes until nothing is taken any more for a while; how much that was.
async fn write_until_full(stream: &mut SendStream, most: usize) -> usize {
    let piece = vec![7; 1 << 14];
    let mut taken = 0;
    while let Ok(count) = timeout(Duration::from_secs(1), stream.write(&piece)).await {
        taken += count.unwrap();
        assert!(taken <= most, "{taken} bytes are taken, and nobody reads them");
    }
    taken
}

/// What may be under way to and from the server, in windows of QUIC, and wait there.
const UNDER_WAY: usize = 8 << 20;

#[tokio::test]
async fn a_sender_has_credit_for_what_its_receiver_reads_and_a_little_ahead() {
    let server = Server::start_bare(&[]).await;
    let (sender, _, receivers) = room(&server, 1).await;
    let mut stream = open(&sender, &envelope(0, 7, &[], "", b"")).await;
    let mut sent = write_until_full(&mut stream, UNDER_WAY).await;
    let (mut copy, _) = accept(&receivers[0]).await;
    let mut came = 0;
    // Who reads on has more come, and no more than it reads.
    for _ in 0..2 {
        while came < sent {
            came += in_time(copy.read_chunk(1 << 16, true)).await.unwrap().unwrap().bytes.len();
        }
        sent += write_until_full(&mut stream, UNDER_WAY).await;
    }
    stream.finish().unwrap();
    assert_eq!(came + rest(&mut copy).await.unwrap().len(), sent);
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_loses_the_stream_though_nobody_waits_for_it() {
    let server = Server::start_bare(&["sfu.bulk_timeout=1"]).await;
    let (mut sender, _, receivers) = room(&server, 1).await;
    let stream = open(&sender, &envelope(0, 7, &[], "", b"")).await;
    // It has seen the head, and reads no further. Nobody is left then.
    let (mut unread, _) = accept(&receivers[0]).await;
    assert_eq!(stopped(stream).await, CANCELLED);
    assert_eq!(rest(&mut unread).await, Err(SLOW));
    assert!(sender.ask(json!({"type": "ping"})).await["ok"].is_object());
}

#[tokio::test]
async fn heads_that_are_none_are_refused_with_a_code() {
    let server = Server::start_bare(&[]).await;
    let (mut sender, _, _receivers) = room(&server, 1).await;
    for (head, code) in [
        (vec![2, 0, 0], FORBIDDEN),
        (Vec::new(), FORBIDDEN),
        (envelope(LOSSY, 1, &[], "t", b""), FORBIDDEN),
        (envelope(0, 1, &[], "t", &[0; 4097]), FORBIDDEN),
        (envelope(0, 1, &[], "t", &[0; 8000]), TOO_LARGE),
    ] {
        let stream = open(&sender, &head).await;
        assert_eq!(stopped(stream).await, code, "{} bytes", head.len());
    }
    assert!(sender.ask(json!({"type": "ping"})).await["ok"].is_object());
}
