//! Janus has no WHIP or WHEP: its videoroom is driven directly, by Janus' own JSON over a WebSocket. A
//! bridge would be one more program beside what is measured, and this needs none: an offer goes in
//! and an answer comes out as with the others, only that here a viewer is given the offer.
//!
//! <https://janus.conf.meetecho.com/docs/rest.html> and `videoroom.html` there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use hyper::Uri;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::door::{Ask, Told};

const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("janus-protocol");

const PLUGIN: &str = "janus.plugin.videoroom";

/// Janus forgets a session that says nothing for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long a reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(15);

/// Requests that may wait to be written: more than are ever asked at once.
const REQUEST_QUEUE: usize = 64;

/// Who waits for a reply, by transaction.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;

/// A session at Janus, with its rooms.
pub(super) struct Gateway {
    authority: String,
    requests: mpsc::Sender<Value>,
    waiting: Waiting,
    transactions: AtomicU64,
    session: u64,
    /// The handle that rooms are made with.
    host: u64,
    rooms: Vec<u64>,
    /// The connection and its keep-alive; they end when this is dropped.
    tasks: JoinSet<()>,
}

impl Gateway {
    /// Connects and makes the rooms.
    ///
    /// # Errors
    ///
    /// When Janus is not there, or does not want that.
    pub(super) async fn connect(url: &str, rooms: u16, publishers: u16) -> anyhow::Result<Gateway> {
        let uri: Uri = url.parse().with_context(|| format!("`{url}` is no address"))?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("ws"));
        let authority = authority.with_context(|| {
            format!("`{url}` is no address of Janus; give it as ws://host:port")
        })?;
        let mut request = url.into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        let (socket, _) = timeout(REPLY_TIMEOUT, connect_async(request))
            .await
            .map_err(|_| anyhow!("no connection to {url} within {REPLY_TIMEOUT:?}"))?
            .with_context(|| format!("no connection to {url}"))?;
        let (requests, queue) = mpsc::channel(REQUEST_QUEUE);
        let waiting = Waiting::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(socket, queue, Arc::clone(&waiting)));
        let mut gateway = Gateway {
            authority: authority.to_string(),
            requests,
            waiting,
            transactions: AtomicU64::new(0),
            session: 0,
            host: 0,
            rooms: Vec::new(),
            tasks,
        };
        gateway.session = id(&gateway.request(json!({ "janus": "create" })).await?)?;
        gateway.host = gateway.attach().await?;
        // Rooms of an earlier run, or of somebody else, have other numbers.
        let first = u64::from(rand::random::<u32>()) << 16;
        for room in 0..rooms {
            let number = first + u64::from(room);
            let room = json!({
                "request": "create", "room": number, "permanent": false, "publishers": publishers,
                "audiocodec": "opus", "videocodec": "vp8", "bitrate": 0, "fir_freq": 0,
                "notify_joining": false,
            });
            gateway.message(gateway.host, room, None).await?;
            gateway.rooms.push(number);
        }
        gateway.spawn_keep_alive();
        Ok(gateway)
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) async fn ask(&self, ask: Ask) -> anyhow::Result<Told> {
        match ask {
            Ask::Publish { room, publisher, offer } => {
                let handle = self.attach().await?;
                let join = json!({
                    "request": "joinandconfigure", "ptype": "publisher", "room": self.room(room)?,
                    "id": feed(publisher),
                });
                let offer = json!({ "type": "offer", "sdp": offer });
                let sdp = sdp(&self.message(handle, join, Some(offer)).await?)?;
                Ok(Told::Answered { resource: handle.to_string(), sdp })
            }
            Ask::View { room, publisher: Some(publisher), .. } => {
                let handle = self.attach().await?;
                let join = json!({
                    "request": "join", "ptype": "subscriber", "room": self.room(room)?,
                    "streams": [{ "feed": feed(publisher) }],
                });
                let sdp = sdp(&self.message(handle, join, None).await?)?;
                Ok(Told::Offered { resource: handle.to_string(), sdp })
            }
            Ask::View { publisher: None, .. } => {
                bail!("Janus is asked for one publisher at a time")
            }
            Ask::Accept { resource, answer } => {
                let answer = json!({ "type": "answer", "sdp": answer });
                let start = json!({ "request": "start" });
                self.message(resource.parse()?, start, Some(answer)).await?;
                Ok(Told::Done)
            }
            Ask::Leave { resource } => {
                let handle: u64 = resource.parse()?;
                self.in_session(json!({ "janus": "detach", "handle_id": handle })).await?;
                Ok(Told::Done)
            }
        }
    }

    /// Ends the rooms and the session.
    pub(super) async fn close(&self) -> anyhow::Result<()> {
        for room in &self.rooms {
            let destroy = json!({ "request": "destroy", "room": room });
            self.message(self.host, destroy, None).await?;
        }
        self.in_session(json!({ "janus": "destroy" })).await?;
        Ok(())
    }

    fn room(&self, room: u16) -> anyhow::Result<u64> {
        self.rooms.get(usize::from(room)).copied().context("there is no such room")
    }

    /// A handle: a peer connection to be.
    async fn attach(&self) -> anyhow::Result<u64> {
        id(&self.in_session(json!({ "janus": "attach", "plugin": PLUGIN })).await?)
    }

    /// A request to the videoroom; returns its event.
    async fn message(
        &self,
        handle: u64,
        body: Value,
        jsep: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut message = json!({ "janus": "message", "handle_id": handle, "body": body });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let event = self.in_session(message).await?;
        let error = &event["plugindata"]["data"]["error"];
        ensure!(error.is_null(), "Janus' videoroom refused it: {error}");
        Ok(event)
    }

    async fn in_session(&self, mut request: Value) -> anyhow::Result<Value> {
        request["session_id"] = self.session.into();
        self.request(request).await
    }

    /// Sends a request and waits for its reply.
    async fn request(&self, mut request: Value) -> anyhow::Result<Value> {
        let transaction = self.transactions.fetch_add(1, Ordering::Relaxed).to_string();
        request["transaction"] = transaction.as_str().into();
        let (reply, replied) = oneshot::channel();
        lock(&self.waiting).insert(transaction.clone(), reply);
        let answered = async {
            self.requests.send(request).await.ok()?;
            replied.await.ok()
        };
        let reply = timeout(REPLY_TIMEOUT, answered).await;
        lock(&self.waiting).remove(&transaction);
        let reply = reply
            .map_err(|_| anyhow!("Janus did not reply within {REPLY_TIMEOUT:?}"))?
            .context("the connection to Janus is lost")?;
        ensure!(reply["janus"] != "error", "Janus refused it: {}", reply["error"]["reason"]);
        Ok(reply)
    }

    fn spawn_keep_alive(&mut self) {
        let (requests, session) = (self.requests.clone(), self.session);
        self.tasks.spawn(async move {
            let mut pace = interval(KEEP_ALIVE);
            loop {
                pace.tick().await;
                // The acknowledgement is nobody's, and passed over.
                let alive =
                    json!({ "janus": "keepalive", "session_id": session, "transaction": "alive" });
                if requests.send(alive).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Writes requests, and hands replies to who waits for them, until the connection ends.
async fn carry(
    mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut requests: mpsc::Receiver<Value>,
    waiting: Waiting,
) {
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { break };
                if socket.send(Message::text(request.to_string())).await.is_err() {
                    break;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => deliver(&text, &waiting),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    }
    // Who still waits learns that it is in vain.
    lock(&waiting).clear();
}

/// Hands a reply to who waits for it. An acknowledgement says that the reply will come later.
fn deliver(text: &str, waiting: &Waiting) {
    let Ok(reply) = serde_json::from_str::<Value>(text) else { return };
    if reply["janus"] == "ack" {
        return;
    }
    let waits = reply["transaction"].as_str().and_then(|name| lock(waiting).remove(name));
    if let Some(waits) = waits {
        let _ = waits.send(reply);
    }
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Value>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers of publishers in a room begin with 1.
fn feed(publisher: u16) -> u64 {
    u64::from(publisher) + 1
}

fn id(reply: &Value) -> anyhow::Result<u64> {
    reply["data"]["id"].as_u64().with_context(|| format!("Janus gave no id: {reply}"))
}

fn sdp(event: &Value) -> anyhow::Result<String> {
    let sdp = event["jsep"]["sdp"].as_str();
    Ok(sdp.with_context(|| format!("Janus gave no SDP: {event}"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_for_who_asked_and_an_acknowledgement_is_none() {
        let waiting = Waiting::default();
        let (reply, mut replied) = oneshot::channel();
        lock(&waiting).insert("7".to_owned(), reply);
        for other in [
            r#"{"janus": "ack", "transaction": "7"}"#,
            r#"{"janus": "event", "transaction": "8"}"#,
            r#"{"janus": "webrtcup", "sender": 1}"#,
            "no JSON",
        ] {
            deliver(other, &waiting);
            assert!(replied.try_recv().is_err(), "{other}");
        }
        deliver(r#"{"janus": "success", "transaction": "7", "data": {"id": 9}}"#, &waiting);
        assert_eq!(id(&replied.try_recv().unwrap()).unwrap(), 9);
        assert!(lock(&waiting).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused() {
        for url in ["http://127.0.0.1:8088/janus", "127.0.0.1:8188", ""] {
            assert!(Gateway::connect(url, 1, 1).await.is_err(), "{url}");
        }
    }
}
