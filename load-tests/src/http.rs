//! One HTTP request on a connection of its own, without TLS: what signaling needs of HTTP.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// `host:port` of an `http` address; `None` for anything else, `https` included.
pub(crate) fn authority(uri: &Uri) -> Option<String> {
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
    Some(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
}

/// Sends a request to `host:port` and reads the whole answer, of `largest` bytes at most. How long that
/// may take is for the caller to say.
///
/// # Errors
///
/// When there is no connection, no answer, or a larger one.
pub(crate) async fn exchange(
    authority: &str,
    mut request: Request<Full<Bytes>>,
    largest: usize,
) -> anyhow::Result<Response<Bytes>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    request.headers_mut().insert(HOST, authority.parse()?);
    // The connection moves only while it is polled; it ends when the sender is dropped.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, largest).collect().await;
    Ok(Response::from_parts(head, body.map_err(|error| anyhow::anyhow!(error))?.to_bytes()))
}
