//! A participant by WebTransport, on another implementation than the server's session.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use signaling_core::framing::{self, Frames};
use signaling_core::request::{Join, Request, RequestFrame};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};
use web_transport_quinn::{ClientBuilder, RecvStream, SendStream};

use crate::bot::join::{Invitation, Server};
use crate::bot::signal::REQUEST_TIMEOUT;

/// The number of the last request, larger than that of any message.
const GOODBYE: u64 = 1 << 40;
/// The longest frame that is taken.
const FRAME: usize = 1 << 20;
/// Read at once.
const PIECE: usize = 64 * 1024;
/// How long the server may take to close what has left.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the server at `url` where sessions can be had.
///
/// # Errors
///
/// When nowhere, or it lets no guests into `room`.
pub(crate) async fn invitation(url: &str, room: &str) -> anyhow::Result<Invitation> {
    let ticket = Server::parse(url)?.join(room, "asks").await?;
    ticket.webtransport.context("the server has no WebTransport")
}

/// Opens a session, and trusts none but the certificates that the invitation names.
///
/// # Errors
///
/// When there is none to be had.
pub(crate) async fn connect(
    invitation: &Invitation,
) -> anyhow::Result<web_transport_quinn::Session> {
    let hashes = invitation.certificate_hashes.iter().map(|hash| STANDARD.decode(hash));
    let hashes = hashes.collect::<Result<_, _>>().context("a hash is not base 64")?;
    let client = ClientBuilder::new().with_server_certificate_hashes(hashes)?;
    let url: url::Url = invitation.url.parse()?;
    let connecting = timeout(REQUEST_TIMEOUT, client.connect(url)).await;
    Ok(connecting.with_context(|| format!("no session at {}", invitation.url))??)
}

/// Somebody in a room.
pub(crate) struct Session {
    session: web_transport_quinn::Session,
    signaling: SendStream,
    /// Which requests were granted, or why no more will be.
    granted: mpsc::Receiver<anyhow::Result<u64>>,
    reading: AbortHandle,
}

impl Session {
    /// Enters a room.
    ///
    /// # Errors
    ///
    /// When the server does not let it in.
    pub(crate) async fn join(invitation: &Invitation, join: Join) -> anyhow::Result<Session> {
        let session = connect(invitation).await?;
        let (signaling, incoming) = session.open_bi().await?;
        // One join, and one goodbye.
        let (grant, granted) = mpsc::channel(2);
        let reading = tokio::spawn(async move {
            let over = read(incoming, &grant).await;
            let _ = grant.send(over.and(Err(anyhow::anyhow!("the server has hung up")))).await;
        });
        let reading = reading.abort_handle();
        let mut this = Session { session, signaling, granted, reading };
        let join = RequestFrame { id: 1, request: Request::Join(join) };
        this.ask(1, serde_json::to_string(&join)?).await?;
        Ok(this)
    }

    /// Its streams and datagrams.
    pub(crate) fn transport(&self) -> &web_transport_quinn::Session {
        &self.session
    }

    /// Says goodbye.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it.
    pub(crate) async fn leave(mut self) -> anyhow::Result<()> {
        self.ask(GOODBYE, json!({"id": GOODBYE, "type": "leave"}).to_string()).await?;
        let _ = timeout(CLOSE_TIMEOUT, self.session.closed()).await;
        Ok(())
    }

    async fn ask(&mut self, id: u64, request: String) -> anyhow::Result<()> {
        let head = framing::head(request.len()).context("the request is too long")?;
        self.signaling.write_all(&[&head[..], request.as_bytes()].concat()).await?;
        let granted = timeout(REQUEST_TIMEOUT, self.granted.recv()).await;
        let granted = granted.context("no reply came")?.context("the server has hung up")??;
        ensure!(granted == id, "request {granted} was granted, and not {id}");
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Reads all frames of the signaling stream, and tells of those that grant something.
async fn read(
    mut stream: RecvStream,
    granted: &mpsc::Sender<anyhow::Result<u64>>,
) -> anyhow::Result<()> {
    let mut frames = Frames::new(FRAME);
    while let Some(chunk) = stream.read_chunk(PIECE, true).await? {
        let mut bytes = &chunk.bytes[..];
        while let Some(frame) = frames.take(&mut bytes)? {
            if frame.first() != Some(&b'{') {
                continue;
            }
            let frame: Value = serde_json::from_slice(&frame)?;
            if !frame["error"].is_null() {
                bail!("the server has refused: {frame}");
            }
            if let Some(id) = frame["re"].as_u64() {
                granted.send(Ok(id)).await?;
            }
        }
    }
    Ok(())
}

/// The next datagram, or `None` at `due`. May be cancelled.
///
/// # Errors
///
/// When the session is over.
pub(crate) async fn datagram(
    session: &web_transport_quinn::Session,
    due: Option<Instant>,
) -> anyhow::Result<Option<Bytes>> {
    let waiting = async {
        match due {
            Some(due) => sleep_until(due.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = waiting => Ok(None),
        came = session.read_datagram() => Ok(Some(came?)),
    }
}

/// What a stream in bulk begins with: an envelope about nothing, for all (`docs/protocol.md`).
pub(crate) fn bulk_head() -> Bytes {
    const ENVELOPE: [u8; 3] = [1, 0, 0];
    let mut head = BytesMut::new();
    head.extend_from_slice(&(ENVELOPE.len() as u32).to_be_bytes());
    head.extend_from_slice(&ENVELOPE);
    head.freeze()
}
