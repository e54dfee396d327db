//! `/metrics` for Prometheus, by the least HTTP that it takes.

use std::fmt::Write;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use turn_server::TurnHandle;

/// How long a request may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Answers one request after the other, for ever.
pub(crate) async fn serve(listener: TcpListener, turn: TurnHandle) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                // Who is slow holds up the next scrape by the deadline at most.
                let _ = tokio::time::timeout(DEADLINE, answer(socket, &turn)).await;
            }
            Err(error) => {
                tracing::warn!(%error, "a scrape cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut socket: TcpStream, turn: &TurnHandle) -> std::io::Result<()> {
    let mut request = [0; 2_048];
    let mut length = 0;
    while length < request.len() && !request[..length].ends_with(b"\r\n\r\n") {
        match socket.read(&mut request[length..]).await? {
            0 => return Ok(()),
            count => length += count,
        }
    }
    let (status, body) = if request.starts_with(b"GET /metrics ") {
        ("200 OK", render(turn))
    } else {
        ("404 Not Found", "only /metrics is here\n".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    socket.shutdown().await
}

fn render(turn: &TurnHandle) -> String {
    let mut text = String::new();
    let mut last = "";
    for row in turn.counters().rows() {
        let name = row.name;
        let (suffix, kind) = if row.is_gauge { ("", "gauge") } else { ("_total", "counter") };
        if name != last {
            let _ = writeln!(text, "# HELP oriel_turn_{name}{suffix} {}", row.help);
            let _ = writeln!(text, "# TYPE oriel_turn_{name}{suffix} {kind}");
            last = name;
        }
        let label = row.label.map(|(key, value)| format!("{{{key}=\"{value}\"}}"));
        let label = label.unwrap_or_default();
        let _ = writeln!(text, "oriel_turn_{name}{suffix}{label} {}", row.value);
    }
    text
}
