//! The way to a session: SETTINGS out, the client's CONNECT in, and the answer to it.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, Uri};
use bytes::BytesMut;
use quinn::{Connection, RecvStream, SendStream};
use tokio::io::AsyncWriteExt;
use web_transport_proto::{ConnectRequest, ConnectResponse, Settings};

use super::{MALFORMED, NO_ERROR, Session};
use crate::limits::Place;

/// How long a refusal may take to arrive before the connection goes.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// A client that asks for a session (RFC 9220, draft-ietf-webtrans-http3 §3.2).
pub struct Asked {
    connection: Connection,
    uri: Uri,
    headers: HeaderMap,
    control: SendStream,
    send: SendStream,
    receive: RecvStream,
    place: Place,
}

/// Why nobody asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAsked {
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    /// It does not take our settings.
    #[error(transparent)]
    Settings(#[from] std::io::Error),
    /// Its first request is none for WebTransport.
    #[error(transparent)]
    Connect(#[from] web_transport_proto::ConnectError),
}

impl Asked {
    /// Waits for the client's request. Its first stream must be that: one connection, one session.
    ///
    /// # Errors
    /// When there is none; the connection is closed then.
    pub(super) async fn read(connection: Connection, place: Place) -> Result<Asked, NotAsked> {
        let mut settings = Settings::default();
        settings.enable_webtransport(1);
        let mut bytes = BytesMut::new();
        settings.encode(&mut bytes);
        let mut control = connection.open_uni().await?;
        control.write_all(&bytes).await.map_err(std::io::Error::from)?;
        let (send, mut receive) = connection.accept_bi().await?;
        let request = ConnectRequest::read(&mut receive).await;
        let request = request.inspect_err(|_| connection.close(MALFORMED, b"no WebTransport"))?;
        // What is a URL need not be a URI.
        let uri = request.url.as_str().parse().unwrap_or_default();
        Ok(Asked { connection, uri, headers: request.headers, control, send, receive, place })
    }

    /// Whom and what the client asks.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// What else it says.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Where it is now: it may move.
    pub fn address(&self) -> IpAddr {
        self.connection.remote_address().ip().to_canonical()
    }

    /// Opens the session.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn accept(mut self) -> std::io::Result<Session> {
        respond(&mut self.send, StatusCode::OK).await?;
        let Asked { connection, control, send, receive, place, .. } = self;
        Ok(Session::new(connection, control, send, receive, place))
    }

    /// Answers with an error, and closes the connection.
    pub async fn refuse(mut self, status: StatusCode) {
        let refusal = async {
            if respond(&mut self.send, status).await.is_ok() && self.send.finish().is_ok() {
                let _ = self.send.stopped().await;
            }
        };
        let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refusal).await;
        self.connection.close(NO_ERROR, b"");
    }
}

async fn respond(send: &mut SendStream, status: StatusCode) -> std::io::Result<()> {
    let mut bytes = BytesMut::new();
    ConnectResponse::new(status).encode(&mut bytes).map_err(std::io::Error::other)?;
    AsyncWriteExt::write_all(send, &bytes).await
}
