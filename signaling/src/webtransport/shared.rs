//! QUIC on the media port: what the media workers hand over is read, and what is sent leaves by their sockets.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::time::{Sleep, sleep};

use crate::media::{Neighbour, Train};

/// How long a socket that takes no more is left alone: nobody tells when it does again.
const PAUSE: Duration = Duration::from_millis(1);

/// The media port, for an endpoint.
#[derive(Debug)]
pub(super) struct Shared {
    port: Neighbour,
    is_full: AtomicBool,
}

impl Shared {
    pub(super) fn new(port: Neighbour) -> Shared {
        Shared { port, is_full: AtomicBool::new(false) }
    }
}

impl AsyncUdpSocket for Shared {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { socket: self, pause: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let train = Train {
            destination: transmit.destination,
            source: transmit.src_ip,
            contents: transmit.contents,
            size: transmit.segment_size.unwrap_or(transmit.contents.len()),
        };
        let sent = self.port.try_send(train, transmit.ecn.map_or(0, |ecn| ecn as u8));
        if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.is_full.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut count = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            let received = match self.port.poll_next(context) {
                Poll::Ready(received) => received,
                Poll::Pending if count == 0 => return Poll::Pending,
                Poll::Pending => break,
            };
            // What is longer than the client was told is cut, as the system does.
            let len = received.contents.len().min(buffer.len());
            buffer[..len].copy_from_slice(&received.contents[..len]);
            *meta = RecvMeta {
                addr: received.source,
                len,
                stride: len,
                ecn: EcnCodepoint::from_bits(received.ecn),
                dst_ip: Some(received.local),
            };
            count += 1;
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.port.local_address())
    }

    fn max_transmit_segments(&self) -> usize {
        self.port.max_segments()
    }

    fn may_fragment(&self) -> bool {
        self.port.may_fragment()
    }
}

/// A connection that wants to send.
#[derive(Debug)]
struct Poller {
    socket: Arc<Shared>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pause.is_none() && !self.socket.is_full.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(PAUSE)));
        ready!(pause.as_mut().poll(context));
        self.pause = None;
        self.socket.is_full.store(false, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn who_finds_no_room_tries_again_after_a_pause() {
        let config = sfu::Config { udp_port: 0, tcp: false, workers: 1, ..Default::default() };
        let (_sfu, port) = sfu::Sfu::start_beside(&config, |_, _| ()).unwrap();
        let socket = Arc::new(Shared::new(port));
        let mut poller = Arc::clone(&socket).create_io_poller();
        let mut look = |context: &mut Context<'_>| poller.as_mut().poll_writable(context);
        assert!(poll_fn(|context| Poll::Ready(look(context).is_ready())).await);
        socket.is_full.store(true, Ordering::Relaxed);
        assert!(poll_fn(|context| Poll::Ready(look(context).is_pending())).await);
        timeout(Duration::from_secs(20), poll_fn(look)).await.unwrap().unwrap();
        assert!(!socket.is_full.load(Ordering::Relaxed));
    }
}
