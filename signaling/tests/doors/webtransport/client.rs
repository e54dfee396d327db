//! A client by WebTransport, of another implementation than the server's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::quinn::crypto::rustls::QuicClientConfig;
use web_transport_quinn::quinn::{ClientConfig, Endpoint};
use web_transport_quinn::{
    ClientError, RecvStream, SendStream, Session, SessionError, WebTransportError,
};

use crate::server::{Frame, Server, in_time};

/// A session with its signaling stream.
pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) endpoint: Endpoint,
    pub(crate) send: SendStream,
    receive: RecvStream,
    /// Came while a reply was waited for.
    events: VecDeque<Frame>,
}

/// What `POST /v1/join` says of WebTransport.
pub(crate) async fn invitation(server: &Server) -> Value {
    server.ticket("r", "somebody").await["webtransport"].clone()
}

/// The certificate in force, as the server keeps it.
fn certificate(server: &Server) -> CertificateDer<'static> {
    let file = server.config.server.state_dir.join("webtransport.toml");
    let kept: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let pem = kept["current"]["certificate"].as_str().unwrap();
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// What trusts that certificate.
pub(crate) fn trusting(server: &Server) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate(server)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()))
}

pub(crate) async fn request(server: &Server, headers: &[(&'static str, &str)]) -> ConnectRequest {
    let url: url::Url = invitation(server).await["url"].as_str().unwrap().parse().unwrap();
    headers.iter().fold(ConnectRequest::new(url), |request, (name, value)| {
        request.with_header(name.parse().unwrap(), value.parse().unwrap())
    })
}

/// Asks for a session.
pub(crate) async fn ask_for(
    server: &Server,
    request: ConnectRequest,
    config: ClientConfig,
) -> Result<(Session, Endpoint), ClientError> {
    let endpoint = Endpoint::client((std::net::Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = request.url.port().unwrap();
    let address = SocketAddr::new(server.app.http_address().ip(), port);
    let connection = endpoint.connect_with(config, address, "localhost").unwrap();
    let connection = in_time(connection).await?;
    let session = in_time(Session::connect(connection, request)).await?;
    Ok((session, endpoint))
}

/// A session without a stream.
pub(crate) async fn session(server: &Server) -> (Session, Endpoint) {
    let request = request(server, &[]).await;
    ask_for(server, request, trusting(server)).await.unwrap()
}

impl Client {
    /// One that has not joined.
    pub(crate) async fn open(server: &Server, headers: &[(&'static str, &str)]) -> Client {
        let request = request(server, headers).await;
        let (session, endpoint) = ask_for(server, request, trusting(server)).await.unwrap();
        Client::on(session, endpoint).await
    }

    pub(crate) async fn on(session: Session, endpoint: Endpoint) -> Client {
        let (send, receive) = in_time(session.open_bi()).await.unwrap();
        Client { session, endpoint, send, receive, events: VecDeque::new() }
    }

    /// One that has joined, and the reply to its join.
    pub(crate) async fn join(server: &Server, room: &str, name: &str) -> (Client, Value) {
        let ticket = server.ticket(room, name).await;
        let mut client = Client::open(server, &[]).await;
        let joined = client.ask(json!({"type": "join", "token": ticket["token"]})).await;
        assert!(joined["ok"].is_object(), "{joined}");
        (client, joined["ok"].clone())
    }

    pub(crate) async fn send_frame(&mut self, body: &[u8]) {
        let frame = [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat();
        in_time(self.send.write_all(&frame)).await.unwrap();
    }

    /// Asks, and waits for the reply: `{"re", "ok" | "error"}`.
    pub(crate) async fn ask(&mut self, mut request: Value) -> Value {
        // A participant uses no number again, on a later connection either.
        static ASKED: AtomicU64 = AtomicU64::new(1_000_000);
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        request["id"] = json!(number);
        self.send_frame(request.to_string().as_bytes()).await;
        loop {
            match self.read_frame().await.expect("closed before the reply") {
                Frame::Text(frame) if frame["re"] == json!(number) => return frame,
                frame => self.events.push_back(frame),
            }
        }
    }

    /// The next event of this type; all else is passed over.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            match self.frame().await.expect("closed before the event") {
                Frame::Text(event) if event["type"] == kind => return event,
                _ => {}
            }
        }
    }

    /// The next reliable data message; all else is passed over.
    pub(crate) async fn message(&mut self) -> Vec<u8> {
        loop {
            if let Frame::Binary(bytes) = self.frame().await.expect("closed before the message") {
                return bytes;
            }
        }
    }

    async fn frame(&mut self) -> Option<Frame> {
        match self.events.pop_front() {
            Some(frame) => Some(frame),
            None => self.read_frame().await,
        }
    }

    /// The next frame, or `None` at the stream's end.
    async fn read_frame(&mut self) -> Option<Frame> {
        let mut head = [0; 4];
        in_time(self.receive.read_exact(&mut head)).await.ok()?;
        let mut body = vec![0; u32::from_be_bytes(head) as usize];
        in_time(self.receive.read_exact(&mut body)).await.ok()?;
        match body.first() {
            Some(b'{') => Some(Frame::Text(serde_json::from_slice(&body).unwrap())),
            _ => Some(Frame::Binary(body)),
        }
    }

    pub(crate) fn send_datagram(&self, bytes: Vec<u8>) {
        self.session.send_datagram(bytes.into()).unwrap();
    }

    pub(crate) async fn datagram(&self) -> Bytes {
        in_time(self.session.read_datagram()).await.unwrap()
    }

    /// Sends lossy envelopes until `done`: nobody promises that one arrives.
    pub(crate) async fn send_until<T>(&self, bytes: &[u8], done: impl Future<Output = T>) -> T {
        let sending = async {
            loop {
                self.send_datagram(bytes.to_vec());
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            done = in_time(done) => done,
            () = sending => unreachable!("it never ends"),
        }
    }

    /// The code that the server closes with, whatever comes before.
    pub(crate) async fn close_code(mut self) -> u32 {
        while self.read_frame().await.is_some() {}
        code(in_time(self.session.closed()).await)
    }
}

/// The code of a closed session.
pub(crate) fn code(error: SessionError) -> u32 {
    match error {
        SessionError::WebTransportError(WebTransportError::Closed(code, _)) => code,
        other => panic!("closed without a code: {other}"),
    }
}
