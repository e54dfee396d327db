//! Entering as a guest: `POST /v1/join` for a token and the address of the signaling door.

use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::http;

/// How long the whole exchange may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read.
const LARGEST_ANSWER: usize = 64 * 1_024;

/// Why a guest was not let in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The address of the server cannot be used.
    #[error("`{0}` is not the address of a server; give it as http://host:port")]
    Address(String),
    /// There was no answer.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server said no.
    #[error("the server refused a guest ({status}): {body}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What it said.
        body: String,
    },
}

/// The origin of a server, `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    authority: String,
}

/// What a participant needs to open the signaling connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ticket {
    /// The access token.
    pub token: String,
    /// The signaling door, `ws://host:port/v1/ws`.
    pub url: String,
    /// The door for WebTransport, if there is one.
    #[serde(default)]
    pub webtransport: Option<Invitation>,
}

/// Where a session of WebTransport can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// `https://host:port/path`.
    pub url: String,
    /// SHA-256 of certificates that no authority has signed, in base 64.
    #[serde(default)]
    pub certificate_hashes: Vec<String>,
}

#[derive(Serialize)]
struct Guest<'a> {
    room: &'a str,
    name: &'a str,
}

impl Server {
    /// Reads `http://host:port`. A path after it is not looked at: the address of a room will do.
    ///
    /// # Errors
    ///
    /// [`JoinError::Address`] for anything else, `https` included: these participants have no TLS.
    pub fn parse(url: &str) -> Result<Server, JoinError> {
        let wrong = || JoinError::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        Ok(Server { authority: http::authority(&uri).ok_or_else(wrong)? })
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The signaling door, for participants that have a token already.
    pub fn signaling(&self) -> String {
        format!("ws://{}/v1/ws", self.authority)
    }

    /// Asks for a guest's token.
    ///
    /// # Errors
    ///
    /// [`JoinError::Unreachable`] without a usable answer, [`JoinError::Refused`] when the server
    /// lets no guests in or the room is full.
    pub async fn join(&self, room: &str, name: &str) -> Result<Ticket, JoinError> {
        let url = format!("http://{}/v1/join", self.authority);
        let unreachable = |reason: String| JoinError::Unreachable { url: url.clone(), reason };
        let guest = serde_json::to_vec(&Guest { room, name })
            .map_err(|error| unreachable(error.to_string()))?;
        let (status, body) = timeout(TIMEOUT, self.post("/v1/join", guest))
            .await
            .map_err(|_| unreachable(format!("nothing within {TIMEOUT:?}")))?
            .map_err(|error| unreachable(error.to_string()))?;
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(JoinError::Refused { status, body });
        }
        serde_json::from_slice(&body)
            .map_err(|error| unreachable(format!("{error} in {}", String::from_utf8_lossy(&body))))
    }

    /// One JSON request.
    async fn post(&self, path: &str, json: Vec<u8>) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(json)))?;
        let answer = http::exchange(&self.authority, request, LARGEST_ANSWER).await?;
        Ok((answer.status(), answer.into_body()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that answers one request and returns what it was asked.
    async fn answering(status: &str, body: &str) -> (Server, tokio::task::JoinHandle<String>) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut asked = Vec::new();
            while !asked.ends_with(b"}") {
                let mut part = [0; 1_024];
                let count = stream.read(&mut part).await.expect("a request");
                assert_ne!(count, 0, "the request is incomplete");
                asked.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            String::from_utf8(asked).expect("text")
        });
        (Server::parse(&format!("http://{address}/r/talk")).expect("an address"), task)
    }

    #[test]
    fn addresses_are_read() {
        let server = Server::parse("http://localhost:7880/r/talk").expect("an address");
        assert_eq!(server.signaling(), "ws://localhost:7880/v1/ws");
        assert_eq!(
            Server::parse("http://example.org").expect("an address").authority(),
            "example.org:80"
        );
        assert_eq!(
            Server::parse("http://[::1]:7880").expect("an address").authority(),
            "[::1]:7880"
        );
        for wrong in ["", "localhost:7880", "https://example.org", "ws://example.org", "/v1"] {
            assert!(matches!(Server::parse(wrong), Err(JoinError::Address(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_guest_gets_a_ticket() {
        let (server, asked) = answering(
            "200 OK",
            r#"{"token":"abc","url":"ws://127.0.0.1:7880/v1/ws","room":"talk","limits":null,
                "webtransport":{"url":"https://127.0.0.1:7880/v1/webtransport"}}"#,
        )
        .await;
        let ticket = server.join("talk", "Ada").await.expect("a ticket");
        let url = "https://127.0.0.1:7880/v1/webtransport".into();
        let webtransport = Some(Invitation { url, certificate_hashes: Vec::new() });
        let url = "ws://127.0.0.1:7880/v1/ws".into();
        assert_eq!(ticket, Ticket { token: "abc".into(), url, webtransport });
        let asked = asked.await.expect("the server");
        assert!(asked.starts_with("POST /v1/join HTTP/1.1\r\n"), "{asked}");
        assert!(asked.ends_with(r#"{"room":"talk","name":"Ada"}"#), "{asked}");
    }

    #[tokio::test]
    async fn a_refusal_is_passed_on() {
        let (server, _) = answering("403 Forbidden", "no guests").await;
        match server.join("talk", "Ada").await {
            Err(JoinError::Refused { status, body }) => {
                assert_eq!((status, body.as_str()), (StatusCode::FORBIDDEN, "no guests"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let server = Server::parse(&format!("http://{address}")).expect("an address");
        assert!(matches!(server.join("talk", "Ada").await, Err(JoinError::Unreachable { .. })));
    }
}
