//! A TCP connection with its place, and the way to its socket past all that is spoken on it.
//!
//! Two may write to such a socket: who owns the connection, and who has its shortcut. What one of them has
//! begun it ends before the other one begins.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::Place;

/// A connection with its place. A WebSocket outlives its HTTP request and takes the stream along, and so
/// the place with it.
pub struct Occupied(Arc<Shared>);

/// The way to the socket of a connection, which it does not keep open.
#[derive(Debug, Clone)]
pub struct Shortcut(Weak<Shared>);

struct Shared {
    stream: TcpStream,
    turn: Mutex<Turn>,
    _place: Place,
}

/// Whose turn it is to write.
#[derive(Default)]
enum Turn {
    /// Nobody has begun anything.
    #[default]
    Free,
    /// The owner has begun something.
    Owner,
    /// The shortcut's, which has this left to write.
    Shortcut(Bytes),
}

/// How much was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All of it.
    All,
    /// The beginning. The rest goes before anything else.
    Some,
    /// Nothing: the socket takes nothing now, or its owner is in the midst of something, or it is gone.
    Nothing,
}

impl Shortcut {
    /// Sends what the socket takes at once.
    pub fn send(&self, bytes: Bytes) -> Sent {
        let Some(shared) = self.0.upgrade() else { return Sent::Nothing };
        let mut turn = shared.turn();
        if !matches!(*turn, Turn::Free) {
            return Sent::Nothing;
        }
        match shared.stream.try_write(&bytes) {
            Ok(sent) if sent == bytes.len() => Sent::All,
            Ok(sent) => {
                *turn = Turn::Shortcut(bytes.slice(sent..));
                Sent::Some
            }
            // The owner gets the same error.
            Err(_) => Sent::Nothing,
        }
    }

    /// Whether it is nobody's turn.
    pub fn is_clear(&self) -> bool {
        self.0.upgrade().is_some_and(|shared| matches!(*shared.turn(), Turn::Free))
    }
}

impl Occupied {
    /// A connection that holds `place` as long as it is there.
    pub fn new(stream: TcpStream, place: Place) -> Occupied {
        Occupied(Arc::new(Shared { stream, turn: Mutex::default(), _place: place }))
    }

    /// The way past what is spoken on it.
    pub fn shortcut(&self) -> Shortcut {
        Shortcut(Arc::downgrade(&self.0))
    }

    /// The connection alone; its place is free again. `None` while the shortcut is being used.
    pub fn into_stream(self) -> Option<TcpStream> {
        Arc::into_inner(self.0).map(|shared| shared.stream)
    }

    /// Writes by `write`, which is asked for `length` bytes, after what the shortcut has begun.
    fn poll_write_by(
        &self,
        context: &mut Context<'_>,
        length: usize,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(context))?;
            match self.0.write(length, &write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl Shared {
    fn write(
        &self,
        length: usize,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut turn = self.turn();
        while let Turn::Shortcut(rest) = &mut *turn {
            rest.advance(self.stream.try_write(rest)?);
            if rest.is_empty() {
                *turn = Turn::Free;
            }
        }
        let written = write(&self.stream)?;
        *turn = if written == length { Turn::Free } else { Turn::Owner };
        Ok(written)
    }

    /// Every critical section leaves the turn whole, so a panic elsewhere spoils nothing.
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Occupied {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &self.0.stream;
        loop {
            ready!(stream.poll_read_ready(context))?;
            match stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Occupied {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_by(context, bytes.len(), |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        self.poll_write_by(context, length, |stream| stream.try_write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // As with any socket: the kernel has what was written.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What the shortcut has begun goes before the end.
        ready!(self.poll_write_by(context, 0, |_| Ok(0)))?;
        Poll::Ready(SockRef::from(&self.0.stream).shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::limits::Connections;

    /// A connection whose kernel keeps little, and its other end.
    pub(crate) async fn connection() -> (Occupied, TcpStream) {
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        SockRef::from(&listener).set_send_buffer_size(8 * 1024).unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        let place = Connections::of(1, 0).try_take(address).unwrap();
        ours.writable().await.unwrap();
        (Occupied::new(ours, place), theirs)
    }

    /// Sends until the socket takes no more; returns how many bytes it has taken, or will.
    fn fill(shortcut: &Shortcut) -> usize {
        let part = Bytes::from(vec![b's'; 100_000]);
        for count in 1.. {
            match shortcut.send(part.clone()) {
                Sent::All => {}
                Sent::Some => return count * part.len(),
                Sent::Nothing => return (count - 1) * part.len(),
            }
        }
        0
    }

    #[tokio::test]
    async fn what_the_shortcut_has_begun_goes_before_what_the_owner_writes() {
        let (mut ours, mut theirs) = connection().await;
        let shortcut = ours.shortcut();
        let sent = fill(&shortcut);
        assert!(!shortcut.is_clear(), "the rest is not written");
        assert_eq!(shortcut.send("x".into()), Sent::Nothing);
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            theirs.read_to_end(&mut read).await.unwrap();
            read
        });
        ours.write_all(b"owner").await.unwrap();
        assert!(shortcut.is_clear());
        assert_eq!(shortcut.send("again".into()), Sent::All);
        ours.shutdown().await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
        let (begun, rest) = read.split_at(sent);
        assert!(begun.iter().all(|byte| *byte == b's'));
        assert_eq!(rest, b"owneragain");
    }

    #[tokio::test]
    async fn the_shortcut_waits_for_the_owner_and_ends_with_it() {
        let (mut ours, mut theirs) = connection().await;
        let shortcut = ours.shortcut();
        let long = vec![b'o'; 8 << 20];
        let writing = tokio::time::timeout(Duration::from_millis(50), ours.write_all(&long)).await;
        assert!(writing.is_err(), "nobody reads");
        assert_eq!((shortcut.is_clear(), shortcut.send("x".into())), (false, Sent::Nothing));
        drop(ours);
        assert_eq!(shortcut.send("x".into()), Sent::Nothing);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert!(
            read.iter().all(|byte| *byte == b'o'),
            "the connection was closed by its owner alone"
        );
    }
}
