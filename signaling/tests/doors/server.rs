//! A server on free ports, and the smallest clients that can knock at it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use signaling::app::App;
use signaling::config::Config;
use signaling::config::layers::{Sources, load};
use signaling_core::grants::{Claims, OrielClaims, VideoClaims};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) const KEY: &str = "test-key";
pub(crate) const SECRET: &str = "a secret of thirty-two bytes and more";

/// Nothing here takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) config: Config,
    _state: TempDir,
}

impl Server {
    /// With the key of these tests.
    pub(crate) async fn start(set: &[&str]) -> Server {
        let key = format!("auth.keys=[{{id=\"{KEY}\",secret=\"{SECRET}\"}}]");
        let mut all = vec![key.as_str()];
        all.extend(set);
        Self::start_bare(&all).await
    }

    /// With the development key, unless `set` brings another.
    pub(crate) async fn start_bare(set: &[&str]) -> Server {
        Self::start_in(tempfile::tempdir().unwrap(), set).await
    }

    /// As [`Server::start_bare`], with what is in the state directory already.
    pub(crate) async fn start_in(state: TempDir, set: &[&str]) -> Server {
        let config = config(&state, set);
        let app = App::start(&config).await.unwrap();
        Server { app, config, _state: state }
    }

    pub(crate) fn host(&self) -> String {
        self.app.http_address().to_string()
    }

    /// One HTTP/1.1 request on a connection of its own.
    pub(crate) async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        http(&self.host(), method, path, headers, body).await
    }

    pub(crate) async fn internal(&self, path: &str) -> Response {
        http(&self.app.internal_address().to_string(), "GET", path, &[], "").await
    }

    /// The value of one series of `/metrics`.
    pub(crate) async fn metric(&self, series: &str) -> Option<i64> {
        let page = self.internal("/metrics").await.body;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    pub(crate) async fn post_json(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Response {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers);
        self.http("POST", path, &all, &body.to_string()).await
    }

    /// A guest's ticket.
    pub(crate) async fn ticket(&self, room: &str, name: &str) -> Value {
        let response = self.post_json("/v1/join", &[], &json!({"room": room, "name": name})).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()
    }

    /// A socket that has not joined.
    pub(crate) async fn socket(&self) -> Socket {
        self.try_socket(&[]).await.unwrap()
    }

    pub(crate) async fn try_socket(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, Error> {
        socket_at(&self.host(), headers).await
    }

    /// A socket that has joined, and the reply to its join.
    pub(crate) async fn join(&self, token: &str) -> (Socket, Value) {
        let mut socket = self.socket().await;
        let joined = socket.ask(json!({"type": "join", "token": token})).await;
        (socket, joined["ok"].clone())
    }

    pub(crate) async fn join_as_guest(&self, room: &str, name: &str) -> (Socket, Value) {
        let ticket = self.ticket(room, name).await;
        self.join(ticket["token"].as_str().unwrap()).await
    }
}

/// A socket that has not joined, at any server.
pub(crate) async fn socket_at(
    host: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, Error> {
    let mut request: Request = format!("ws://{host}/v1/ws").into_client_request().unwrap();
    let subprotocol = ("sec-websocket-protocol", "oriel.v1");
    for (name, value) in [subprotocol].iter().chain(headers) {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(host).await.unwrap();
    let (stream, _) =
        in_time(tokio_tungstenite::client_async(request, MaybeTlsStream::Plain(stream))).await?;
    Ok(Socket { stream, events: Vec::new() })
}

pub(crate) fn config(state: &TempDir, set: &[&str]) -> Config {
    let state = format!("server.state_dir={}", state.path().display());
    let mut all = vec![
        state,
        "server.http_port=0".into(),
        "server.internal_port=0".into(),
        "sfu.udp_port=0".into(),
        "sfu.tcp_port=0".into(),
        "sfu.workers=1".into(),
        "sfu.socket_buffer=65536".into(),
        "turn.port=0".into(),
        "turn.tls_port=0".into(),
        "turn.workers=1".into(),
        "turn.socket_buffer=65536".into(),
    ];
    all.extend(set.iter().map(|&pair| pair.to_owned()));
    load(&Sources { file: None, set: all }, []).unwrap()
}

/// A token of the key of these tests, good for an hour.
pub(crate) fn token(claims: Claims) -> String {
    let header = jsonwebtoken::Header::default();
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let exp = Some(jsonwebtoken::get_current_timestamp() + 3600);
    let claims = Claims { iss: Some(KEY.into()), exp, ..claims };
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// What a token server mints for somebody who joins.
pub(crate) fn claims(room: &str, identity: &str) -> Claims {
    Claims {
        sub: Some(identity.into()),
        video: VideoClaims { room: Some(room.into()), room_join: true, ..VideoClaims::default() },
        ..Claims::default()
    }
}

pub(crate) fn service_token() -> String {
    token(Claims {
        oriel: OrielClaims { service: true, ..OrielClaims::default() },
        ..Claims::default()
    })
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn headers(&self) -> HashMap<&str, &str> {
        self.headers.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) async fn http(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let stream = TcpStream::connect(host).await.unwrap();
    http_on(stream, host, method, path, headers, body).await
}

pub(crate) async fn http_on(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    // A server that refuses by the headers may close before it has read a long body.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut raw = Vec::new();
    let _ = in_time(stream.read_to_end(&mut raw)).await;
    let raw = String::from_utf8(raw).unwrap();
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {raw:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Response { status, headers, body: body.to_owned() }
}

/// What a server sends.
#[derive(Debug)]
pub(crate) enum Frame {
    Text(Value),
    Binary(Vec<u8>),
}

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Came while a reply was waited for.
    events: Vec<Value>,
}

impl Socket {
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.stream.send(message).await
    }

    /// Everything below, for clients that break the protocol.
    pub(crate) fn raw(&mut self) -> &mut MaybeTlsStream<TcpStream> {
        self.stream.get_mut()
    }

    /// Asks, and waits for the reply: `{"re", "ok" | "error"}`.
    pub(crate) async fn ask(&mut self, mut request: Value) -> Value {
        // A participant uses no number again, on a later connection either.
        static ASKED: AtomicU64 = AtomicU64::new(10_000);
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        request["id"] = json!(number);
        self.send_text(&request.to_string()).await;
        loop {
            let frame = self.frame().await.expect("closed before the reply");
            if frame["re"] == json!(number) {
                return frame;
            }
            self.events.push(frame);
        }
    }

    /// The next event of this type; others are passed over.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next_event().await.expect("closed before the event");
            if event["type"] == kind {
                return event;
            }
        }
    }

    pub(crate) async fn next_event(&mut self) -> Result<Value, u16> {
        if self.events.is_empty() { self.frame().await } else { Ok(self.events.remove(0)) }
    }

    /// The next text frame, or the close code; 1006 for none.
    pub(crate) async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            if let Frame::Text(frame) = self.any_frame().await? {
                return Ok(frame);
            }
        }
    }

    /// The next frame, or the close code; 1006 for none.
    pub(crate) async fn any_frame(&mut self) -> Result<Frame, u16> {
        loop {
            match in_time(self.stream.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(Frame::Text(serde_json::from_str(&text).unwrap()));
                }
                Some(Ok(Message::Binary(bytes))) => return Ok(Frame::Binary(bytes.to_vec())),
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return Err(1006),
            }
        }
    }

    /// The code that the server closes with, whatever comes before.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Err(code) = self.frame().await {
                return code;
            }
        }
    }
}
