//! DTLS from senders that may not be who they say: nothing is kept of them, and others get in.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Dtls, Output};
use turn_server::{Config, TurnServer};
use world::*;

/// Sessions that the server has room for, and hellos of senders that never come back.
const ROOM: usize = 8;
const FORGED: usize = 400;

/// A Binding request.
const BINDING: [u8; 20] =
    [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// A client that goes one step at a time.
struct Client {
    dtls: Dtls,
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Client {
    fn new(server: SocketAddr) -> Client {
        Client::at(socket(server))
    }

    fn at(socket: UdpSocket) -> Client {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let identity = dimpl::DtlsCertificate {
            certificate: made.cert.der().to_vec(),
            private_key: made.signing_key.serialize_der(),
        };
        let now = Instant::now();
        let config = Arc::new(dimpl::Config::builder().build().unwrap());
        let mut dtls = Dtls::new_12(config, identity, now);
        dtls.set_active(true);
        dtls.handle_timeout(now).unwrap();
        Client { dtls, socket, buffer: vec![0; 1 << 14] }
    }

    /// What it wants to send, and what it has received.
    fn poll(&mut self) -> (Vec<Vec<u8>>, Vec<u8>, bool) {
        let (mut packets, mut data, mut is_connected) = (Vec::new(), Vec::new(), false);
        loop {
            match self.dtls.poll_output(&mut self.buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::ApplicationData(bytes) => data.extend_from_slice(bytes),
                Output::Connected => is_connected = true,
                Output::Timeout(_) => return (packets, data, is_connected),
                _ => {}
            }
        }
    }

    fn take(&mut self, packet: &[u8]) {
        self.dtls.handle_timeout(Instant::now()).unwrap();
        self.dtls.handle_packet(packet).unwrap();
    }

    /// Asks for its address, by way of the handshake, and waits for the answer.
    fn is_answered(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        self.socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        while Instant::now() < end {
            let (packets, data, is_connected) = self.poll();
            if !data.is_empty() {
                return data[..2] == [1, 1];
            }
            for packet in packets {
                self.socket.send(&packet).unwrap();
            }
            if is_connected {
                self.dtls.send_application_data(&BINDING).unwrap();
                continue;
            }
            match receive(&self.socket) {
                Some(packet) => self.take(&packet),
                None => self.dtls.handle_timeout(Instant::now()).unwrap(),
            }
        }
        false
    }
}

fn socket(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 2_000];
    let length = socket.recv(&mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

fn asks_for_a_cookie(answer: &[u8]) -> bool {
    answer[0] == 22 && answer[13] == 3
}

fn small() -> (TurnServer, SocketAddr) {
    let server = start(&Config { max_connections: ROOM, workers: 1, ..config() });
    let address = server.handle().addresses()[0];
    (server, address)
}

#[test]
fn nothing_is_kept_of_a_client_that_does_not_come_back() {
    let (server, address) = small();
    let hello = Client::new(address).poll().0.remove(0);
    let forgers: Vec<UdpSocket> = (0..FORGED).map(|_| socket(address)).collect();
    for forger in &forgers {
        forger.send(&hello).unwrap();
        let answer = receive(forger).unwrap();
        assert!(asks_for_a_cookie(&answer) && answer.len() < hello.len());
    }
    assert_eq!(count(&server, "connections", None), 0);
    assert!(Client::new(address).is_answered());
    eventually("it is counted", || count(&server, "connections", None) == 1);
}

#[test]
fn a_cookie_is_no_good_from_elsewhere() {
    let (server, address) = small();
    let mut client = Client::new(address);
    let first = client.poll().0.remove(0);
    client.socket.send(&first).unwrap();
    let answer = receive(&client.socket).unwrap();
    client.take(&answer);
    let second = client.poll().0.remove(0);
    let elsewhere = socket(address);
    elsewhere.send(&second).unwrap();
    assert!(asks_for_a_cookie(&receive(&elsewhere).unwrap()));
    assert_eq!(count(&server, "connections", None), 0);
    client.socket.send(&second).unwrap();
    let answer = receive(&client.socket).unwrap();
    assert!(!asks_for_a_cookie(&answer), "it was good where it was sent to");
    client.take(&answer);
    assert!(client.is_answered());
}

#[test]
fn what_was_lost_on_the_way_is_sent_again() {
    let (_server, address) = small();
    let mut client = Client::new(address);
    let first = client.poll().0.remove(0);
    // Its answer is lost, and the client says hello again.
    client.socket.send(&first).unwrap();
    receive(&client.socket).unwrap();
    client.socket.send(&first).unwrap();
    let answer = receive(&client.socket).unwrap();
    client.take(&answer);
    assert!(client.is_answered());
}

#[test]
fn a_client_is_heard_from_the_port_of_one_that_is_gone() {
    let (server, address) = small();
    let mut client = Client::new(address);
    for _ in 0..3 {
        assert!(client.is_answered());
        client = Client::at(client.socket);
    }
    eventually("only the last is there", || count(&server, "connections", None) == 1);
}
