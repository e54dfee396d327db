//! Certificates from Pebble, Let's Encrypt's own ACME server for tests (Debian's package `pebble`), which
//! really connects to the port of HTTPS to see the proof.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use signaling::app::App;
use tempfile::TempDir;

use crate::receiver::until;
use crate::server::{config, http_on};
use crate::tls::{connect_as, write_certificate};

const NAME: &str = "meet.oriel.example";

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A process of Debian's, ended with the test.
struct Daemon(Child);

impl Daemon {
    fn start(command: &mut Command) -> Daemon {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Daemon(child.expect("pebble is missing: install the package pebble"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An authority that believes every name to be on this machine.
struct Authority {
    folder: TempDir,
    directory: SocketAddr,
    management: SocketAddr,
    own: CertificateDer<'static>,
    _daemons: [Daemon; 2],
}

impl Authority {
    /// It looks for proofs at `https`, and its certificates are good for so many seconds.
    async fn start(https: u16, seconds: u64) -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let own = write_certificate(folder.path());
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (directory, management) = (local(free_port()), local(free_port()));
        let dns = UdpSocket::bind(local(0)).unwrap().local_addr().unwrap();
        let settings = serde_json::json!({"pebble": {
            "listenAddress": directory.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": folder.path().join("cert.pem"),
            "privateKey": folder.path().join("key.pem"),
            "httpPort": 1,
            "tlsPort": https,
            "certificateValidityPeriod": seconds,
        }});
        let file = folder.path().join("pebble.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        let names = Daemon::start(
            Command::new("pebble-challtestsrv")
                .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""])
                .args(["-dns01", &dns.to_string()])
                .args(["-management", &local(free_port()).to_string()]),
        );
        let pebble = Daemon::start(Command::new("pebble").env("PEBBLE_VA_NOSLEEP", "1").args([
            "-config",
            &file.display().to_string(),
            "-dnsserver",
            &dns.to_string(),
        ]));
        let authority = Authority { folder, directory, management, own, _daemons: [names, pebble] };
        until(async || tokio::net::TcpStream::connect(authority.directory).await.is_ok()).await;
        authority
    }

    /// What its certificates are trusted by.
    async fn root(&self) -> CertificateDer<'static> {
        let stream = connect_as(self.management, &self.own, &[], "127.0.0.1").await.unwrap();
        let host = self.management.to_string();
        let pem = http_on(stream, &host, "GET", "/roots/0", &[], "").await.body;
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    fn settings(&self, https: u16) -> Vec<String> {
        vec![
            format!("server.http_port={https}"),
            "tls.mode=acme".into(),
            format!("tls.acme.domains=[\"{NAME}\"]"),
            "tls.acme.contact=[\"admin@oriel.example\"]".into(),
            format!("tls.acme.directory=https://{}/dir", self.directory),
            format!("tls.acme.ca={}", self.folder.path().join("cert.pem").display()),
        ]
    }
}

fn kept(state: &Path, name: &str) -> Option<toml::Table> {
    std::fs::read_to_string(state.join(name)).ok().map(|text| text.parse().unwrap())
}

#[tokio::test]
async fn a_certificate_is_got_used_by_everybody_renewed_and_kept() {
    let https = free_port();
    // A third of that before its end it is asked for again.
    let authority = Authority::start(https, 60).await;
    let root = authority.root().await;
    let state = tempfile::tempdir().unwrap();
    let settings = authority.settings(https);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let config = config(&state, &settings);
    let app = App::start(&config).await.unwrap();
    let leaf = async |protocols: &[&[u8]]| {
        let stream = connect_as(app.http_address(), &root, protocols, NAME).await.ok()?;
        Some(stream.get_ref().1.peer_certificates().unwrap()[0].clone())
    };
    until(async || leaf(&[b"http/1.1"]).await.is_some()).await;
    let first = leaf(&[b"http/1.1"]).await.unwrap();
    // HTTPS and TURN on its port, one and the same; and no proof is left lying about.
    assert_eq!(leaf(&[b"stun.turn"]).await.as_ref(), Some(&first));
    assert!(leaf(&[b"acme-tls/1"]).await.is_none());
    let account = kept(state.path(), "acme-account.toml").unwrap();
    assert_eq!(kept(state.path(), "acme.toml").unwrap()["domains"][0].as_str(), Some(NAME));

    // Connections that come then have the new one, without a restart.
    until(async || leaf(&[b"h2"]).await.is_some_and(|leaf| leaf != first)).await;
    let second = kept(state.path(), "acme.toml").unwrap();
    app.stop().await;

    // It is there at once after a restart, and the account is the same.
    let app = App::start(&config).await.unwrap();
    let stream = connect_as(app.http_address(), &root, &[b"http/1.1"], NAME).await.unwrap();
    let leaf = &stream.get_ref().1.peer_certificates().unwrap()[0];
    let chain = second["certificate"].as_str().unwrap().as_bytes();
    assert_eq!(leaf, &CertificateDer::from_pem_slice(chain).unwrap());
    assert_eq!(kept(state.path(), "acme-account.toml").unwrap(), account);
    app.stop().await;
}

#[tokio::test]
async fn without_a_proof_there_is_a_stand_in_and_no_certificate() {
    // The authority looks elsewhere, where nobody is.
    let authority = Authority::start(free_port(), 3600).await;
    let root = authority.root().await;
    let state = tempfile::tempdir().unwrap();
    let settings = authority.settings(0);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let app = App::start(&config(&state, &settings)).await.unwrap();
    until(async || kept(state.path(), "acme-account.toml").is_some()).await;
    // It has looked by then, or does so now.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(kept(state.path(), "acme.toml"), None);
    let refused = connect_as(app.http_address(), &root, &[b"http/1.1"], NAME).await.unwrap_err();
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    app.stop().await;
}
