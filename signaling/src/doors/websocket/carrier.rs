//! A WebSocket as what carries a conversation.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::conversation::{self, Ending, Frame};
use crate::participation::Place;
use crate::shortcut::Shortcut;
use crate::sweep::Format;
use crate::websocket::{self, Socket, send, unusable};

/// Nothing heard for so long, not even a pong: the other side is not there.
const SILENCE: Duration = Duration::from_secs(40);

/// An open socket.
pub(super) struct Carrier {
    socket: Socket,
    shortcut: Option<Shortcut>,
    heard: Instant,
}

impl Carrier {
    pub(super) fn new(socket: Socket, shortcut: Option<Shortcut>) -> Carrier {
        Carrier { socket, shortcut, heard: Instant::now() }
    }
}

impl conversation::Carrier for Carrier {
    const DOOR: &'static str = "websocket";

    async fn receive(&mut self) -> Result<Frame, Ending> {
        let frame = match self.socket.next().await {
            Some(Ok(Message::Text(text))) => Frame::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes),
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Frame::Alive,
            // What a browser says when its page is closed (RFC 6455 §7.4.1).
            Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Away => Frame::Away,
            other => return Err(unusable(other)),
        };
        self.heard = Instant::now();
        Ok(frame)
    }

    async fn send_text(&mut self, json: Bytes) -> Result<(), Ending> {
        let text = Utf8Bytes::try_from(json).map_err(|_| Some(conversation::failed()))?;
        send(&mut self.socket, Message::Text(text)).await
    }

    async fn send_binary(&mut self, envelope: Bytes) -> Result<(), Ending> {
        send(&mut self.socket, Message::Binary(envelope)).await
    }

    async fn check(&mut self) -> Result<(), Ending> {
        if self.heard.elapsed() > SILENCE {
            return Err(None);
        }
        send(&mut self.socket, Message::Ping(Bytes::new())).await
    }

    fn welcome(&mut self, _: Option<Place>) {
        self.socket.get_mut().lift();
    }

    fn shortcut(&self) -> Option<(Shortcut, Format)> {
        self.shortcut.clone().map(|shortcut| (shortcut, Format::WebSocket))
    }

    async fn end(self, ending: Ending) {
        websocket::end(self.socket, ending).await;
    }
}
