//! TLS: our own certificate, files that change, and plain HTTP on the same port.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::{Server, config, http_on};

pub(crate) fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    certificate.der().clone()
}

pub(crate) async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_as(server.app.http_address(), trusted, protocols, "127.0.0.1").await
}

/// To a server that has a certificate for `name`.
pub(crate) async fn connect_as(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    protocols: &[&[u8]],
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn our_own_certificate_covers_the_bound_address_and_is_kept() {
    let server = Server::start_bare(&["tls.mode=self-signed"]).await;
    let folder = server.config.server.state_dir.clone();
    let read = || {
        let kept = std::fs::read_to_string(folder.join("self-signed.toml")).unwrap();
        let kept: toml::Table = kept.parse().unwrap();
        CertificateDer::from_pem_slice(kept["certificate"].as_str().unwrap().as_bytes()).unwrap()
    };
    let certificate = read();
    let stream = connect(&server, &certificate, &[b"http/1.1"]).await.unwrap();
    let response = http_on(stream, &server.host(), "GET", "/", &[], "").await;
    assert!([200, 503].contains(&response.status));
    assert!(server.app.url().starts_with("https://127.0.0.1:"));

    let again = signaling::app::App::start(&server.config).await.unwrap();
    assert_eq!(read(), certificate);
    again.stop().await;
}

#[tokio::test]
async fn http2_and_http1_are_chosen_by_alpn() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let server = with_files(folder.path()).await;
    for (offered, chosen) in [
        (&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = connect(&server, &certificate, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
    }
}

#[tokio::test]
async fn changed_files_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let old = write_certificate(folder.path());
    let server = with_files(folder.path()).await;
    connect(&server, &old, &[]).await.unwrap();

    let new = write_certificate(folder.path());
    let mut seconds = 0;
    while connect(&server, &new, &[]).await.is_err() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 15, "the new certificate is not in use");
    }

    // What cannot be used changes nothing, on a signal either.
    std::fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    server.app.reload(&server.config).unwrap();
    connect(&server, &new, &[]).await.unwrap();
}

#[tokio::test]
async fn plain_http_is_shown_the_way() {
    let server = Server::start_bare(&["tls.mode=self-signed"]).await;
    let response = server.http("GET", "/r/lobby?x=1", &[], "").await;
    assert_eq!(response.status, 308);
    let expected = format!("https://{}/r/lobby?x=1", server.host());
    assert_eq!(response.header("location"), Some(expected.as_str()));
    let join = server.http("POST", "/v1/join", &[("content-type", "application/json")], "{}").await;
    assert_eq!(join.status, 308);
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let set = |cert: &str, key: &str| {
        let path = |name: &str| folder.path().join(name).display().to_string();
        [
            "tls.mode=files".to_owned(),
            format!("tls.cert={}", path(cert)),
            format!("tls.key={}", path(key)),
        ]
    };
    std::fs::write(folder.path().join("other.pem"), KeyPair::generate().unwrap().serialize_pem())
        .unwrap();
    for (cert, key, word) in [
        ("missing.pem", "key.pem", "tls.cert"),
        ("cert.pem", "missing.pem", "tls.key"),
        ("key.pem", "key.pem", "tls.cert"),
        ("cert.pem", "other.pem", "cannot be used"),
    ] {
        let state = tempfile::tempdir().unwrap();
        let set = set(cert, key);
        let config = config(&state, &set.each_ref().map(String::as_str));
        let error = signaling::app::App::start(&config).await.err().unwrap();
        assert!(format!("{error:#}").contains(word), "{cert} {key}: {error:#}");
    }
}

pub(crate) async fn with_files(folder: &Path) -> Server {
    Server::start_bare(&[
        "tls.mode=files",
        &format!("tls.cert={}", folder.join("cert.pem").display()),
        &format!("tls.key={}", folder.join("key.pem").display()),
    ])
    .await
}
