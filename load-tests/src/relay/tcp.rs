//! The stream side of a relay: a connection to the server for each connection of a client.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::{Arrival, Route};

/// Connections that are open at once; others are reset.
const MOST_CONNECTIONS: usize = 1_024;

/// Pieces of one direction of a connection that are on the way at once. While there are as many,
/// nothing is read, and the sender's own flow control holds it back.
const WINDOW: usize = 128;

/// The largest piece, in bytes.
const PIECE: usize = 4_096;

/// Connections that were accepted and wait to be taken up.
const ACCEPTED: usize = 16;

/// The number of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Connection(u64);

/// Both halves of a new connection.
pub(super) struct Accepted {
    client: TcpStream,
    server: TcpStream,
}

/// What happened to connections.
pub(super) enum Change {
    Came(Accepted),
    Ended(Connection),
}

/// All connections.
pub(super) struct Connections {
    open: HashMap<Connection, Ends>,
    last: u64,
    turned_away: u64,
    arrived: mpsc::Sender<Arrival>,
    accepted: mpsc::Receiver<Accepted>,
    carriers: JoinSet<Connection>,
    /// Accept, and end with this.
    _acceptors: JoinSet<()>,
}

/// What a connection's carrier is told. Dropped, it resets both halves.
struct Ends {
    to_client: mpsc::Sender<Bytes>,
    to_server: mpsc::Sender<Bytes>,
    _cut: oneshot::Sender<()>,
}

impl Connections {
    pub(super) fn new(
        listeners: Vec<(TcpListener, SocketAddr)>,
        arrived: mpsc::Sender<Arrival>,
    ) -> Connections {
        let (came, accepted) = mpsc::channel(ACCEPTED);
        let mut acceptors = JoinSet::new();
        for (listener, server) in listeners {
            acceptors.spawn(accept(listener, server, came.clone()));
        }
        Connections {
            open: HashMap::new(),
            last: 0,
            turned_away: 0,
            arrived,
            accepted,
            carriers: JoinSet::new(),
            _acceptors: acceptors,
        }
    }

    /// Waits for the next connection that comes or ends. Giving up waiting loses nothing.
    pub(super) async fn next(&mut self) -> Change {
        loop {
            tokio::select! {
                Some(accepted) = self.accepted.recv() => return Change::Came(accepted),
                Some(ended) = self.carriers.join_next() => {
                    // A carrier neither panics nor is aborted before the relay ends.
                    if let Ok(connection) = ended {
                        return Change::Ended(connection);
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    pub(super) fn open(&mut self, change: Change) {
        let accepted = match change {
            Change::Came(accepted) => accepted,
            Change::Ended(connection) => {
                self.open.remove(&connection);
                return;
            }
        };
        if self.open.len() == MOST_CONNECTIONS {
            self.turned_away += 1;
            reset([accepted.client, accepted.server]);
            return;
        }
        self.last += 1;
        let connection = Connection(self.last);
        let (to_client, for_client) = mpsc::channel(WINDOW);
        let (to_server, for_server) = mpsc::channel(WINDOW);
        let (cut, is_cut) = oneshot::channel();
        self.open.insert(connection, Ends { to_client, to_server, _cut: cut });
        let arrived = self.arrived.clone();
        self.carriers.spawn(async move {
            carry(connection, accepted, arrived, for_client, for_server, is_cut).await;
            connection
        });
    }

    /// Gives the server a piece of what a client said; an empty one is the end of it.
    pub(super) fn send_to_server(&self, connection: Connection, piece: Bytes) {
        if let Some(ends) = self.open.get(&connection) {
            // The window keeps it from being full; closed, the connection is over.
            let _ = ends.to_server.try_send(piece);
        }
    }

    /// Gives a client a piece of what the server said; an empty one is the end of it.
    pub(super) fn send_to_client(&self, connection: Connection, piece: Bytes) {
        if let Some(ends) = self.open.get(&connection) {
            let _ = ends.to_client.try_send(piece);
        }
    }

    /// Resets all connections; returns when it is done.
    pub(super) async fn cut(&mut self) {
        self.open.clear();
        while self.carriers.join_next().await.is_some() {}
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away
    }
}

/// Accepts connections until the relay ends. Those that the server does not take are reset.
async fn accept(listener: TcpListener, server: SocketAddr, came: mpsc::Sender<Accepted>) {
    while let Ok((client, _)) = listener.accept().await {
        // What is small is sent at once: how long it takes is the path's business.
        let connected = async {
            let server = TcpStream::connect(server).await?;
            server.set_nodelay(true)?;
            client.set_nodelay(true)?;
            io::Result::Ok(server)
        };
        match connected.await {
            Ok(server) => {
                if came.send(Accepted { client, server }).await.is_err() {
                    return;
                }
            }
            Err(_) => reset([client]),
        }
    }
}

/// Moves the bytes of one connection until both sides have ended, one has failed, or it is cut.
async fn carry(
    connection: Connection,
    Accepted { mut client, mut server }: Accepted,
    arrived: mpsc::Sender<Arrival>,
    for_client: mpsc::Receiver<Bytes>,
    for_server: mpsc::Receiver<Bytes>,
    cut: oneshot::Receiver<()>,
) {
    let all_said = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let (up, down) = (Semaphore::new(WINDOW), Semaphore::new(WINDOW));
        let arrival = |up| move |bytes| Arrival { up, route: Route::Tcp(connection), bytes };
        let talk = pin!(async {
            tokio::try_join!(
                read(from_client, arrival(true), &up, &arrived),
                write(to_server, for_server, &up),
                read(from_server, arrival(false), &down, &arrived),
                write(to_client, for_client, &down),
            )
        });
        tokio::select! {
            ended = talk => ended.is_ok(),
            _ = cut => false,
        }
    };
    if !all_said {
        reset([client, server]);
    }
}

/// Puts what is said on its way, its end as an empty piece.
async fn read(
    mut half: impl AsyncRead + Unpin,
    arrival: impl Fn(Bytes) -> Arrival,
    window: &Semaphore,
    arrived: &mpsc::Sender<Arrival>,
) -> io::Result<()> {
    loop {
        let permit = window.acquire().await.map_err(io::Error::other)?;
        // It comes back when the piece is written.
        permit.forget();
        let mut piece = BytesMut::with_capacity(PIECE);
        let length = half.read_buf(&mut piece).await?;
        arrived.send(arrival(piece.freeze())).await.map_err(io::Error::other)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Writes what has arrived.
async fn write(
    mut half: impl AsyncWrite + Unpin,
    mut pieces: mpsc::Receiver<Bytes>,
    window: &Semaphore,
) -> io::Result<()> {
    while let Some(piece) = pieces.recv().await {
        if piece.is_empty() {
            return half.shutdown().await;
        }
        half.write_all(&piece).await?;
        window.add_permits(1);
    }
    Err(io::ErrorKind::ConnectionReset.into())
}

/// Ends connections so that the other sides see that something broke.
fn reset<const N: usize>(streams: [TcpStream; N]) {
    for stream in streams {
        // Without it the connection ends in peace, which is the second best.
        let _ = stream.set_zero_linger();
    }
}
