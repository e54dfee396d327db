//! The server's page of counters, as far as a load test asks it: who is there.

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the page may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest page that is read.
const LARGEST: usize = 1 << 20;

/// Who is at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) participants: u64,
    pub(super) sessions: u64,
    pub(super) rooms: u64,
}

impl Counts {
    /// Whether nobody and nothing is there.
    pub(super) fn is_nothing(&self) -> bool {
        self.participants == 0 && self.sessions == 0 && self.rooms == 0
    }

    /// Reads them off a page in Prometheus' text format.
    fn read(page: &str) -> anyhow::Result<Counts> {
        let sample = |name: &str| {
            page.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
                .with_context(|| format!("the page has no {name}: is it that of an Oriel server?"))
        };
        Ok(Counts {
            participants: sample("oriel_participants")?,
            sessions: sample("oriel_sfu_sessions")?,
            rooms: sample("oriel_rooms")?,
        })
    }
}

/// Who is at the server, by its page at `url` (`http://host:port/metrics`).
///
/// # Errors
///
/// When there is no such page.
pub(super) async fn counts(url: &str) -> anyhow::Result<Counts> {
    Counts::read(&read(url).await?)
}

/// The page as text.
///
/// # Errors
///
/// When there is none.
pub(crate) async fn read(url: &str) -> anyhow::Result<String> {
    let page = timeout(TIMEOUT, get(url)).await;
    page.with_context(|| format!("no answer from {url} within {TIMEOUT:?}"))?
}

async fn get(url: &str) -> anyhow::Result<String> {
    let uri: Uri = url.parse().with_context(|| format!("`{url}` is no address"))?;
    let authority = uri.authority().with_context(|| format!("`{url}` names no host"))?;
    let host = authority.host();
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await;
    let stream = stream.with_context(|| format!("nobody answers at {url}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The connection moves only while it is polled; it ends when the sender is dropped.
    tokio::spawn(connection);
    let request = Request::get(uri.path()).header(HOST, authority.as_str());
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    ensure!(response.status().is_success(), "{url} answers {}", response.status());
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_off_a_page() {
        let page = "# TYPE oriel_participants gauge\noriel_rooms 2\noriel_participants 12\n\
                    oriel_sfu_sessions_total 99\noriel_sfu_sessions 11\n";
        let counts = Counts::read(page).expect("counts");
        assert_eq!(counts, Counts { participants: 12, sessions: 11, rooms: 2 });
        assert!(!counts.is_nothing());
        assert!(Counts::read("hello").expect_err("no counts").to_string().contains("oriel_"));
    }
}
