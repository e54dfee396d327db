//! Responses that go on for as long as there is something to tell, and how they leave.
//!
//! An HTTP stack keeps buffers and states for the next request of a connection, several times what a
//! reader of events costs otherwise. Such a response ends with its connection, so nothing of that is
//! needed: on HTTP/1 the stack gives the connection back ([`Loan`]), and what is left is a task that
//! writes bytes which all readers share. On HTTP/2 the response is one stream among others and stays
//! with the stack.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::counters::Counters;

/// A reader that takes nothing for so long is cut off.
pub const STALL: Duration = Duration::from_secs(10);
/// Slices that are handed to the kernel in one call.
const SLICES: usize = 16;

/// What follows the head of a response: an extension of the response, taken once.
#[derive(Clone)]
pub struct Tail(Arc<Mutex<Option<Rest>>>);

/// The bytes, as they come, and what counts readers that were cut off.
struct Rest {
    parts: BoxStream<'static, Vec<Bytes>>,
    counters: Arc<Counters>,
}

impl Tail {
    /// A response's tail. Each item is what there is to tell at one time.
    pub fn new(
        parts: impl Stream<Item = Vec<Bytes>> + Send + 'static,
        counters: Arc<Counters>,
    ) -> Tail {
        Tail(Arc::new(Mutex::new(Some(Rest { parts: parts.boxed(), counters }))))
    }

    /// Takes the tail off a response. The length that the router has given the rest, which is nothing,
    /// goes with it: a reader would take the response for complete.
    fn cut(response: &mut Response<Body>) -> Option<Rest> {
        let tail = response.extensions_mut().remove::<Tail>()?;
        response.headers_mut().remove(header::CONTENT_LENGTH);
        tail.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A response on its way to the bare connection.
pub struct Takeover {
    head: Vec<u8>,
    rest: Rest,
}

impl Takeover {
    /// Takes over a response to HTTP/1, if it has a tail: its end is the connection's (RFC 9112 §6.3).
    /// Nothing is left to do with the response itself.
    pub fn of(response: &mut Response<Body>) -> Option<Takeover> {
        let rest = Tail::cut(response)?;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())) {
            headers.insert(header::DATE, date);
        }
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
        for (name, value) in response.headers() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        head.extend_from_slice(b"\r\n");
        Some(Takeover { head, rest })
    }

    /// Writes it to its end, or the connection's.
    pub async fn run(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Takeover { head, rest: Rest { mut parts, counters } } = self;
        let mut sent = write(&mut stream, vec![head.into()]).await;
        let mut said = [0; 1];
        while sent.is_ok() {
            tokio::select! {
                next = parts.next() => match next {
                    Some(next) => sent = write(&mut stream, next).await,
                    None => break,
                },
                // Nothing is expected of the reader any more, and so this is the end.
                _ = stream.read(&mut said) => return,
            }
        }
        match sent {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => counters.slow_reader(),
            // A reader that is gone has no use for a proper end.
            _ => drop(timeout(STALL, stream.shutdown()).await),
        }
    }
}

/// Puts the tail of a response into its body, where the HTTP stack keeps the connection.
pub fn embed(mut response: Response<Body>) -> Response<Body> {
    let Some(Rest { mut parts, counters }) = Tail::cut(&mut response) else { return response };
    // The stack takes the next part when the reader has taken the last ones.
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = parts.next() => next,
                () = sender.closed() => None,
            };
            let Some(next) = next else { return };
            match timeout(STALL, sender.send(next)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => return counters.slow_reader(),
            }
        }
    });
    let parts = stream::poll_fn(move |context| receiver.poll_recv(context));
    let bytes = parts.flat_map(stream::iter).map(Ok::<_, Infallible>);
    response.map(|_| Body::from_stream(bytes))
}

/// Writes all parts.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] when nothing of it is taken for [`STALL`], and the connection's own.
async fn write(stream: &mut (impl AsyncWrite + Unpin), parts: Vec<Bytes>) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let mut slices = &mut slices[..];
    while !slices.is_empty() {
        let now = &slices[..slices.len().min(SLICES)];
        let written = timeout(STALL, stream.write_vectored(now)).await??;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut slices, written);
    }
    timeout(STALL, stream.flush()).await?
}

/// A connection that is lent to an HTTP stack, and comes home when that lets go of it.
pub struct Loan<S> {
    stream: Option<S>,
    home: Home<S>,
}

/// Where a lent connection comes back to.
pub struct Home<S>(Arc<Mutex<Option<S>>>);

impl<S> Home<S> {
    /// The connection, when the loan is over.
    pub fn take(&self) -> Option<S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S> Loan<S> {
    /// Lends `stream`.
    pub fn of(stream: S) -> (Loan<S>, Home<S>) {
        let home = Arc::new(Mutex::new(None));
        (Loan { stream: Some(stream), home: Home(Arc::clone(&home)) }, Home(home))
    }

    /// It is here until the loan is over.
    fn stream(&mut self) -> io::Result<Pin<&mut S>>
    where
        S: Unpin,
    {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S> Drop for Loan<S> {
    fn drop(&mut self) {
        *self.home.0.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Loan<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Loan<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endless(counters: &Arc<Counters>) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        let parts = stream::repeat_with(|| vec![Bytes::from_static(b"event")]);
        response.extensions_mut().insert(Tail::new(parts, Arc::clone(counters)));
        response
    }

    #[test]
    fn an_ordinary_response_stays_one() {
        assert!(Takeover::of(&mut Response::new(Body::empty())).is_none());
        let takeover = Takeover::of(&mut endless(&Arc::default())).unwrap();
        let head = String::from_utf8(takeover.head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(head.contains("connection: close\r\n"), "{head}");
        assert!(!head.contains("content-length"), "it has no end of its own: {head}");
    }

    #[test]
    fn a_lent_connection_comes_home() {
        let (loan, home) = Loan::of(7);
        assert_eq!(home.take(), None);
        drop(loan);
        assert_eq!(home.take(), Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off_on_the_bare_connection_and_on_a_stream() {
        let (ours, theirs) = tokio::io::duplex(64);
        let counters: Arc<Counters> = Arc::default();
        let begun = tokio::time::Instant::now();
        Takeover::of(&mut endless(&counters)).unwrap().run(ours).await;
        assert_eq!((counters.read().slow_readers, begun.elapsed()), (1, STALL));
        drop(theirs);
        // A body that nobody polls is a stream whose window is closed.
        let body = embed(endless(&counters)).into_body();
        tokio::time::sleep(STALL * 2).await;
        assert_eq!(counters.read().slow_readers, 2);
        drop(body);
    }
}
