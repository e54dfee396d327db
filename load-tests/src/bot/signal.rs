//! The signaling connection: requests out, replies and events in, over a WebSocket.
//!
//! It knows frames and how they are matched, and nothing of rooms or media. Everything is bounded: a
//! request waits [`REQUEST_TIMEOUT`] for its reply, and [`EVENT_QUEUE`] events wait to be read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use signaling_core::error::RequestError;
use signaling_core::event::{Event, EventFrame};
use signaling_core::reply::{Outcome, Reply, ReplyFrame};
use signaling_core::request::{Request, RequestFrame};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::ask::Ask;

/// The WebSocket subprotocol (RFC 6455 §1.9).
pub const SUBPROTOCOL: &str = "oriel.v1";

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may wait for its reply.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Events that may wait to be read. A reader further behind loses the connection.
pub const EVENT_QUEUE: usize = 1_024;

/// Requests that may wait to be written.
const REQUEST_QUEUE: usize = 64;

/// The largest frame taken from the server: answers hold many m-lines, rooms many participants.
const LARGEST_FRAME: usize = 1 << 20;

/// Why signaling failed.
#[derive(Debug, thiserror::Error)]
pub enum SignalError {
    /// No connection was made.
    #[error("no signaling connection to {url}: {reason}")]
    Connect {
        /// Where to.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The server said no.
    #[error("the server refused `{request}`: {error} ({:?})", error.code)]
    Refused {
        /// The `type` of the request.
        request: &'static str,
        /// What it said.
        error: RequestError,
    },
    /// The server said yes and sent what does not answer the request.
    #[error("the reply to `{request}` is of another kind: {reply:?}")]
    Mismatch {
        /// The `type` of the request.
        request: &'static str,
        /// What it sent.
        reply: Box<Reply>,
    },
    /// No reply in time.
    #[error("no reply to `{request}` within {REQUEST_TIMEOUT:?}")]
    Timeout {
        /// The `type` of the request.
        request: &'static str,
    },
    /// The connection is over.
    #[error("the signaling connection is closed: {0}")]
    Closed(Arc<str>),
}

/// A way to ask over one connection. Clones share it; it closes when the last is dropped.
#[derive(Debug, Clone)]
pub struct Signal {
    questions: mpsc::Sender<Question>,
    local: IpAddr,
    end: Arc<OnceLock<Arc<str>>>,
}

/// One request on its way to the connection.
#[derive(Debug)]
struct Question {
    request: Request,
    outcome: oneshot::Sender<Outcome>,
}

impl Signal {
    /// Connects to `url` (`ws://host:port/v1/ws`). Events come by the receiver; it ends with the
    /// connection, and [`Signal::end`] tells why.
    ///
    /// # Errors
    ///
    /// [`SignalError::Connect`] when there is no such server, or it does not speak [`SUBPROTOCOL`].
    pub async fn connect(url: &str) -> Result<(Signal, mpsc::Receiver<EventFrame>), SignalError> {
        let failed = |reason: String| SignalError::Connect { url: url.to_owned(), reason };
        let mut handshake = url.into_client_request().map_err(|error| failed(error.to_string()))?;
        handshake
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_FRAME))
            .max_frame_size(Some(LARGEST_FRAME));
        let (socket, _) =
            timeout(CONNECT_TIMEOUT, connect_async_with_config(handshake, Some(config), true))
                .await
                .map_err(|_| failed(format!("no answer within {CONNECT_TIMEOUT:?}")))?
                .map_err(|error| failed(error.to_string()))?;

        let MaybeTlsStream::Plain(stream) = socket.get_ref() else {
            return Err(failed("it uses TLS, which these participants do not speak".to_owned()));
        };
        let local = stream.local_addr().map_err(|error| failed(error.to_string()))?.ip();

