//! Bulk: what a client sends on a stream of its own goes to each receiver on a stream of its own.
//!
//! A stream begins with its head: the length as four bytes, big endian, and an envelope. Then come the bytes.
//! Who gets them is for the room's worker to say, and who is too slow for [`BulkReceiver`].

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use signaling_core::framing;
use tokio::io::AsyncReadExt;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::media::{BulkNext, BulkReceiver, BulkRefused, Link};
use crate::webtransport::{RecvStream, SendStream, StreamCode, Streams, WriteError};

/// The head must be there by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of the longest head: 4 KiB for the application, and all that an envelope has beside that.
const HEAD_BYTES: usize = 4096 + 1024;
/// Read at once.
const PIECE: usize = 64 * 1024;
/// A piece keeps the packet that it came in. One that is shorter is copied: while it waits for receivers it
/// is to hold no more memory than it counts for.
const WORTH_KEEPING: usize = 1024;
/// Behind signaling and reliable messages.
const PRIORITY: i32 = -1;

/// Streams that a client has opened and nobody has looked at yet.
pub(super) type Opened = Arc<Mutex<mpsc::Receiver<RecvStream>>>;

/// Reads the streams that the client opens, for ever.
pub(super) async fn upload(link: Arc<Link>, opened: Opened) {
    let mut opened = opened.lock().await;
    // As many as the client may have open at a time.
    let mut uploads = JoinSet::new();
    loop {
        tokio::select! {
            Some(stream) = opened.recv() => drop(uploads.spawn(read(Arc::clone(&link), stream))),
            Some(_) = uploads.join_next() => {}
            else => return,
        }
    }
}

async fn read(link: Arc<Link>, mut stream: RecvStream) {
    // A stream that is gone already needs no word.
    if let Err(code) = relay(&link, &mut stream).await {
        let _ = stream.stop(code.to_quic());
    }
}

async fn relay(link: &Link, stream: &mut RecvStream) -> Result<(), StreamCode> {
    let head = timeout(HEAD_TIMEOUT, head(stream)).await.map_err(|_| StreamCode::Cancelled)??;
    let mut bulk = link.open_bulk(head).await.map_err(|refused| match refused {
        BulkRefused::Malformed | BulkRefused::Forbidden => StreamCode::Forbidden,
        BulkRefused::Busy => StreamCode::Busy,
    })?;
    // Whatever ends this before the client's end of the stream cancels it for the receivers.
    while let Some(chunk) =
        stream.read_chunk(PIECE, true).await.map_err(|_| StreamCode::Cancelled)?
    {
        let bytes = match chunk.bytes.len() {
            ..WORTH_KEEPING => Bytes::copy_from_slice(&chunk.bytes),
            _ => chunk.bytes,
        };
        bulk.push(bytes).await.map_err(|_| StreamCode::Cancelled)?;
    }
    bulk.finish();
    Ok(())
}

async fn head(stream: &mut RecvStream) -> Result<Bytes, StreamCode> {
    let length = stream.read_u32().await.map_err(|_| StreamCode::Cancelled)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > HEAD_BYTES {
        return Err(StreamCode::TooLarge);
    }
    let mut head = BytesMut::zeroed(length);
    stream.read_exact(&mut head).await.map_err(|_| StreamCode::Cancelled)?;
    Ok(head.freeze())
}

/// Sends the client what others send in bulk, for ever.
pub(super) async fn download(link: Arc<Link>, streams: Streams) {
    // As many as a link is offered at a time.
    let mut downloads = JoinSet::new();
    loop {
        tokio::select! {
            offered = link.next_bulk() => match offered {
                Ok(bulk) => drop(downloads.spawn(write(bulk, streams.clone()))),
                // Those who watch its messages hear the same.
                Err(_) => return,
            },
            Some(_) = downloads.join_next() => {}
        }
    }
}

/// One stream to the client. It ends as the sender's did, or by a code.
async fn write(mut bulk: BulkReceiver, streams: Streams) {
    let opened = tokio::select! {
        opened = streams.open(PRIORITY) => opened,
        () = bulk.too_slow() => return,
    };
    let Ok(stream) = opened else { return };
    let mut stream = Unfinished(Some(stream));
    let mut chunk = match framing::head(bulk.head().len()) {
        Some(length) => Bytes::from([&length[..], bulk.head()].concat()),
        None => return,
    };
    loop {
        let written = tokio::select! {
            written = stream.write(chunk) => written,
            () = bulk.too_slow() => return stream.reset(StreamCode::Slow),
        };
        // The client has asked to stop, or is gone: it leaves.
        if written.is_err() {
            return;
        }
        chunk = match bulk.next().await {
            BulkNext::Chunk(bytes) => bytes,
            BulkNext::Finished => return stream.finish(),
            BulkNext::Cancelled => return stream.reset(StreamCode::Cancelled),
            BulkNext::Slow => return stream.reset(StreamCode::Slow),
        };
    }
}

/// A stream that is not to look whole when it is dropped in between.
struct Unfinished(Option<SendStream>);

impl Unfinished {
    async fn write(&mut self, chunk: Bytes) -> Result<(), WriteError> {
        match &mut self.0 {
            Some(stream) => stream.write_chunk(chunk).await,
            None => Ok(()),
        }
    }

    fn finish(mut self) {
        if let Some(mut stream) = self.0.take() {
            // A stream that the client has stopped needs no end.
            let _ = stream.finish();
        }
    }

    fn reset(mut self, code: StreamCode) {
        if let Some(mut stream) = self.0.take() {
            let _ = stream.reset(code.to_quic());
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mut stream) = self.0.take() {
            let _ = stream.reset(StreamCode::Stopping.to_quic());
        }
    }
}
