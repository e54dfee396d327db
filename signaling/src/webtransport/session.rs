//! An open session: its streams and datagrams, and the words that are said about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::{Connection, ConnectionError, RecvStream, SendDatagramError, SendStream, WriteError};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use web_transport_proto::{Capsule, Frame, Http3CapsuleReader, StreamUni, VarInt};

use super::endpoint::WINDOW;
use super::{NO_ERROR, NO_SUCH_STREAM, StreamCode, to_quic};
use crate::limits::Place;

/// What a stream begins with must be there by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the other side may take to listen to the closing word.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest reason that goes with it (draft-ietf-webtrans-http3 §5).
pub const REASON_BYTES: usize = 1024;

/// DRAIN_WEBTRANSPORT_SESSION (draft-ietf-webtrans-http3 §4.6), a capsule without a value.
const DRAIN: VarInt = VarInt::from_u32(0x78ae);
/// GOAWAY (RFC 9114 §7.2.6), and the first request that is not served: the one after the session's own.
const GOAWAY: [u8; 3] = [0x07, 1, 4];

/// A session, and with it the connection that it has for itself.
pub struct Session {
    connection: Connection,
    id: VarInt,
    words: Words,
    closed: oneshot::Receiver<Option<u32>>,
    /// End with the session.
    tasks: JoinSet<()>,
    /// Datagrams that were read.
    read: Arc<AtomicU64>,
    _place: Place,
}

impl Session {
    pub(super) fn new(
        connection: Connection,
        control: SendStream,
        request: SendStream,
        capsules: RecvStream,
        place: Place,
    ) -> Session {
        let id = VarInt::from_u64(quinn::VarInt::from(request.id()).into_inner());
        let id = id.unwrap_or(VarInt::from_u32(0));
        let streams = Arc::new(Mutex::new(OfHttp { control, request }));
        let words = Words { streams };
        let (closing, closed) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Nobody listens any more where the server has ended the session.
            let _ = closing.send(closing_word(capsules).await);
        });
        Session { connection, id, words, closed, tasks, read: Arc::default(), _place: place }
    }

    /// What reads and writes datagrams.
    pub fn datagrams(&self) -> Datagrams {
        let quarter = VarInt::from_u64(self.id.into_inner() / 4).unwrap_or(self.id);
        Datagrams { connection: self.connection.clone(), quarter, read: Arc::clone(&self.read) }
    }

    /// Datagrams that have come and that nobody has read: they wait, or made room for later ones.
    pub fn unread(&self) -> u64 {
        let came = self.connection.stats().frame_rx.datagram;
        came.saturating_sub(self.read.load(Ordering::Relaxed))
    }

    /// What opens streams to the client.
    pub fn streams(&self) -> Streams {
        Streams { connection: self.connection.clone(), id: self.id }
    }

    /// What says something about this session.
    pub fn words(&self) -> Words {
        self.words.clone()
    }

    /// The client is no stranger any more: it may send ahead.
    pub fn lift(&self) {
        self.connection.set_receive_window(WINDOW);
    }

    /// The client's first bidirectional stream in this session. `None` when something else comes.
    pub async fn first_stream(&self) -> Option<(SendStream, RecvStream)> {
        let (send, mut receive) = self.connection.accept_bi().await.ok()?;
        let kind = VarInt::read(&mut receive).await.ok()?;
        let session = VarInt::read(&mut receive).await.ok()?;
        (Frame(kind) == Frame::WEBTRANSPORT && session == self.id).then_some((send, receive))
    }

    /// From now on refuses further bidirectional streams, and tells of each.
    pub fn refuse_streams(&mut self, mut refused: impl FnMut() + Send + 'static) {
        let connection = self.connection.clone();
        self.tasks.spawn(async move {
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                // A stream that is gone already needs no refusal.
                let _ = send.reset(StreamCode::Forbidden.to_quic());
                let _ = receive.stop(StreamCode::Forbidden.to_quic());
                refused();
            }
        });
    }

    /// From now on gives the client's unidirectional streams in this session to `take`, and keeps those of
    /// HTTP/3 open.
    pub fn take_streams(&mut self, take: impl Fn(RecvStream) + Send + 'static) {
        let (connection, id) = (self.connection.clone(), self.id);
        self.tasks.spawn(async move {
            // As many as the client may have open at a time.
            let mut begun = JoinSet::new();
            let mut of_http = Vec::new();
            loop {
                tokio::select! {
                    stream = connection.accept_uni() => match stream {
                        Ok(stream) => drop(begun.spawn(begin(stream, id))),
                        Err(_) => return,
                    },
                    Some(begun) = begun.join_next() => match begun {
                        Ok(Begun::Ours(stream)) => take(stream),
                        Ok(Begun::OfHttp(stream)) => of_http.push(stream),
                        Ok(Begun::Refused) | Err(_) => {}
                    },
                }
            }
        });
    }

    /// Waits until the client closes the session: with a code, or `None` without a word. To be asked until
    /// it has told.
    pub async fn closed(&mut self) -> Option<u32> {
        (&mut self.closed).await.ok().flatten()
    }

    /// Closes the session with a code and a reason, as far as the client listens; without them at once.
    pub async fn close(self, word: Option<(u32, String)>) {
        let Some((code, reason)) = word else {
            return self.connection.close(NO_ERROR, b"");
        };
        let said = async {
            self.words.say_last(code, reason.clone()).await?;
            // The client has heard it when it closes the connection.
            self.connection.closed().await;
            Ok::<(), WriteError>(())
        };
        // Who does not read streams hears it from QUIC.
        if !matches!(timeout(CLOSE_TIMEOUT, said).await, Ok(Ok(()))) {
            self.connection.close(to_quic(code), reason.as_bytes());
        }
    }
}

