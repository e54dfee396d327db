//! The signaling stream as what carries a conversation.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::framing::{self, Frames};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::bulk::Opened;
use super::data::{Broken, Linked, RETRY, Ways};
use crate::conversation::{self, Ending, Frame, Goodbye, close};
use crate::doors::Context;
use crate::limits::{FRAME_BYTES, MESSAGE_BYTES};
use crate::media::envelope;
use crate::participation::Place;
use crate::webtransport::{REASON_BYTES, RecvStream, SendStream, Session, StreamCode};

/// A frame that is not taken by then ends the session.
const SEND_TIMEOUT: Duration = Duration::from_secs(8);
/// How long the client may take for what was said before the closing word.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long what a client said before it closed the session may take after that.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// Read at once.
const PIECE: usize = 64 * 1024;
/// Unidirectional streams that may wait to be read: as many as a client may have open.
const STREAMS: usize = 16;
/// Streams that are refused one by one, before the session ends.
const PATIENCE: usize = 100;
/// What a page closes with that is closed itself, as with a WebSocket (RFC 6455 §7.4.1).
const AWAY: u32 = 1001;
/// The first byte of a frame that is an envelope, and of one that is JSON.
const ENVELOPE: u8 = 1;
const JSON: u8 = b'{';

/// A session by its signaling stream.
pub(super) struct Carrier {
    session: Session,
    context: Context,
    writer: Writer,
    receive: RecvStream,
    frames: Frames,
    /// Read from the stream and not looked at yet.
    piece: Bytes,
    /// A data message that the room's worker has not taken yet.
    unsent: Option<Bytes>,
    /// The client has closed the session, with this code.
    closed: Option<Option<u32>>,
    linked: Option<Linked>,
    /// The client's unidirectional streams, until somebody is there to read them.
    opened: Opened,
    break_off: mpsc::Sender<Broken>,
    broken: mpsc::Receiver<Broken>,
    /// End with the session.
    tasks: JoinSet<()>,
}

impl Carrier {
    pub(super) fn new(
        mut session: Session,
        send: SendStream,
        receive: RecvStream,
        context: Context,
    ) -> Carrier {
        let (break_off, broken) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        let (words, mut draining) = (session.words(), context.draining.clone());
        tasks.spawn(async move {
            // The sender being gone is the end, of which others tell.
            if draining.wait_for(|draining| *draining).await.is_ok() {
                let _ = words.drain().await;
            }
        });
        let (counters, breaking) = (Arc::clone(&context.counters), break_off.clone());
        let mut refused = 0;
        session.refuse_streams(move || {
            counters.webtransport_stream_refused();
            refused += 1;
            if refused > PATIENCE {
                too_many(
                    &breaking,
                    "too many streams: one is for signaling, and no other is taken",
                );
            }
        });
        let (open, opened) = mpsc::channel(STREAMS);
        session.take_streams(move |stream| {
            if let Err(TrySendError::Full(mut stream) | TrySendError::Closed(mut stream)) =
                open.try_send(stream)
            {
                // A stream that is gone already needs no refusal.
                let _ = stream.stop(StreamCode::Busy.to_quic());
            }
        });
        Carrier {
            session,
            context,
            writer: Writer(Arc::new(Mutex::new(send))),
            receive,
            frames: Frames::new(MESSAGE_BYTES),
            piece: Bytes::new(),
            unsent: None,
            closed: None,
            linked: None,
            opened: Arc::new(Mutex::new(opened)),
            break_off,
            broken,
            tasks,
        }
    }

    /// A whole frame out of what was read, if there is one.
    fn frame(&mut self) -> Result<Option<Frame>, Ending> {
        let mut rest = &self.piece[..];
        let taken = self.frames.take(&mut rest);
        let left = rest.len();
        self.piece.advance(self.piece.len() - left);
        let body =
            taken.map_err(|too_long| Some(Goodbye::new(close::SIZE, too_long.to_string())))?;
        match body {
            None => Ok(None),
            Some(body) if body.first() == Some(&JSON) => match String::from_utf8(body) {
                Ok(text) => Ok(Some(Frame::Text(text))),
                Err(_) => Err(Some(Goodbye::new(close::INVALID, "this is not UTF-8"))),
            },
            Some(body) if body.first() == Some(&ENVELOPE) => Ok(Some(Frame::Binary(body.into()))),
            Some(_) => Err(Some(bad("a frame is JSON or an envelope"))),
        }
    }