        let (questions, asked) = mpsc::channel(REQUEST_QUEUE);
        let (events, read) = mpsc::channel(EVENT_QUEUE);
        let end = Arc::new(OnceLock::new());
        let connection = Connection { socket, asked, events, waiting: HashMap::new(), last_id: 0 };
        tokio::spawn(connection.run(Arc::clone(&end)));
        Ok((Signal { questions, local, end }, read))
    }

    /// Asks, and waits for the reply.
    ///
    /// # Errors
    ///
    /// [`SignalError::Refused`] when the server said no; any of the others when there was no reply.
    pub async fn request<A: Ask>(&self, ask: A) -> Result<A::Reply, SignalError> {
        let (outcome, answered) = oneshot::channel();
        let exchange = async {
            let question = Question { request: ask.request(), outcome };
            self.questions.send(question).await.map_err(|_| self.closed())?;
            answered.await.map_err(|_| self.closed())
        };
        let outcome = timeout(REQUEST_TIMEOUT, exchange)
            .await
            .map_err(|_| SignalError::Timeout { request: A::NAME })??;
        match outcome {
            Outcome::Ok(reply) => A::reply(reply).map_err(|reply| SignalError::Mismatch {
                request: A::NAME,
                reply: Box::new(reply),
            }),
            Outcome::Error(error) => Err(SignalError::Refused { request: A::NAME, error }),
        }
    }

    /// The local address by which the server was reached.
    pub fn local_address(&self) -> IpAddr {
        self.local
    }

    /// Why the connection is over; `None` while it lives.
    pub fn end(&self) -> Option<Arc<str>> {
        self.end.get().cloned()
    }

    fn closed(&self) -> SignalError {
        SignalError::Closed(self.end().unwrap_or_else(|| "no reason was given".into()))
    }
}

/// The task that owns the socket.
struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: mpsc::Receiver<Question>,
    events: mpsc::Sender<EventFrame>,
    waiting: HashMap<u64, oneshot::Sender<Outcome>>,
    last_id: u64,
}

/// Tells a reply from an event; the whole frame is then read as what it is, so that an error names
/// the field at fault.
#[derive(Deserialize)]
struct Peek {
    re: Option<u64>,
}

