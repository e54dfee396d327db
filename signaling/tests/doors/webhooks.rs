//! What happens in rooms, told to a real receiver: in order, signed, and in spite of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use signaling_core::grants::{Claims, OrielClaims};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Response, Server, Socket, claims, http, socket_at, token};

const SECRET: &str = "a webhook's secret of 32 bytes and more";

/// How the receiver answers.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Mood {
    Takes,
    Fails,
    Hangs,
    HangsUp,
    Redirects,
}

/// Somebody who is told.
struct Receiver {
    url: String,
    /// What it has taken, in the order it came.
    told: Arc<Mutex<Vec<Value>>>,
    /// How often it was asked.
    asked: Arc<Mutex<u64>>,
    mood: Arc<AtomicU8>,
}

impl Receiver {
    async fn start(mood: Mood) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            told: Arc::default(),
            asked: Arc::default(),
            mood: Arc::new(AtomicU8::new(mood as u8)),
        };
        let (told, asked) = (Arc::clone(&receiver.told), Arc::clone(&receiver.asked));
        let mood = Arc::clone(&receiver.mood);
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (told, asked, mood) = (told.clone(), asked.clone(), mood.clone());
                tokio::spawn(answer(stream, told, asked, mood));
            }
        });
        receiver
    }

    fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }

    /// What `--set` makes it an endpoint.
    fn endpoint(&self) -> String {
        format!("webhooks.endpoints=[{{id=\"books\",url=\"{}\",secret=\"{SECRET}\"}}]", self.url)
    }
}

async fn answer(
    mut stream: TcpStream,
    told: Arc<Mutex<Vec<Value>>>,
    asked: Arc<Mutex<u64>>,
    mood: Arc<AtomicU8>,
) {
    // The server was killed while it wrote.
    let Some((head, body)) = read_request(&mut stream).await else { return };
    assert_eq!(header(&head, "content-type"), "application/json");
    let signature = header(&head, "oriel-signature");
    let (time, tag) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut signed = format!("{time}.").into_bytes();
    signed.extend_from_slice(&body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let expected = hmac::sign(&key, &signed);
    let expected: String = expected.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(tag, expected);
    *asked.lock().unwrap() += 1;
    let mood = mood.load(Ordering::SeqCst);
    let answer = match mood {
        _ if mood == Mood::Takes as u8 => {
            told.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            "204 No Content\r\n"
        }
        _ if mood == Mood::Fails as u8 => "500 Internal Server Error\r\n",
        _ if mood == Mood::Redirects as u8 => "307 Temporary Redirect\r\nlocation: /elsewhere\r\n",
        _ if mood == Mood::Hangs as u8 => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            return;
        }
        _ => return,
    };
    let answer = format!("HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n");
    // It may have been killed meanwhile.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Head and body of a request; `None` when it breaks off.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut raw = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(read) if read > 0 => raw.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
        let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(raw[..end].to_vec()).unwrap().to_ascii_lowercase();
        let length: usize = header(&head, "content-length").parse().unwrap();
        if raw.len() >= end + 4 + length {
            return Some((head, raw[end + 4..end + 4 + length].to_vec()));
        }
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name}: {head}"))
}

const LOOPBACK: &str = "webhooks.allowed_networks=[\"127.0.0.0/8\"]";

async fn as_admin(server: &Server, method: &str, path: &str) -> Response {
    let oriel = OrielClaims { admin: true, ..OrielClaims::default() };
    let token = format!("Bearer {}", token(Claims { oriel, ..Claims::default() }));
    server.http(method, path, &[("authorization", &token)], "").await
}

/// Waits until this is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), waiting).await.expect("this takes too long");
}

