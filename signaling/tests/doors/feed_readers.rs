//! Readers of events without a WebSocket, as small as can be: an event stream, a long poll, and a
//! participant who has nothing else.

use serde_json::{Value, json};
use signaling_core::grants::{Claims, OrielClaims, VideoClaims};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::server::{Response, Server, in_time, token};

/// A token that observes one room, or all.
pub(crate) fn observing(room: Option<&str>) -> String {
    token(Claims {
        video: VideoClaims { room: room.map(str::to_owned), ..VideoClaims::default() },
        oriel: OrielClaims { observe: true, ..OrielClaims::default() },
        ..Claims::default()
    })
}

/// What an event stream says at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) id: Option<String>,
    pub(crate) kind: String,
    pub(crate) data: Value,
}

/// An event stream, by HTTP/1.0: the body then is what comes until the end.
pub(crate) struct Stream {
    lines: BufReader<TcpStream>,
    pub(crate) status: u16,
}

impl Stream {
    /// Opens `path` with a bearer token, after the place `last`.
    pub(crate) async fn open(
        server: &Server,
        path: &str,
        bearer: &str,
        last: Option<&str>,
    ) -> Stream {
        Stream::open_at(&server.host(), path, bearer, last).await
    }

    pub(crate) async fn open_at(
        host: &str,
        path: &str,
        bearer: &str,
        last: Option<&str>,
    ) -> Stream {
        let mut stream = TcpStream::connect(host).await.unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.0\r\nhost: {host}\r\naccept: text/event-stream\r\n\
             authorization: Bearer {bearer}\r\n{last}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut stream = Stream { lines: BufReader::new(stream), status: 0 };
        let status = stream.line().await.unwrap();
        stream.status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = None;
        loop {
            let line = stream.line().await.unwrap();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length: ").map(str::to_owned).or(length);
        }
        assert!(stream.status != 200 || length.is_none(), "a stream has no length: {length:?}");
        stream
    }

    /// The next event that has data; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        let mut told = Told::default();
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", id)) => told.id = Some(id.to_owned()),
                Some(("event", kind)) => kind.clone_into(&mut told.kind),
                Some(("data", data)) => told.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !told.data.is_null() => return Some(told),
                _ if line.is_empty() => told = Told::default(),
                _ => {}
            }
        }
    }

    /// Events up to one of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Vec<Told> {
        let mut all = Vec::new();
        while all.last().is_none_or(|told: &Told| told.kind != kind) {
            all.push(self.next().await.expect("the stream ended before the event"));
        }
        all
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = in_time(self.lines.read_line(&mut line)).await.unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

/// One poll: what came, and the place after it.
pub(crate) async fn poll(
    server: &Server,
    path: &str,
    bearer: &str,
    after: Option<&str>,
    wait: u64,
) -> (Vec<Value>, String) {
    let response = try_poll(server, path, bearer, after, wait).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let body = response.json();
    (body["frames"].as_array().unwrap().clone(), body["after"].as_str().unwrap().to_owned())
}

pub(crate) async fn try_poll(
    server: &Server,
    path: &str,
    bearer: &str,
    after: Option<&str>,
    wait: u64,
) -> Response {
    let after = after.map(|place| format!("&after={place}")).unwrap_or_default();
    let path = format!("{path}?wait={wait}{after}");
    let authorization = format!("Bearer {bearer}");
    let headers = [("accept", "application/json"), ("authorization", authorization.as_str())];
    server.http("GET", &path, &headers, "").await
}

/// A participant without a WebSocket.
pub(crate) struct Caller {
    pub(crate) room: String,
    pub(crate) connection: String,
    /// The place up to which frames were polled.
    pub(crate) after: String,
}

impl Caller {
    /// Joins, or comes back; returns what the reply says.
    pub(crate) async fn begin(server: &Server, room: &str, request: Value) -> (Caller, Value) {
        let path = format!("/v1/rooms/{room}/requests");
        let response = server.post_json(&path, &[], &request).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let opened = response.json();
        assert_eq!(opened["reply"]["re"], request["id"]);
        let caller = Caller {
            room: room.to_owned(),
            connection: opened["connection"].as_str().unwrap().to_owned(),
            after: "0".to_owned(),
        };
        (caller, opened["reply"]["ok"].clone())
    }

    pub(crate) async fn join(server: &Server, room: &str, token: &str) -> (Caller, Value) {
        Caller::begin(server, room, json!({"id": 1, "type": "join", "token": token})).await
    }

    pub(crate) fn events(&self) -> String {
        format!("/v1/rooms/{}/events", self.room)
    }

    /// Sends requests.
    pub(crate) async fn ask(&self, server: &Server, requests: Value) -> Response {
        let path = format!("/v1/rooms/{}/requests", self.room);
        let bearer = format!("Bearer {}", self.connection);
        server.post_json(&path, &[("authorization", &bearer)], &requests).await
    }

    /// The next frames.
    pub(crate) async fn poll(&mut self, server: &Server) -> Vec<Value> {
        let place = self.after.clone();
        let (frames, after) =
            poll(server, &self.events(), &self.connection, Some(&place), 20).await;
        self.after = after;
        frames
    }

    /// Frames up to the first one that `is_last` is true of.
    pub(crate) async fn until(
        &mut self,
        server: &Server,
        is_last: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            all.extend(self.poll(server).await);
            if all.iter().any(&is_last) {
                return all;
            }
        }
    }
}
