//! Sessions with a client of `dimpl`, in virtual time and without a network.

use std::collections::BTreeSet;

use dimpl::crypto::{Dtls12CipherSuite, aws_lc_rs};
use proptest::prelude::*;
use turn_core::Transport;

use super::*;

const SUITES: [Dtls12CipherSuite; 3] = [
    Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
    Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384,
    Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
];

/// A server with one client.
struct World {
    now: Instant,
    sessions: Sessions,
    client: Dtls,
    /// What the server has opened.
    received: Vec<Vec<u8>>,
    /// Datagrams of the server that have not been given to the client.
    answers: Vec<Vec<u8>>,
    /// Whether the session has not ended.
    is_open: bool,
}

fn identity() -> (Vec<u8>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.der().to_vec(), made.signing_key.serialize_der())
}

fn from() -> FiveTuple {
    FiveTuple {
        client: ([192, 0, 2, 1], 1).into(),
        server: ([192, 0, 2, 9], 3478).into(),
        transport: Transport::Dtls,
    }
}

/// A client that begins, and knows one suite.
fn client(suite: Dtls12CipherSuite, now: Instant) -> Dtls {
    let config = dimpl::Config::builder()
        .with_crypto_provider(aws_lc_rs::default_provider())
        .dtls12_cipher_suites(&[suite])
        .build()
        .unwrap();
    let (certificate, private_key) = identity();
    let certificate = DtlsCertificate { certificate, private_key };
    let mut client = Dtls::new_12(Arc::new(config), certificate, now);
    client.set_active(true);
    client.handle_timeout(now).unwrap();
    client
}

impl World {
    /// The handshake is done, by a client that knows one suite.
    fn new(suite: Dtls12CipherSuite) -> World {
        let now = Instant::now();
        let (certificate, key) = identity();
        let sessions = Sessions::new(Identity { certificate, key }, 1, now).unwrap();
        let client = client(suite, now);
        let (received, answers) = (Vec::new(), Vec::new());
        let mut world = World { now, sessions, client, received, answers, is_open: true };
        assert_eq!(world.shake_hands().1, 0);
        world
    }

    /// What the client has sent until it was connected, and how often a session ended meanwhile.
    fn shake_hands(&mut self) -> (Vec<Vec<u8>>, usize) {
        let (mut sent, mut ended) = (Vec::new(), 0);
        for _ in 0..10 {
            let (packets, _, is_connected) = self.poll();
            if is_connected {
                return (sent, ended);
            }
            for packet in packets {
                self.take(&packet);
                ended += usize::from(!self.is_open);
                sent.push(packet);
            }
            for answer in std::mem::take(&mut self.answers) {
                self.client.handle_packet(&answer).unwrap();
            }
        }
        panic!("not connected after {} packets", sent.len());
    }

    /// What the client has to send, what it has opened, and whether its handshake is done.
    fn poll(&mut self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, bool) {
        let (mut packets, mut opened, mut is_connected) = (Vec::new(), Vec::new(), false);
        let mut buffer = vec![0; 1 << 15];
        loop {
            match self.client.poll_output(&mut buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::ApplicationData(message) => opened.push(message.to_vec()),
                Output::Connected => is_connected = true,
                Output::Timeout(_) => return (packets, opened, is_connected),
                _ => {}
            }
        }
    }

    /// A datagram with a message of the client's.
    fn sealed(&mut self, message: &[u8]) -> Vec<u8> {
        self.client.send_application_data(message).unwrap();
        let (packets, ..) = self.poll();
        packets.concat()
    }

    /// Gives a datagram to the server.
    fn take(&mut self, datagram: &[u8]) {
        let World { now, sessions, received, answers, .. } = self;
        let send = |_: &FiveTuple, packet: &[u8]| answers.push(packet.to_vec());
        let each = |message: &[u8]| received.push(message.to_vec());
        self.is_open = sessions.receive(*now, from(), datagram, send, each).unwrap_or(false);
    }

    fn send(&mut self, message: &[u8]) {
        let datagram = self.sealed(message);
        self.take(&datagram);
    }

    /// What the client opens of what the server seals.
    fn answer(&mut self, messages: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut datagram = Vec::new();
        for message in messages {
            assert!(self.sessions.seal(&from(), message, &mut datagram));
        }
        self.client.handle_packet(&datagram).unwrap();
        self.poll().1
    }
}

#[test]
fn messages_go_both_ways_with_every_suite() {
    for suite in SUITES {
        let mut world = World::new(suite);
        assert!(!world.sessions.seal(&from(), b"too early", &mut Vec::new()));
        for message in [&b"first"[..], b"second", &[7; 1_300]] {
            world.send(message);
            assert_eq!(world.received.pop().as_deref(), Some(message), "{suite:?}");
            assert_eq!(world.answer(&[message, b"", b"another"]), [message, b"", b"another"]);
        }
        assert!(!world.sessions.seal(&from(), &[0; 1 << 16], &mut Vec::new()), "too long");
        assert_eq!(world.answer(&[b"still"]), [b"still"]);
        assert!(world.answers.is_empty(), "only what was sealed was sent");
    }
}