    /// Reads on. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When there is nothing more to read.
    async fn read(&mut self) -> Result<(), Ending> {
        tokio::select! {
            biased;
            piece = self.receive.read_chunk(PIECE, true) => match piece {
                Ok(Some(chunk)) => self.piece = chunk.bytes,
                // The client has nothing more to say, or is gone. What it has said of the session may
                // come a little later.
                Ok(None) | Err(_) => {
                    if self.closed.is_none() {
                        let closed = timeout(LAST_WORDS, self.session.closed()).await;
                        self.closed = Some(closed.unwrap_or_default());
                    }
                    return Err(None);
                }
            },
            Some(broken) = self.broken.recv() => match broken {
                Broken::Ending(goodbye) => return Err(Some(goodbye)),
                Broken::Lost => {
                    if let Some(linked) = self.linked.take() {
                        self.link(linked.place());
                    }
                }
            },
            code = self.session.closed(), if self.closed.is_none() => self.closed = Some(code),
            () = sleep(LAST_WORDS), if self.closed.is_some() => return Err(None),
        }
        Ok(())
    }

    fn link(&mut self, place: Place) {
        // The one before ends first: its end must not be taken for that of the next one.
        self.linked = None;
        let ways = Ways {
            datagrams: self.session.datagrams(),
            writer: self.writer.clone(),
            streams: self.session.streams(),
            opened: Arc::clone(&self.opened),
        };
        self.linked = Some(Linked::new(&self.context, place, ways, self.break_off.clone()));
    }
}

impl conversation::Carrier for Carrier {
    const DOOR: &'static str = "webtransport";

    async fn receive(&mut self) -> Result<Frame, Ending> {
        loop {
            if let Some(message) = self.unsent.take() {
                match &self.linked {
                    // To leave out a reliable message would be a gap: nothing is read until it is gone.
                    Some(linked) if linked.send(message.clone()).is_err() => {
                        self.unsent = Some(message);
                        sleep(RETRY).await;
                        continue;
                    }
                    Some(_) => {}
                    None => return Ok(Frame::Binary(message)),
                }
            }
            match self.frame()? {
                Some(Frame::Binary(message)) => self.unsent = Some(message),
                Some(frame) => return Ok(frame),
                None => match self.read().await {
                    Ok(()) => {}
                    Err(None) if self.closed == Some(Some(AWAY)) => return Ok(Frame::Away),
                    Err(ending) => return Err(ending),
                },
            }
        }
    }

    async fn send_text(&mut self, json: Bytes) -> Result<(), Ending> {
        self.writer.send(json).await
    }

    /// Messages that came to the room as requests.
    async fn send_binary(&mut self, message: Bytes) -> Result<(), Ending> {
        if !envelope::is_lossy(&message) {
            return self.writer.send(message).await;
        }
        let (bytes, datagrams) = (message.len(), self.session.datagrams());
        let fits = bytes <= datagrams.largest() && bytes <= datagrams.room();
        if !fits || datagrams.send(&message).await.is_err() {
            self.context.counters.lossy_not_delivered();
        }
        Ok(())
    }

    /// QUIC does, and ends the connection where nobody is.
    async fn check(&mut self) -> Result<(), Ending> {
        Ok(())
    }

    fn welcome(&mut self, place: Option<Place>) {
        self.frames.allow(FRAME_BYTES);
        self.session.lift();
        if let Some(place) = place {
            self.link(place);
        }
    }

    async fn end(self, ending: Ending) {
        let Carrier { session, context, writer, linked, mut tasks, .. } = self;
        drop(linked);
        tasks.shutdown().await;
        context.counters.webtransport_datagrams_dropped(session.unread());
        let Some(goodbye) = ending else { return session.close(None).await };
        // Streams overtake each other: what was said before is heard before the session is over.
        let _ = timeout(FLUSH_TIMEOUT, writer.finish()).await;
        let code = goodbye.code.into();
        session.close(Some((code, goodbye.reason_within(REASON_BYTES)))).await;
    }
}

/// The way out on the signaling stream. Clones write on the same one.
#[derive(Clone)]
pub(super) struct Writer(Arc<Mutex<SendStream>>);

impl Writer {
    /// Sends a frame.
    ///
    /// # Errors
    /// When the client is gone, or does not take it in time.
    pub(super) async fn send(&self, body: Bytes) -> Result<(), Ending> {
        let head = framing::head(body.len()).ok_or_else(|| Some(Goodbye::too_slow()))?;
        let mut frame = [Bytes::copy_from_slice(&head), body];
        let sent =
            timeout(SEND_TIMEOUT, async { self.0.lock().await.write_all_chunks(&mut frame).await });
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Goodbye::too_slow())),
        }
    }

    /// Ends the stream, and waits until the client has everything.
    async fn finish(&self) {
        let mut stream = self.0.lock().await;
        if stream.finish().is_ok() {
            let _ = stream.stopped().await;
        }
    }
}

fn bad(message: &str) -> Goodbye {
    RequestError::new(ErrorCode::BadRequest, message).into()
}

/// Ends the session for asking too much. It may end already: one word is enough.
pub(super) fn too_many(break_off: &mpsc::Sender<Broken>, message: &str) {
    let error = RequestError::new(ErrorCode::RateLimited, message);
    let _ = break_off.try_send(Broken::Ending(error.into()));
}
