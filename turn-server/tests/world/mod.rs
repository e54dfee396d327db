//! A server on loopback, and a peer that sends everything back.

#![allow(clippy::unwrap_used, dead_code, reason = "a test fails by panicking; each uses a part")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use turn_server::{Config, Extras, Identity, Secret, Tls, TurnServer};

pub(crate) const USER: &str = "ada";
pub(crate) const PASSWORD: &str = "lovelace";
pub(crate) const SECRET: &str = "north";

/// Two workers on IPv4 and IPv6, any port; peers on loopback are allowed.
pub(crate) fn config() -> Config {
    Config {
        workers: 2,
        bind: vec![IpAddr::from([127, 0, 0, 1]), "::1".parse().unwrap()],
        port: 0,
        tls_port: 0,
        users: [(USER.to_owned(), Secret::from(PASSWORD))].into(),
        secrets: vec![Secret::from(SECRET)],
        allowed_peers: vec!["127.0.0.0/8".into(), "::1".into()],
        stranger_rate: 10_000,
        source_quota: 0,
        user_quota: 0,
        ..Config::default()
    }
}

pub(crate) fn start(config: &Config) -> TurnServer {
    TurnServer::start(config, Extras { peers: Vec::new(), tls: Some(certificate()) }).unwrap()
}

/// A certificate for localhost, and what is made of it.
pub(crate) fn certificate() -> Tls {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().to_vec();
    let key = made.signing_key.serialize_der();
    let chain = vec![CertificateDer::from(certificate.clone())];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .unwrap();
    Tls { config: Arc::new(config), dtls: Some(Identity { certificate, key }) }
}

/// A peer that sends everything back, and counts. It has the next port too, as RTCP has.
pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    heard: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Echo {
    pub(crate) fn start(ip: &str) -> Echo {
        let (first, second) = loop {
            let first = UdpSocket::bind((ip, 0)).unwrap();
            let next = first.local_addr().unwrap().port().saturating_add(1);
            if let Ok(second) = UdpSocket::bind((ip, next)) {
                break (first, second);
            }
        };
        let address = first.local_addr().unwrap();
        let (heard, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let threads = [first, second].map(|socket| {
            let (heard, stop) = (Arc::clone(&heard), Arc::clone(&stop));
            std::thread::spawn(move || echo(&socket, &heard, &stop))
        });
        Echo { address, heard, stop, threads: threads.into() }
    }

    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

fn echo(socket: &UdpSocket, heard: &AtomicU64, stop: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut buffer = [0; 65_535];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            heard.fetch_add(1, Ordering::Relaxed);
            socket.send_to(&buffer[..length], from).unwrap();
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within 10 seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The value of a counter.
pub(crate) fn count(server: &TurnServer, name: &str, label: Option<&str>) -> u64 {
    let stats = server.handle().counters();
    let mut rows = stats.rows();
    rows.find(|row| row.name == name && row.label.map(|(_, value)| value) == label).unwrap().value
}