/// Reads what the client says about the session, until it closes it.
async fn closing_word(capsules: RecvStream) -> Option<u32> {
    let mut capsules = Http3CapsuleReader::new(capsules);
    loop {
        match capsules.read().await {
            Ok(Some(Capsule::CloseWebTransportSession { code, .. })) => return Some(code),
            // What is not known is passed over (RFC 9297 §3.3).
            Ok(Some(_)) => {}
            // The end of the request is a closing word, too (draft-ietf-webtrans-http3 §5).
            Ok(None) => return Some(0),
            Err(_) => return None,
        }
    }
}

/// What a unidirectional stream turned out to be.
enum Begun {
    Ours(RecvStream),
    OfHttp(RecvStream),
    Refused,
}

async fn begin(mut stream: RecvStream, id: VarInt) -> Begun {
    let head = timeout(HEAD_TIMEOUT, async {
        let kind = StreamUni(VarInt::read(&mut stream).await.ok()?);
        let session = match kind {
            StreamUni::WEBTRANSPORT => Some(VarInt::read(&mut stream).await.ok()?),
            _ => None,
        };
        Some((kind, session))
    });
    match head.await {
        Ok(Some((StreamUni::WEBTRANSPORT, session))) if session == Some(id) => Begun::Ours(stream),
        Ok(Some((StreamUni::CONTROL | StreamUni::QPACK_ENCODER | StreamUni::QPACK_DECODER, _))) => {
            Begun::OfHttp(stream)
        }
        _ => {
            let _ = stream.stop(NO_SUCH_STREAM);
            Begun::Refused
        }
    }
}

/// The datagrams of a session (RFC 9297 §2.1). Clones are those of the same one.
#[derive(Debug, Clone)]
pub struct Datagrams {
    connection: Connection,
    /// What each begins with: a quarter of the session's number.
    quarter: VarInt,
    read: Arc<AtomicU64>,
}

impl Datagrams {
    /// The next one's payload; `None` for one of another session. Nothing is lost when the future is
    /// dropped.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn read(&self) -> Result<Option<Bytes>, ConnectionError> {
        let mut datagram = self.connection.read_datagram().await?;
        self.read.fetch_add(1, Ordering::Relaxed);
        let quarter = VarInt::decode(&mut datagram);
        Ok(quarter.is_ok_and(|quarter| quarter == self.quarter).then_some(datagram))
    }

    /// Bytes of the largest payload that the path takes now.
    pub fn largest(&self) -> usize {
        let bytes = self.connection.max_datagram_size().unwrap_or_default();
        bytes.saturating_sub(self.quarter.size())
    }

    /// Bytes that there is room for now, among those that wait to be sent.
    pub fn room(&self) -> usize {
        self.connection.datagram_send_buffer_space().saturating_sub(self.quarter.size())
    }

    /// Sends one, when there is room for it.
    ///
    /// # Errors
    /// When the path takes less by now, or the connection is over.
    pub async fn send(&self, payload: &[u8]) -> Result<(), SendDatagramError> {
        let mut datagram = BytesMut::with_capacity(self.quarter.size() + payload.len());
        self.quarter.encode(&mut datagram);
        datagram.extend_from_slice(payload);
        self.connection.send_datagram_wait(datagram.freeze()).await
    }
}

/// Opens unidirectional streams to the client. Clones open them in the same session.
#[derive(Debug, Clone)]
pub struct Streams {
    connection: Connection,
    id: VarInt,
}

impl Streams {
    /// Opens one, when the client takes another one. It leaves before those of a lower `priority`; that of
    /// signaling has 0.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn open(&self, priority: i32) -> Result<SendStream, WriteError> {
        let mut stream = self.connection.open_uni().await?;
        // Only of a stream that is over there is none.
        let _ = stream.set_priority(priority);
        let mut head = BytesMut::new();
        StreamUni::WEBTRANSPORT.encode(&mut head);
        self.id.encode(&mut head);
        stream.write_all(&head).await?;
        Ok(stream)
    }
}

/// What is said about a session. Clones say it of the same one.
#[derive(Clone)]
pub struct Words {
    streams: Arc<Mutex<OfHttp>>,
}

struct OfHttp {
    /// Of HTTP/3 (RFC 9114 §6.2.1).
    control: SendStream,
    /// Of the request that made the session.
    request: SendStream,
}

impl Words {
    /// Says that the session ends soon.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn drain(&self) -> Result<(), WriteError> {
        let mut streams = self.streams.lock().await;
        let drain = Capsule::Unknown { typ: DRAIN, payload: Bytes::new() };
        streams.request.write_all(&capsule(&drain)).await?;
        streams.control.write_all(&GOAWAY).await
    }

    async fn say_last(&self, code: u32, reason: String) -> Result<(), WriteError> {
        let mut streams = self.streams.lock().await;
        let close = Capsule::CloseWebTransportSession { code, reason };
        streams.request.write_all(&capsule(&close)).await?;
        // Nothing is to be done about a stream that the client has let go of.
        let _ = streams.request.finish();
        Ok(())
    }
}

/// A capsule in a DATA frame (RFC 9297 §3.1).
fn capsule(capsule: &Capsule) -> BytesMut {
    let (mut value, mut frame) = (BytesMut::new(), BytesMut::new());
    capsule.encode(&mut value);
    Frame::DATA.encode(&mut frame);
    VarInt::from_u64(value.len() as u64).unwrap_or(VarInt::from_u32(0)).encode(&mut frame);
    frame.extend_from_slice(&value);
    frame
}
