//! The opening handshake (RFC 6455 §4.2), and a bound on what a stranger may send after it.
//!
//! It is done here and not by axum, because a socket's bounds must differ before and after its token
//! was seen, and axum does not let go of the stream underneath.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use signaling_core::error::{ErrorCode, RequestError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::problem::Problem;

/// What a client must ask for (`Sec-WebSocket-Protocol`).
pub(super) const SUBPROTOCOL: &str = "oriel.v1";

/// Checks a client's opening handshake; the response switches protocols.
///
/// # Errors
/// 426 for what is no WebSocket request, 400 for one that cannot be served.
pub(super) fn respond(method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
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
pub(super) struct Bounded<S> {
    stream: S,
    /// `None` when lifted.
    left: Option<usize>,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, bytes: usize) -> Self {
        Bounded { stream, left: Some(bytes) }
    }

    /// The other side is no stranger any more.
    pub(super) fn lift(&mut self) {
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
