//! A participant with a WebSocket and no media, whose data messages are binary frames.

use std::time::Instant;

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use signaling_core::request::{Join, Request, RequestFrame};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::bot::signal::{REQUEST_TIMEOUT, SUBPROTOCOL};

/// The number of the last request, larger than that of any message.
const GOODBYE: u64 = 1 << 40;

/// A participant in the room.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Enters a room by the signaling door at `url`.
    ///
    /// # Errors
    ///
    /// When the server does not let it in.
    pub(super) async fn join(url: &str, join: Join) -> anyhow::Result<Socket> {
        let mut handshake = url.into_client_request()?;
        let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
        handshake.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
        let connecting = connect_async_with_config(handshake, None, true);
        let (stream, _) = timeout(REQUEST_TIMEOUT, connecting)
            .await
            .with_context(|| format!("no answer from {url}"))??;
        let mut socket = Socket { stream };
        let join = RequestFrame { id: 1, request: Request::Join(join) };
        socket.ask(1, serde_json::to_string(&join)?).await?;
        Ok(socket)
    }

    /// The next data message, or `None` at `due`. May be cancelled.
    pub(super) async fn next(&mut self, due: Option<Instant>) -> anyhow::Result<Option<Vec<u8>>> {
        let forever = std::future::pending();
        let waiting = async {
            match due {
                Some(due) => sleep_until(due.into()).await,
                None => forever.await,
            }
        };
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                () = &mut waiting => return Ok(None),
                came = self.stream.next() => {
                    match came.context("the server has ended the connection")?? {
                        Message::Binary(bytes) => return Ok(Some(bytes.to_vec())),
                        Message::Close(close) => bail!("the server says good-bye: {close:?}"),
                        Message::Text(text) => drop(granted(&text)?),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Sends a data message.
    pub(super) async fn send(&mut self, message: Vec<u8>) -> anyhow::Result<()> {
        Ok(self.stream.send(Message::binary(message)).await?)
    }

    /// Says goodbye.
    pub(super) async fn leave(mut self) -> anyhow::Result<()> {
        self.ask(GOODBYE, json!({"id": GOODBYE, "type": "leave"}).to_string()).await
    }

    async fn ask(&mut self, id: u64, request: String) -> anyhow::Result<()> {
        let answered = async {
            self.stream.send(Message::text(request)).await?;
            loop {
                match self.stream.next().await.context("the server has ended the connection")?? {
                    Message::Text(text) if granted(&text)? == Some(id) => return Ok(()),
                    Message::Close(close) => bail!("the server says good-bye: {close:?}"),
                    _ => {}
                }
            }
        };
        timeout(REQUEST_TIMEOUT, answered).await.context("no reply came")?
    }
}

/// The number of the request that a frame grants, if it is a reply.
///
/// # Errors
///
/// When it is a refusal.
fn granted(text: &str) -> anyhow::Result<Option<u64>> {
    let frame: Value = serde_json::from_str(text)?;
    ensure!(frame["error"].is_null(), "the server has refused: {text}");
    Ok(frame["re"].as_u64())
}
