//! WebSockets (RFC 6455), whatever is said on them: the opening handshake, bounds, and the closing word.
//!
//! The handshake is done here and not by axum, because a socket's bounds must differ before and after its
//! token was seen, and axum does not let go of the stream underneath.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use signaling_core::error::{ErrorCode, RequestError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::conversation::{Ending, Goodbye, unsupported};
use crate::problem::Problem;

/// What a client must ask for (`Sec-WebSocket-Protocol`).
const SUBPROTOCOL: &str = "oriel.v1";
/// Read at once. Each socket has such a buffer for as long as it lives.
const READ_BUFFER: usize = 2 * 1024;
/// A message that is not taken by then ends the socket.
const SEND_TIMEOUT: Duration = Duration::from_secs(8);
/// How long we wait for the other side's closing word.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// An open WebSocket.
pub type Socket = WebSocketStream<Bounded<TokioIo<Upgraded>>>;

/// What the other side may send.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes in all, until [`Bounded::lift`].
    pub stranger: usize,
    /// Bytes of one message.
    pub message: usize,
}

/// Checks a client's opening handshake (RFC 6455 §4.2). The response switches protocols; the future waits
/// until it was sent, and gives `None` if it was not.
///
/// # Errors
/// 426 for what is no WebSocket request, 400 for one that cannot be served.
pub fn accept(
    request: &mut Request<Body>,
    bounds: Bounds,
) -> Result<(Response, impl Future<Output = Option<Socket>> + Send + use<>), Problem> {
    let response = respond(request.method(), request.headers())?;
    let upgrade = hyper::upgrade::on(request);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(bounds.message))
        .max_frame_size(Some(bounds.message));
    let socket = async move {
        let stream = TokioIo::new(upgrade.await.ok()?);
        let stream = Bounded { stream, left: Some(bounds.stranger) };
        Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await)
    };
    Ok((response, socket))
}

/// Sends a message.
///
/// # Errors
/// When the other side is gone, or does not take it in time.
pub async fn send(socket: &mut Socket, message: Message) -> Result<(), Ending> {
    match timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(Goodbye::too_slow())),
    }
}

/// Puts the frame of a text message behind `bytes` (RFC 6455 §5.2).
pub fn put_text(text: &[u8], bytes: &mut Vec<u8>) {
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    // Writing to a vector cannot fail.
    let _ = header.format(text.len() as u64, bytes);
    bytes.extend_from_slice(text);
}

/// What to say to a frame that is none of ours, or to the stream's end.
pub fn unusable(message: Option<Result<Message, Error>>) -> Ending {
    let code = match message {
        // A closing word is answered by `end`.
        None | Some(Ok(Message::Close(_))) => return None,
        Some(Ok(_)) => return unsupported(),
        Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
            (CloseCode::Size, "the message is too long")
        }
        Some(Err(Error::Utf8(_))) => (CloseCode::Invalid, "the text is not UTF-8"),
        Some(Err(Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::SendAfterClosing
            | ProtocolError::ReceivedAfterClosing,
        ))) => return None,
        Some(Err(Error::Protocol(_))) => (CloseCode::Protocol, "this is not RFC 6455"),
        // Of strangers who send too much, too.
        Some(Err(_)) => return None,
    };
    Some(Goodbye::new(code.0.into(), code.1))
}

/// The closing handshake, as far as the other side takes part in it.
pub async fn end(mut socket: Socket, ending: Ending) {
    let handshake = async {
        match ending {
            Some(goodbye) => {
                let code = goodbye.code.into();
                // A close frame has 125 bytes, two of them for the code (RFC 6455 §5.5).
                let frame = CloseFrame { code, reason: goodbye.reason_within(123).into() };
                if socket.close(Some(frame)).await.is_ok() {
                    while let Some(Ok(_)) = socket.next().await {}
                }
            }
            // Where a closing word came the library has put its answer by, and sends it with this.
            None => drop(socket.flush().await),
        }
    };
    // Whether it answered or not, the stream is closed now.
    let _ = timeout(CLOSE_TIMEOUT, handshake).await;
}

fn respond(method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let upgrade = has_token(headers, header::UPGRADE, "websocket")
        && has_token(headers, header::CONNECTION, "upgrade");
    let version = headers.get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    if method != Method::GET || !upgrade || version != Some(b"13") {
        return Err(Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "this is a WebSocket (RFC 6455)",
        ));
    }
    let bad = |message: &str| Problem::from(RequestError::new(ErrorCode::BadRequest, message));
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .ok_or_else(|| bad("Sec-WebSocket-Key is missing"))?;
    if !has_token(headers, header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(bad("ask for the subprotocol oriel.v1 (Sec-WebSocket-Protocol)"));
    }
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| bad("Sec-WebSocket-Key cannot be used"))?;
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
        (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

/// Whether a comma-separated header names `token`, in whatever case.
fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// A stream of which only so much is read until the bound is lifted.
pub struct Bounded<S> {
    stream: S,
    /// `None` when lifted.
    left: Option<usize>,
}

impl<S> Bounded<S> {
    /// The other side is no stranger any more.
    pub fn lift(&mut self) {
        self.left = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        if let Some(left) = &mut self.left {
            match left.checked_sub(read) {
                Some(rest) => *left = rest,
                None => return Poll::Ready(Err(io::Error::other("too much before the token"))),
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
