//! Somebody who is told by webhooks, and the reading of what HTTP clients send.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Webhooks may go to this machine.
pub(crate) const LOOPBACK: &str = "webhooks.allowed_networks=[\"127.0.0.0/8\"]";

const SECRET: &str = "a webhook's secret of 32 bytes and more";

/// How the receiver answers.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Mood {
    Takes,
    Fails,
    Hangs,
    HangsUp,
    Redirects,
    /// Takes it, and hangs up as if it had not, unless it was told before.
    Forgets,
}

/// Somebody who is told.
pub(crate) struct Receiver {
    pub(crate) url: String,
    /// What it has taken, in the order it came.
    told: Arc<Mutex<Vec<Value>>>,
    /// How often it was asked.
    pub(crate) asked: Arc<Mutex<u64>>,
    mood: Arc<AtomicU8>,
}

impl Receiver {
    pub(crate) async fn start(mood: Mood) -> Receiver {
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

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }

    /// By room, what it was told and in which order, each once: an event has its id alone.
    pub(crate) fn told_once(&self) -> BTreeMap<String, Vec<Value>> {
        let mut seen = BTreeSet::new();
        let mut rooms: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in self.told() {
            if seen.insert(event["id"].as_str().unwrap().to_owned()) {
                rooms
                    .entry(event["room"]["name"].as_str().unwrap().to_owned())
                    .or_default()
                    .push(event);
            }
        }
        rooms
    }

    /// What `--set` makes it an endpoint.
    pub(crate) fn endpoint(&self) -> String {
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
        _ if mood == Mood::Forgets as u8 => {
            told.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            match header(&head, "oriel-attempt") {
                "1" => return,
                _ => "204 No Content\r\n",
            }
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

/// Waits until this is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), waiting).await.expect("this takes too long");
}
