//! Requests of ours to others: looked up anew, connected to an address that may be reached, and over with the
//! answer. Redirects are not followed: whoever is to be told has an address of its own.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

const USER_AGENT: &str = concat!("oriel/", env!("CARGO_PKG_VERSION"));
/// Bytes of an answer that is read.
const ANSWER_BYTES: usize = 256 * 1024;

/// Which addresses requests of ours may go to.
pub type Reachable = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// Where an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    tls: bool,
    /// Without brackets.
    host: String,
    port: u16,
    /// As the `Host` header has it.
    authority: String,
    path: String,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> anyhow::Result<Target> {
        let uri: Uri = url.parse().context("is no URL")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("must begin with https:// or http://"),
        };
        let authority = uri.authority().context("names no host")?;
        if authority.as_str().contains('@') {
            bail!("has a user name: requests are signed, and carry no other credentials");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Target { tls, host, port, authority: authority.to_string(), path })
    }
}

/// Why an endpoint has not taken an event.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Its name leads only where requests of ours must not go.
    #[error("{0} has no address that may be reached (webhooks.allowed_networks)")]
    Unreachable(String),
    /// Looking it up, connecting, TLS or HTTP.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// It answered, and not with success.
    #[error("the answer was {status}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// What was to be sent cannot be read here.
    #[error("what is to be sent cannot be read: {0}")]
    Unreadable(String),
}

impl Failure {
    /// How long the endpoint wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Failure::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The way to all endpoints.
#[derive(Clone)]
pub struct Client {
    reachable: Reachable,
    timeout: Duration,
    tls: TlsConnector,
}

/// The certificates that the system trusts.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (_, unusable) = roots.add_parsable_certificates(native.certs);
    if roots.is_empty() || unusable > 0 {
        tracing::warn!(
            trusted = roots.len(),
            unusable,
            "certificates of the system's that are trusted by https (SSL_CERT_FILE)"
        );
    }
    roots
}

impl Client {
    /// Trusts these certificates, and what they have signed.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        reachable: Reachable,
        timeout: Duration,
        roots: RootCertStore,
    ) -> anyhow::Result<Client> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client { reachable, timeout, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends `body`, which is JSON.
    ///
    /// # Errors
    /// [`Failure`] for everything but success (2xx).
    pub async fn post(
        &self,
        target: &Target,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        let mut request =
            Request::post(&target.path).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(broken)?;
        let sent = tokio::time::timeout(self.timeout, self.send(target, request, Answer::Status));
        let response = sent.await.unwrap_or(Err(Failure::Late))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let seconds = response.headers().get(header::RETRY_AFTER);
        let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
        Err(Failure::Refused { status, retry_after: seconds.map(Duration::from_secs) })
    }

    /// Asks by a request with a whole URL, and gives the answer whatever its status. It has 256 KiB at most.
    ///
    /// # Errors
    /// [`Failure`] when there is none.
    pub async fn ask<B>(&self, mut request: Request<B>) -> Result<Response<Bytes>, Failure>
    where
        B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let url = request.uri().to_string();
        let target =
            Target::parse(&url).map_err(|error| Failure::Broken(format!("{url} {error}")))?;
        *request.uri_mut() = target.path.parse().map_err(broken)?;
        let asked = tokio::time::timeout(self.timeout, self.send(&target, request, Answer::Whole));
        asked.await.unwrap_or(Err(Failure::Late))
    }

    async fn send<B>(
        &self,
        target: &Target,
        mut request: Request<B>,
        answer: Answer,
    ) -> Result<Response<Bytes>, Failure>
    where
        B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let host = HeaderValue::from_str(&target.authority).map_err(broken)?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let stream = self.connect(target).await?;
        if !target.tls {
            return exchange(stream, request, answer).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(broken)?;
        let stream = self.tls.connect(name, stream).await.map_err(broken)?;
        exchange(stream, request, answer).await
    }

    /// Looked up each time: what a name meant when it was checked says nothing of what it means now.
    async fn connect(&self, target: &Target) -> Result<TcpStream, Failure> {
        let found = lookup_host((target.host.as_str(), target.port)).await.map_err(broken)?;
        let mut failure = Failure::Unreachable(target.host.clone());
        let addresses: Vec<SocketAddr> = found.filter(|&found| (self.reachable)(found)).collect();
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    failure = broken(io::Error::new(error.kind(), format!("{address}: {error}")))
                }
            }
        }
        Err(failure)
    }
}

/// What is read of an answer.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Status,
    Whole,
}

/// The connection is over when this returns, whatever the endpoint still had to say.
async fn exchange<B>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<B>,
    answer: Answer,
) -> Result<Response<Bytes>, Failure>
where
    B: Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answered = async move {
        let (parts, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        let body = match answer {
            Answer::Status => Bytes::new(),
            Answer::Whole => {
                let whole = Limited::new(body, ANSWER_BYTES).collect().await;
                whole.map_err(|error| Failure::Broken(error.to_string()))?.to_bytes()
            }
        };
        Ok(Response::from_parts(parts, body))
    };
    let mut answered = pin!(answered);
    tokio::select! {
        biased;
        answered = answered.as_mut() => answered,
        // It may have ended with the answer, which is there then.
        _ = connection => answered.await,
    }
}

fn broken(error: impl std::error::Error) -> Failure {
    // With what is behind it: hyper says "connection error" and no more.
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Failure::Broken(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_they_are_meant() {
        let target = Target::parse("https://example.com/a?b=c").unwrap();
        assert_eq!((target.tls, target.host.as_str(), target.port), (true, "example.com", 443));
        assert_eq!(target.path, "/a?b=c");
        let target = Target::parse("http://[::1]:8080").unwrap();
        assert_eq!((target.tls, target.host.as_str(), target.port), (false, "::1", 8080));
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("[::1]:8080", "/"));
        for bad in ["ftp://a", "example.com", "/x", "http://", "https://a:b@c/"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn nothing_goes_to_an_address_that_is_not_allowed_whatever_its_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client =
            Client::new(Arc::new(|_| false), Duration::from_secs(20), RootCertStore::empty());
        let client = client.unwrap();
        for host in ["127.0.0.1", "localhost"] {
            let target = Target::parse(&format!("http://{host}:{port}/")).unwrap();
            let failure = client.post(&target, &[], Vec::new()).await.unwrap_err();
            assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");
        }
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept());
        assert!(accepted.await.is_err(), "somebody was connected to");
    }
}
