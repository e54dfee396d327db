//! A client with a socket, which asks what a test says and reads what comes back.

#![allow(clippy::unwrap_used, dead_code, reason = "a test fails by panicking; each uses a part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use stun::attributes::{self as kind, AttrType};
use stun::message::{Message, MessageType, Method};

#[path = "../../core/tests/world/mod.rs"]
mod messages;
pub(crate) use messages::*;

/// A client with a socket.
pub(crate) struct Wire {
    pub(crate) client: Client,
    socket: Socket,
}

enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Wire {
    pub(crate) fn udp(server: SocketAddr) -> Wire {
        let socket = UdpSocket::bind(SocketAddr::new(server.ip(), 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Wire { client: Client::new(1), socket: Socket::Udp(socket) }
    }

    pub(crate) fn tcp(server: SocketAddr) -> Wire {
        let socket = TcpStream::connect(server).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Wire { client: Client::by_tcp(1), socket: Socket::Tcp(socket) }
    }

    pub(crate) fn send(&mut self, message: &[u8]) {
        match &mut self.socket {
            Socket::Udp(socket) => assert_eq!(socket.send(message).unwrap(), message.len()),
            Socket::Tcp(socket) => socket.write_all(message).unwrap(),
        }
    }

    pub(crate) fn ask(&mut self, message: &[u8]) -> Answer {
        self.send(message);
        let mut bytes = vec![0; 2_000];
        match &mut self.socket {
            Socket::Udp(socket) => {
                let length = socket.recv(&mut bytes).unwrap();
                bytes.truncate(length);
            }
            Socket::Tcp(socket) => {
                socket.read_exact(&mut bytes[..20]).unwrap();
                let length = 20 + usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                socket.read_exact(&mut bytes[20..length]).unwrap();
                bytes.truncate(length);
            }
        }
        Answer::read(&bytes)
    }

    pub(crate) fn request(&mut self, method: Method, attributes: &[(AttrType, Vec<u8>)]) -> Answer {
        let answer = self.ask(&self.client.request(method, attributes));
        if !matches!(answer.code, Some(401 | 438)) {
            return answer;
        }
        self.client.nonce = answer.nonce.unwrap();
        self.ask(&self.client.request(method, attributes))
    }

    pub(crate) fn peer(&self, address: SocketAddr) -> (AttrType, Vec<u8>) {
        match address {
            SocketAddr::V4(_) => peer(&address.to_string()),
            SocketAddr::V6(_) => peer_v6(&self.client, &address.to_string()),
        }
    }

    /// A Send indication.
    pub(crate) fn say(&mut self, to: SocketAddr, data: &[u8]) {
        let mut message = Message::new();
        message.typ = MessageType::new(stun::message::METHOD_SEND, stun::message::CLASS_INDICATION);
        message.transaction_id.0[0] = self.client.serial.get().wrapping_add(1);
        message.write_header();
        let (kind, value) = self.peer(to);
        message.add(kind, &value);
        message.add(kind::ATTR_DATA, data);
        self.send(&message.raw);
    }
}
