//! HTTP that is there to wear the server out: headers and bodies that do not come, streams that are
//! opened to be reset, headers without an end.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Server, in_time};

/// Frame types (RFC 9113 §6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET /` in HPACK's static table, and the authority `a` (RFC 7541).
const GET: [u8; 6] = [0x82, 0x86, 0x84, 0x41, 1, b'a'];

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.host()).await.unwrap()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

async fn begin_http2(server: &Server) -> TcpStream {
    let mut stream = connect(server).await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    stream
}

/// Everything until the server hangs up: the frame types, in order.
async fn frames_to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut kinds = Vec::new();
    loop {
        let mut head = [0; 9];
        if in_time(stream.read_exact(&mut head)).await.is_err() {
            return kinds;
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        if in_time(stream.read_exact(&mut payload)).await.is_err() {
            return kinds;
        }
        kinds.push(head[3]);
    }
}

async fn still_answers(server: &Server) {
    let begun = Instant::now();
    assert_eq!(server.http("GET", "/", &[], "").await.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn streams_that_are_opened_to_be_reset_end_the_connection() {
    let server = Server::start_bare(&[]).await;
    let mut stream = begin_http2(&server).await;
    let mut sent = 0;
    // Written in one go, so that the server sees many of them at once.
    let mut flood = Vec::new();
    for number in 0..20_000_u32 {
        let id = 2 * number + 1;
        flood.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, &GET));
        flood.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
        if flood.len() > 16_000 {
            if stream.write_all(&flood).await.is_err() {
                break;
            }
            sent = number;
            flood.clear();
        }
    }
    let kinds = frames_to_the_end(&mut stream).await;
    assert!(kinds.contains(&GOAWAY) || sent < 19_000, "{sent} were borne: {kinds:?}");
    still_answers(&server).await;
}

#[tokio::test]
async fn headers_without_an_end_are_not_kept() {
    let server = Server::start_bare(&[]).await;
    let mut stream = begin_http2(&server).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &GET)).await.unwrap();
    // A header `x` with a long value, again and again: 64 MB in all.
    let mut field = vec![0, 1, b'x', 0x7f, 0x81, 0x7e];
    field.resize(field.len() + 127 + 16_129, b'y');
    let mut sent = 0;
    for _ in 0..4_000 {
        if stream.write_all(&frame(CONTINUATION, 0, 1, &field)).await.is_err() {
            break;
        }
        sent += field.len();
    }
    let kinds = frames_to_the_end(&mut stream).await;
    assert!(sent < 32 << 20, "{sent} bytes of headers were taken: {kinds:?}");
    still_answers(&server).await;
}

#[tokio::test]
async fn headers_and_bodies_that_do_not_come_are_not_waited_for() {
    let server = Server::start_bare(&[]).await;
    let host = server.host();
    let heads = [
        "GET / HTTP/1.1\r\nhost: x\r\nx: ".to_owned(),
        format!(
            "POST /v1/join HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
        ),
    ];
    let mut slow = Vec::new();
    for head in &heads {
        let mut stream = connect(&server).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let begun = Instant::now();
    let mut answers = Vec::new();
    for mut stream in slow {
        // A byte now and then is no reason to wait for longer.
        let mut text = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut chunk)).await;
            match read {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(read)) => {
                    text.extend_from_slice(&chunk[..read]);
                    break;
                }
                Err(_) => drop(stream.write_all(b"x").await),
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it is still waited for");
        }
        answers.push(String::from_utf8_lossy(&text).into_owned());
    }
    assert!(!answers[0].starts_with("HTTP/1.1 200"), "{answers:?}");
    assert!(answers[1].starts_with("HTTP/1.1 408 "), "{answers:?}");
    still_answers(&server).await;
}