#[test]
fn a_record_is_opened_once_and_as_it_was_sealed() {
    for suite in SUITES {
        let mut world = World::new(suite);
        let first = world.sealed(b"first");
        world.take(&first);
        let second = world.sealed(b"second");
        world.take(&first);
        assert_eq!(world.received, [b"first"], "{suite:?}: what dimpl opened");
        for at in 0..second.len() {
            let mut changed = second.clone();
            changed[at] ^= 1;
            world.take(&changed);
            assert!(world.is_open, "byte {at}");
        }
        for length in 0..second.len() {
            world.take(&second[..length]);
            assert!(world.is_open, "{length} bytes");
        }
        assert_eq!(world.received, [b"first"], "{suite:?}");
        world.take(&second);
        world.take(&second);
        assert_eq!(world.received, [&b"first"[..], b"second"], "{suite:?}");
    }
}

#[test]
fn several_records_come_in_one_datagram_and_its_end_ends_the_session() {
    let mut world = World::new(SUITES[0]);
    world.send(b"first");
    let mut datagram = [world.sealed(b"one"), world.sealed(b"two")].concat();
    world.client.close().unwrap();
    datagram.extend(world.poll().0.concat());
    world.take(&datagram);
    assert_eq!(world.received, [&b"first"[..], b"one", b"two"]);
    assert!(!world.is_open);
    assert!(!world.sessions.seal(&from(), b"gone", &mut Vec::new()));
}

#[test]
fn a_client_comes_back_from_the_same_port() {
    let mut world = World::new(SUITES[0]);
    world.send(b"first");
    world.client = client(SUITES[2], world.now);
    let (sent, ended) = world.shake_hands();
    assert_eq!(ended, 1, "its allocation goes with the session before");
    world.send(b"again");
    assert_eq!(world.received, [&b"first"[..], b"again"]);
    assert_eq!(world.answer(&[b"welcome"]), [b"welcome"]);
    // Anybody who has seen them can send these.
    for packet in sent {
        world.take(&packet);
        assert!(world.is_open);
    }
    world.send(b"still there");
    assert_eq!(world.received.len(), 3);
}

#[test]
fn a_client_begins_anew_before_it_was_connected() {
    let mut world = World::new(SUITES[0]);
    world.client = client(SUITES[1], world.now);
    for _ in 0..2 {
        for packet in world.poll().0 {
            world.take(&packet);
        }
        for answer in std::mem::take(&mut world.answers) {
            world.client.handle_packet(&answer).unwrap();
        }
    }
    world.client = client(SUITES[2], world.now);
    assert_eq!(world.shake_hands().1, 1);
    world.send(b"first");
    assert_eq!(world.received, [b"first"]);
}

#[test]
fn the_last_flight_is_repeated_to_nobody_who_has_it() {
    let mut world = World::new(SUITES[0]);
    // A ClientKeyExchange, as anybody can send it.
    let stale = {
        let mut record = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 12 + 2];
        record.extend_from_slice(&[16, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0, 2, 1, 0]);
        record
    };
    world.send(b"first");
    world.answers.clear();
    for _ in 0..10 {
        world.now += Duration::from_secs(5);
        world.take(&stale);
    }
    assert!(world.answers.is_empty());
    world.send(b"second");
    assert_eq!(world.received, [&b"first"[..], b"second"]);
}

/// Records with any contents, of all types and epochs, and some bytes behind.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let record = (20_u8..26, 0_u8..3, any::<[u8; 6]>(), prop::collection::vec(any::<u8>(), 0..60));
    let records = prop::collection::vec(record, 0..4);
    (records, prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(records, end)| {
        let mut datagram = Vec::new();
        for (kind, epoch, number, contents) in records {
            datagram.extend_from_slice(&[kind, 254, 253, 0, epoch]);
            datagram.extend_from_slice(&number);
            datagram.extend_from_slice(&[0, contents.len() as u8]);
            datagram.extend_from_slice(&contents);
        }
        datagram.extend_from_slice(&end);
        datagram
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// What anybody can send from the client's address neither ends the session nor gets through.
    #[test]
    fn noise_is_dropped(datagrams in prop::collection::vec(noise(), 1..100)) {
        let mut world = World::new(SUITES[1]);
        world.send(b"first");
        for datagram in datagrams {
            world.take(&datagram);
            prop_assert!(world.is_open, "{datagram:?}");
        }
        prop_assert_eq!(&world.received, &[b"first"]);
        world.send(b"second");
        prop_assert_eq!(world.received.len(), 2);
    }

    /// Whatever is lost, repeated and overtaken: nothing comes twice, and what is at most 63 records late comes.
    #[test]
    fn each_record_comes_once_in_any_order(order in prop::collection::vec(0_usize..200, 1..400)) {
        let mut world = World::new(SUITES[0]);
        world.send(b"first");
        world.received.clear();
        let records: Vec<_> = (0..200_u8).map(|number| world.sealed(&[number])).collect();
        let (mut latest, mut seen) = (None, BTreeSet::new());
        for index in order {
            world.take(&records[index]);
            let is_late = latest.is_some_and(|latest| index + 64 <= latest);
            let expected = if !is_late && seen.insert(index) { vec![vec![index as u8]] } else { vec![] };
            latest = latest.max(Some(index));
            prop_assert_eq!(std::mem::take(&mut world.received), expected);
        }
    }
}