fn types(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_happens_is_told_in_order_with_the_numbers_of_the_journal() {
    let receiver = Receiver::start(Mood::Takes).await;
    let server = Server::start_bare(&[&receiver.endpoint(), LOOPBACK]).await;
    let (mut ana, joined) = server.join_as_guest("team", "Ana").await;
    ana.ask(json!({"type": "chat", "text": "hello"})).await;
    let posted = ana.event("chat.posted").await;
    ana.ask(json!({"type": "send", "payload": "aGk="})).await;
    ana.ask(json!({"type": "end"})).await;
    until(async || receiver.told().len() == 4).await;
    let told = receiver.told();
    // The application's own data is not among it.
    let expected = ["room.started", "participant.joined", "chat.posted", "room.ended"];
    assert_eq!(types(&told), expected);
    let chat = &told[2];
    assert_eq!(chat["event"], posted);
    assert_eq!(chat["room"]["id"], joined["room"]["id"]);
    let epoch = joined["cursor"].as_str().unwrap().split_once('.').unwrap().0;
    assert_eq!(chat["id"], format!("{epoch}.{}", posted["seq"]));
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_fails_holds_nobody_up_and_is_told_later() {
    for mood in [Mood::Hangs, Mood::Fails, Mood::HangsUp] {
        let receiver = Receiver::start(mood).await;
        let timeout = "webhooks.timeout=1";
        let server = Server::start_bare(&[&receiver.endpoint(), LOOPBACK, timeout]).await;
        let (mut ana, _) = server.join_as_guest("team", "Ana").await;
        for text in ["one", "two", "three"] {
            ana.ask(json!({"type": "chat", "text": text})).await;
        }
        until(async || *receiver.asked.lock().unwrap() > 1).await;
        assert!(receiver.told().is_empty());
        receiver.set(Mood::Takes);
        until(async || receiver.told().len() == 5).await;
        let told = receiver.told();
        let texts: Vec<&str> =
            told.iter().filter_map(|one| one["event"]["message"]["text"].as_str()).collect();
        assert_eq!(texts, ["one", "two", "three"]);
        let waiting = "oriel_webhook_waiting{endpoint=\"books\"}";
        until(async || server.metric(waiting).await == Some(0)).await;
        let delivered = "oriel_webhook_delivered_total{endpoint=\"books\"}";
        assert_eq!(server.metric(delivered).await, Some(5));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_dead_letters_are_sent_again() {
    let receiver = Receiver::start(Mood::Redirects).await;
    let retry_for = "webhooks.retry_for=1";
    let server = Server::start(&[&receiver.endpoint(), LOOPBACK, retry_for]).await;
    let response = as_admin(&server, "GET", "/v1/webhooks").await;
    assert_eq!(response.json()["endpoints"][0]["url"], receiver.url);
    let (_ana, _) = server.join(&token(claims("team", "ana"))).await;
    let letters = "/v1/webhooks/books/dead-letters";
    until(async || {
        let page = as_admin(&server, "GET", letters).await.json();
        page["letters"].as_array().unwrap().len() == 2
    })
    .await;
    let page = as_admin(&server, "GET", &format!("{letters}?limit=1")).await.json();
    let first = &page["letters"][0];
    assert_eq!(first["event"]["type"], "room.started");
    assert_eq!(first["reason"], "the answer was 307 Temporary Redirect");
    assert_eq!(page["next"], first["number"]);

    let one = format!("{letters}/{}", first["number"]);
    assert_eq!(as_admin(&server, "DELETE", &one).await.status, 204);
    assert_eq!(as_admin(&server, "DELETE", &one).await.status, 404);
    assert_eq!(as_admin(&server, "POST", &format!("{one}/retry")).await.status, 404);
    receiver.set(Mood::Takes);
    let retried = as_admin(&server, "POST", &format!("{letters}/retry")).await;
    assert_eq!(retried.json(), json!({"retried": 1}), "{}", retried.body);
    until(async || receiver.told().len() == 1).await;
    assert_eq!(receiver.told()[0]["type"], "participant.joined");
    assert_eq!(as_admin(&server, "GET", "/v1/webhooks/other/dead-letters").await.status, 404);
}

#[tokio::test]
async fn nothing_goes_to_private_addresses_unless_they_are_allowed() {
    let receiver = Receiver::start(Mood::Takes).await;
    let server = Server::start(&[&receiver.endpoint(), "webhooks.retry_for=1"]).await;
    let (_ana, _) = server.join(&token(claims("team", "ana"))).await;
    let letters = "/v1/webhooks/books/dead-letters";
    let mut reason = String::new();
    until(async || {
        let page = as_admin(&server, "GET", letters).await.json();
        let first = page["letters"][0]["reason"].as_str().unwrap_or_default();
        reason = first.to_owned();
        !reason.is_empty()
    })
    .await;
    assert!(reason.contains("webhooks.allowed_networks"), "{reason}");
    assert_eq!(*receiver.asked.lock().unwrap(), 0);
}

/// The server as a process of its own, that can be killed.
struct Process {
    child: Child,
    host: String,
}

impl Process {
    fn start(state: &TempDir, receiver: &Receiver) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_oriel"))
            .env_clear()
            .env("ORIEL__SERVER__STATE_DIR", state.path())
            .env("ORIEL__SERVER__HTTP_PORT", "0")
            .env("ORIEL__SERVER__INTERNAL_PORT", "0")
            .env("ORIEL__SFU__UDP_PORT", "0")
            .env("ORIEL__SFU__TCP_PORT", "0")
            .env("ORIEL__SFU__WORKERS", "1")
            .env("ORIEL__ICE__TURN", "false")
            .args(["--set", &receiver.endpoint(), "--set", LOOPBACK])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let host = line.trim_end().strip_prefix("Oriel is ready: http://");
        let host = host.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Process { child, host }
    }

    async fn join(&self, name: &str) -> (Socket, Value) {
        let ask = json!({"room": "team", "name": name}).to_string();
        let headers = [("content-type", "application/json")];
        let ticket = http(&self.host, "POST", "/v1/join", &headers, &ask).await.json();
        let mut socket = socket_at(&self.host, &[]).await.unwrap();
        let joined = socket.ask(json!({"type": "join", "token": ticket["token"]})).await;
        (socket, joined["ok"].clone())
    }

    /// SIGKILL: nothing is written, nobody is told.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that a participant was told until its connection broke off.
async fn read_to_the_end(socket: &mut Socket) -> Vec<Value> {
    let mut read = Vec::new();
    while let Ok(event) = socket.next_event().await {
        if event.get("seq").is_some() {
            read.push(event);
        }
    }
    read
}

#[tokio::test]
async fn a_server_that_is_killed_has_lost_nothing_that_it_acknowledged() {
    let receiver = Receiver::start(Mood::Takes).await;
    let state = tempfile::tempdir().unwrap();
    // By room: what its members were told.
    let mut acknowledged: BTreeMap<String, BTreeMap<u64, Value>> = BTreeMap::new();
    for round in 0..16_usize {
        // It takes everything, nothing, or changes its mind in the middle.
        receiver.set(if round % 3 == 1 { Mood::Fails } else { Mood::Takes });
        let process = Process::start(&state, &receiver);
        let (mut ana, joined) = process.join("Ana").await;
        let (mut ben, _) = process.join("Ben").await;
        let room = joined["room"]["id"].as_str().unwrap().to_owned();
        let (sent, awaited) = (3 + round, (round * 5) % (3 + round));
        for number in 0..sent {
            let text = format!("{round}-{number}");
            let chat = json!({"id": number + 1, "type": "chat", "text": text});
            ana.send_text(&chat.to_string()).await;
        }
        for _ in 0..awaited {
            ben.event("chat.posted").await;
        }
        if round % 3 == 2 {
            receiver.set(Mood::HangsUp);
        }
        process.kill();
        let heard = read_to_the_end(&mut ana).await.into_iter();
        let heard = heard.chain(read_to_the_end(&mut ben).await);
        let heard = heard.map(|event| (event["seq"].as_u64().unwrap(), event));
        acknowledged.entry(room).or_default().extend(heard);
    }
    receiver.set(Mood::Takes);
    let _last = Process::start(&state, &receiver);
    let wanted: usize = acknowledged.values().map(BTreeMap::len).sum();
    assert!(wanted > 60, "{wanted}");

    // By room: what was told, each once.
    let once = || {
        let mut seen = BTreeSet::new();
        let mut by_room: BTreeMap<String, Vec<(u64, Value)>> = BTreeMap::new();
        for event in receiver.told() {
            let id = event["id"].as_str().unwrap().to_owned();
            let seq = id.split_once('.').unwrap().1.parse().unwrap();
            let room = event["room"]["id"].as_str().unwrap().to_owned();
            if seen.insert(id) {
                by_room.entry(room).or_default().push((seq, event));
            }
        }
        by_room
    };
    let is_there = |told: &BTreeMap<String, Vec<(u64, Value)>>, room: &String, seq: u64| {
        told.get(room).is_some_and(|events| events.iter().any(|(told, _)| *told == seq))
    };
    until(async || {
        let told = once();
        acknowledged
            .iter()
            .all(|(room, events)| events.keys().all(|&seq| is_there(&told, room, seq)))
    })
    .await;
    let told = once();
    for (room, heard) in &acknowledged {
        let Some(events) = told.get(room) else {
            assert!(heard.is_empty());
            continue;
        };
        assert!(events.is_sorted_by(|one, other| one.0 < other.0), "{room}: {events:?}");
        for (seq, event) in heard {
            let (_, told) = events.iter().find(|(told, _)| told == seq).unwrap();
            assert_eq!(&told["event"], event);
        }
    }
}
