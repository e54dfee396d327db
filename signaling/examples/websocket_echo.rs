//! Sends back whatever comes by WebSocket, on the HTTP server and the WebSockets of the product: what the
//! Autobahn test suite is let loose on (`make autobahn`). It says on its standard output where it listens.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use signaling::config::Limits;
use signaling::conversation::Ending;
use signaling::limits::Connections;
use signaling::server::{Listeners, Server};
use signaling::websocket::{Bounds, Socket, accept, end, send, unusable};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

/// The suite's longest message; the product takes shorter ones.
const BOUNDS: Bounds = Bounds { stranger: usize::MAX, message: 16 << 20 };

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listeners = Listeners::bind(&[Ipv4Addr::LOCALHOST.into()], 0, "the port")?;
    println!("ws://{}/", listeners.address());
    let server = Server {
        router: Router::new().route("/", get(open)),
        tls: None,
        turn: None,
        connections: Connections::new(&Limits::default()),
        headroom: None,
    };
    let (_stop, never) = watch::channel(false);
    server.run(listeners, never).await;
    Ok(())
}

async fn open(mut request: Request<Body>) -> Response {
    let (response, opened) = match accept(&mut request, BOUNDS) {
        Ok(accepted) => accepted,
        Err(problem) => return problem.into_response(),
    };
    tokio::spawn(async move {
        let Some(mut socket) = opened.await else { return };
        let ending = echo(&mut socket).await;
        end(socket, ending).await;
    });
    response
}

async fn echo(socket: &mut Socket) -> Ending {
    loop {
        let echoed = match socket.next().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                send(socket, message).await
            }
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            other => return unusable(other),
        };
        if let Err(ending) = echoed {
            return ending;
        }
    }
}