impl Connection {
    /// Moves frames until either side has enough.
    async fn run(mut self, end: Arc<OnceLock<Arc<str>>>) {
        let reason = loop {
            let step = tokio::select! {
                question = self.asked.recv() => match question {
                    Some(question) => self.ask(question).await,
                    None => Err("closed here".to_owned()),
                },
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.take(message),
                    Some(Err(error)) => Err(error.to_string()),
                    None => Err("the server ended the connection without a close frame".to_owned()),
                },
            };
            if let Err(reason) = step {
                break reason;
            }
        };
        // The reason stands before any waiting asker can look for it.
        let _ = end.set(reason.into());
        self.waiting.clear();
        drop(self.asked);
        // The server may be gone already, and nobody is left to tell.
        let _ = timeout(CONNECT_TIMEOUT, self.socket.close(None)).await;
    }

    /// Writes one request. `Err` ends the connection.
    async fn ask(&mut self, question: Question) -> Result<(), String> {
        self.waiting.retain(|_, outcome| !outcome.is_closed());
        self.last_id += 1;
        let frame = RequestFrame { id: self.last_id, request: question.request };
        let text = serde_json::to_string(&frame).map_err(|error| error.to_string())?;
        self.waiting.insert(self.last_id, question.outcome);
        timeout(REQUEST_TIMEOUT, self.socket.send(Message::text(text)))
            .await
            .map_err(|_| "the server reads nothing".to_owned())?
            .map_err(|error: tungstenite::Error| error.to_string())
    }

    /// Takes one message of the server. `Err` ends the connection.
    fn take(&mut self, message: Message) -> Result<(), String> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(Some(close)) => {
                return Err(format!("{} {}", u16::from(close.code), close.reason));
            }
            Message::Close(None) => return Err("the server gave no reason".to_owned()),
            Message::Binary(_) => return Err("the server sent a binary message".to_owned()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(()),
        };
        let wrong = |error: serde_json::Error| format!("the server sent {text}: {error}");
        let peek: Peek = serde_json::from_str(&text).map_err(wrong)?;
        if peek.re.is_some() {
            let reply: ReplyFrame = serde_json::from_str(&text).map_err(wrong)?;
            // An asker that has given up waiting is no fault of the connection.
            if let Some(outcome) = self.waiting.remove(&reply.re) {
                let _ = outcome.send(reply.outcome);
            }
            return Ok(());
        }
        let event: EventFrame = serde_json::from_str(&text).map_err(wrong)?;
        if let Event::Disconnected { reason } = &event.event {
            // The close frame that follows has only a number to tell.
            let reason = format!("disconnected by the server: {reason:?}");
            let _ = self.events.try_send(event);
            return Err(reason);
        }
        self.events.try_send(event).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                format!("{EVENT_QUEUE} events wait unread; read them faster")
            }
            mpsc::error::TrySendError::Closed(_) => "closed here".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::ask::Leave;
    use signaling_core::error::ErrorCode;
    use signaling_core::event::LeaveReason;
    use signaling_core::request::{Chat, Mute};
    use std::future::Future;
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_hdr_async;
    use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

    type Socket = WebSocketStream<TcpStream>;

    /// Connects to a server that speaks the subprotocol and does what `script` says.
    async fn connected<F: Future<Output = ()> + Send>(
        script: impl FnOnce(Socket) -> F + Send + 'static,
    ) -> (Signal, mpsc::Receiver<EventFrame>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/v1/ws", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            #[allow(clippy::result_large_err)] // The callback's type is the library's.
            let choose = |request: &Request, mut response: Response| -> Result<_, ErrorResponse> {
                let asked = request.headers()[SEC_WEBSOCKET_PROTOCOL].clone();
                assert_eq!(asked, SUBPROTOCOL);
                response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, asked);
                Ok(response)
            };
            script(accept_hdr_async(stream, choose).await.expect("a handshake")).await;
        });
        Signal::connect(&url).await.expect("a connection")
    }

    /// The next request as it stands on the wire.
    async fn asked(socket: &mut Socket) -> serde_json::Value {
        let message = socket.next().await.expect("a message").expect("a message");
        serde_json::from_str(message.to_text().expect("text")).expect("JSON")
    }

    async fn say(socket: &mut Socket, text: impl Into<String>) {
        socket.send(Message::text(text.into())).await.expect("sent");
    }

    fn chat(text: &str) -> Chat {
        Chat { text: text.to_owned(), to: None }
    }

    fn posted(text: &str) -> String {
        format!(
            r#"{{"message":{{"id":"CH_0000000000001","participant":"PA_0000000000001","name":"Ada","text":"{text}","at":1}}}}"#
        )
    }

    #[tokio::test]
    async fn replies_find_their_askers_in_any_order() {
        let (signal, _events) = connected(|mut socket| async move {
            let one = asked(&mut socket).await;
            let other = asked(&mut socket).await;
            assert_ne!(one["id"], other["id"]);
            for request in [other, one] {
                assert_eq!(request["type"], "chat");
                let text = posted(request["text"].as_str().expect("text"));
                say(&mut socket, format!(r#"{{"re":{},"ok":{text}}}"#, request["id"])).await;
            }
            asked(&mut socket).await;
        })
        .await;
        let (one, other) = tokio::join!(signal.request(chat("one")), signal.request(chat("other")));
        assert_eq!(one.expect("a reply").message.text, "one");
        assert_eq!(other.expect("a reply").message.text, "other");
    }

    #[tokio::test]
    async fn a_refusal_names_request_and_code() {
        let (signal, _events) = connected(|mut socket| async move {
            let request = asked(&mut socket).await;
            assert_eq!(request["type"], "leave");
            let error = r#"{"code":"busy","message":"try again","retry":true}"#;
            say(&mut socket, format!(r#"{{"re":{},"error":{error}}}"#, request["id"])).await;
            asked(&mut socket).await;
        })
        .await;
        match signal.request(Leave).await {
            Err(SignalError::Refused { request: "leave", error }) => {
                assert_eq!((error.code, error.retry), (ErrorCode::Busy, true));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_reply_of_another_kind_is_an_error() {
        let (signal, _events) = connected(|mut socket| async move {
            let request = asked(&mut socket).await;
            say(&mut socket, format!(r#"{{"re":{},"ok":{{"sdp":"v=0"}}}}"#, request["id"])).await;
            asked(&mut socket).await;
        })
        .await;
        let answer = signal.request(chat("hello")).await;
        assert!(matches!(answer, Err(SignalError::Mismatch { request: "chat", .. })), "{answer:?}");
    }

    #[tokio::test]
    async fn silence_times_out_and_a_late_reply_harms_nobody() {
        let (signal, _events) = connected(|mut socket| async move {
            let late = asked(&mut socket).await;
            let request = asked(&mut socket).await;
            say(&mut socket, format!(r#"{{"re":{},"ok":{{}}}}"#, late["id"])).await;
            say(&mut socket, format!(r#"{{"re":{},"ok":{{}}}}"#, request["id"])).await;
            asked(&mut socket).await;
        })
        .await;
        let mute = Mute { track: signaling_core::id::TrackId(1), muted: true };
        // A paused clock jumps to the next timeout whenever nothing else is to be done.
        tokio::time::pause();
        let unanswered = signal.request(mute.clone()).await;
        tokio::time::resume();
        assert!(matches!(unanswered, Err(SignalError::Timeout { request: "mute" })));
        signal.request(mute).await.expect("a reply");
    }

    #[tokio::test]
    async fn events_come_in_order_and_end_with_the_reason() {
        let (signal, mut events) = connected(|mut socket| async move {
            say(&mut socket, r#"{"seq":4,"type":"slots.needed","audio":1,"video":2}"#).await;
            say(&mut socket, r#"{"type":"disconnected","reason":"duplicate_identity"}"#).await;
            socket.next().await;
        })
        .await;
        let first = events.recv().await.expect("an event");
        assert_eq!(first.seq, Some(4));
        assert_eq!(first.event, Event::SlotsNeeded { audio: 1, video: 2 });
        let last = events.recv().await.expect("an event");
        let reason = LeaveReason::DuplicateIdentity;
        assert_eq!((last.seq, last.event), (None, Event::Disconnected { reason }));
        assert_eq!(events.recv().await, None);
        let refused = signal.request(Leave).await.expect_err("it is over");
        assert!(refused.to_string().contains("DuplicateIdentity"), "{refused}");
    }

    #[tokio::test]
    async fn a_close_frame_ends_waiting_requests_with_its_reason() {
        let (signal, _events) = connected(|mut socket| async move {
            asked(&mut socket).await;
            let close =
                tungstenite::protocol::CloseFrame { code: 4401.into(), reason: "expired".into() };
            socket.close(Some(close)).await.expect("closed");
        })
        .await;
        let refused = signal.request(Leave).await.expect_err("it is over");
        assert!(refused.to_string().ends_with("4401 expired"), "{refused}");
    }

    #[tokio::test]
    async fn nonsense_ends_the_connection_and_is_quoted() {
        for nonsense in [r#"{"type":"party"}"#, r#"{"re":1,"ok":7}"#, "hello"] {
            let (signal, mut events) = connected(move |mut socket| async move {
                say(&mut socket, nonsense).await;
                socket.next().await;
            })
            .await;
            assert_eq!(events.recv().await, None);
            let end = signal.end().expect("a reason");
            assert!(end.contains(nonsense), "{end}");
        }
    }

    #[tokio::test]
    async fn a_reader_far_behind_loses_the_connection() {
        let (signal, mut events) = connected(|mut socket| async move {
            for _ in 0..=EVENT_QUEUE {
                say(&mut socket, r#"{"seq":1,"type":"slots.needed","audio":1,"video":1}"#).await;
            }
            socket.next().await;
        })
        .await;
        let refused = signal.request(Leave).await.expect_err("it is over");
        assert!(refused.to_string().contains("unread"), "{refused}");
        let mut count = 0;
        while events.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, EVENT_QUEUE);
    }

    #[tokio::test]
    async fn a_server_without_the_subprotocol_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/v1/ws", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let _ = tokio_tungstenite::accept_async(stream).await;
        });
        assert!(matches!(Signal::connect(&url).await, Err(SignalError::Connect { .. })));
    }
}
