//! TCP and TLS: connections that are handed over, that come through a load balancer, that are no
//! TURN, and that are too many.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection, StreamOwned};
use turn_server::{Adopted, Config, TurnServer};
use world::*;

/// A Binding request.
const BINDING: [u8; 20] =
    [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

fn connect(server: &TurnServer) -> TcpStream {
    let stream = TcpStream::connect(server.handle().addresses()[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// The IPv4 address of the answer to a Binding request.
fn mapped(mut stream: impl Read) -> SocketAddr {
    let mut answer = [0; 32];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..4], [1, 1, 0, 12]);
    assert_eq!(answer[8..20], BINDING[8..]);
    let port = u16::from_be_bytes([answer[26] ^ 0x21, answer[27] ^ 0x12]);
    let ip = [answer[28] ^ 0x21, answer[29] ^ 0x12, answer[30] ^ 0xA4, answer[31] ^ 0x42];
    SocketAddr::from((ip, port))
}

fn is_closed(mut stream: TcpStream) -> bool {
    match stream.read(&mut [0; 10]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn messages_may_come_in_pieces_and_together() {
    let server = start(&config());
    let mut stream = connect(&server);
    for byte in BINDING {
        stream.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(mapped(&stream), stream.local_addr().unwrap());
    stream.write_all(&[BINDING, BINDING].concat()).unwrap();
    assert_eq!(mapped(&stream), mapped(&stream));
}

#[test]
fn what_is_not_turn_is_closed() {
    let server = start(&config());
    for bytes in [
        &b"POST / HTTP/1.1\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xFF; 40],
        &[0, 1, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42],
        &[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5],
    ] {
        let mut stream = connect(&server);
        stream.write_all(bytes).unwrap();
        // TLS says why before it goes.
        let mut rest = Vec::new();
        let result = stream.read_to_end(&mut rest);
        let is_over = result.map_or_else(|e| e.kind() == ErrorKind::ConnectionReset, |_| true);
        assert!(is_over, "{bytes:?}");
    }
    eventually("all are forgotten", || count(&server, "connections", None) == 0);
}

#[test]
fn a_connection_of_the_web_server_is_taken_over() {
    let server = start(&config());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let serving = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let asking = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        let socket = TcpStream::connect(address).unwrap();
        let own = socket.local_addr().unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(asking), name).unwrap();
        let mut stream = StreamOwned::new(tls, socket);
        stream.write_all(&BINDING).unwrap();
        assert_eq!(mapped(&mut stream), own);
        stream.write_all(&BINDING).unwrap();
        assert_eq!(mapped(&mut stream), own);
    });

    let (socket, client_address) = listener.accept().unwrap();
    let tls = ServerConnection::new(Arc::new(serving)).unwrap();
    let mut stream = StreamOwned::new(tls, socket);
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(first, [0], "it is STUN");
    let (tls, socket) = stream.into_parts();
    let adopted =
        Adopted { socket, tls: Some(tls), received: first.to_vec(), client: client_address };
    server.handle().adopt(adopted).unwrap();
    client.join().unwrap();
}

#[test]
fn a_load_balancer_tells_who_the_client_is() {
    let config = Config { proxy_from: vec!["127.0.0.1".into()], ..config() };
    let server = start(&config);
    let mut stream = connect(&server);
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\xC0\0\x02\x01\x12\x34\x0D\x96";
    stream.write_all(&[&header[..], &BINDING].concat()).unwrap();
    assert_eq!(mapped(&stream), "192.0.2.7:4660".parse().unwrap());

    let mut without = connect(&server);
    without.write_all(&BINDING).unwrap();
    assert!(is_closed(without));
}

#[test]
fn too_many_connections_cost_nobody_else() {
    let config = Config { max_connections: 40, ..config() };
    let server = start(&config);
    let streams: Vec<TcpStream> = (0..100).map(|_| connect(&server)).collect();
    eventually("the limit is reached", || {
        let connections = count(&server, "connections", None);
        assert!(connections <= 40);
        connections > 20
    });
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send_to(&BINDING, server.handle().addresses()[0]).unwrap();
    assert_eq!(socket.recv(&mut [0; 100]).unwrap(), 32);
    drop(streams);
    eventually("all are forgotten", || count(&server, "connections", None) == 0);
    let mut stream = connect(&server);
    stream.write_all(&BINDING).unwrap();
    mapped(&stream);
}
