//! ICE-TCP against a started media plane, and what bad clients can do to it.

#![allow(clippy::unwrap_used)]

mod plane;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use plane::{Client, Plane, a_call, config, heard, run};
use sfu::{Config, Event, Sfu};

/// Runs a call until the server has closed a connection, at most for some time.
fn closed_within(clients: &mut [Client], stream: &mut TcpStream, time: Duration) {
    let start = Instant::now();
    stream.set_nonblocking(true).unwrap();
    run(clients, |_| {
        assert!(start.elapsed() < time, "still open after {time:?}");
        let mut buffer = [0; 256];
        match stream.read(&mut buffer) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    });
}

#[test]
fn clients_without_udp_hear_each_other_over_tcp() {
    let mut plane = Plane::start(&config());
    let mut clients = a_call(&mut plane);
    let tcp = plane.tcp();
    let (answer, udp_port) = (&clients[0].answer, plane.handle.udp_port());
    let passive = format!("{} {} typ host tcptype passive", tcp.ip(), tcp.port());
    assert!(answer.contains(&passive), "{answer}");
    assert!(answer.contains(&format!("{} {udp_port} typ host", tcp.ip())), "{answer}");
    heard(&mut clients, 50);
    assert_eq!(plane.count("tcp_connections", None), 2);
    for name in ["tcp_queue_full", "tcp_closed", "malformed", "no_consent", "worker_busy"] {
        assert_eq!(plane.count("packets_dropped", Some(name)), 0, "{name}");
    }
}

#[test]
fn a_client_that_reconnects_from_another_port_is_followed() {
    let mut plane = Plane::start(&config());
    let mut clients = a_call(&mut plane);
    for _ in 0..2 {
        clients[0].reconnect();
        let start = Instant::now();
        heard(&mut clients, 10);
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
    assert!(!plane.seen.iter().any(|event| matches!(event, Event::Failed { .. })));
}

#[test]
fn bad_clients_are_closed_and_touch_nobody() {
    let mut plane = Plane::start(&config());
    let mut clients = a_call(&mut plane);
    let open = || TcpStream::connect(plane.tcp()).unwrap();

    let mut slow = open();
    slow.write_all(&[0]).unwrap();
    let mut silent = open();
    let mut long = open();
    long.write_all(&[0xff, 0xff, 0, 1]).unwrap();
    closed_within(&mut clients, &mut long, Duration::from_secs(2));
    let mut http = open();
    http.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    closed_within(&mut clients, &mut http, Duration::from_secs(2));
    let mut media = open();
    media.write_all(&[0, 12, 0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
    closed_within(&mut clients, &mut media, Duration::from_secs(2));
    // A check that names this node's worker 0 and a session that is not there.
    let mut stranger = open();
    let mut check = vec![0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 9]);
    check.extend(b"aaaaaxx:y\0\0\0");
    let mut frame = vec![0, check.len() as u8];
    frame.extend(&check);
    stranger.write_all(&frame).unwrap();

    closed_within(&mut clients, &mut slow, Duration::from_secs(7));
    closed_within(&mut clients, &mut silent, Duration::from_secs(7));
    closed_within(&mut clients, &mut stranger, Duration::from_secs(7));
    assert!(plane.count("packets_dropped", Some("malformed")) >= 1);
    assert!(plane.count("packets_dropped", Some("unknown_source")) >= 1);
    assert!(plane.count("packets_dropped", Some("unknown_ufrag")) >= 1);
    heard(&mut clients, 25);
    assert_eq!(plane.count("tcp_connections", None), 2);
}

#[test]
fn a_flood_of_connections_is_bounded_and_calls_go_on() {
    let mut plane = Plane::start(&Config { max_tcp_connections: 20, ..config() });
    let mut clients = a_call(&mut plane);
    let flood: Vec<TcpStream> =
        (0..300).map(|_| TcpStream::connect(plane.tcp()).unwrap()).collect();
    heard(&mut clients, 25);
    assert_eq!(plane.count("tcp_connections", None), 20);
    drop(flood);
    // Whoever comes afterwards gets in.
    let third = Client::join(&mut plane, 3);
    let mut all = Vec::from(clients);
    all.push(third);
    run(&mut all, |all| all[2].is_connected);
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let mut plane = Plane::start(&config());
    let mut clients = a_call(&mut plane);
    clients[1].reads = false;
    let start = Instant::now();
    run(&mut clients, |clients| {
        for _ in 0..20 {
            clients[0].send(1_000);
        }
        plane.count("packets_dropped", Some("tcp_queue_full")) > 100
    });
    run(&mut clients, |_| plane.count("tcp_connections", None) == 1);
    assert!(start.elapsed() < Duration::from_secs(14), "{:?}", start.elapsed());
}

#[test]
fn a_taken_port_names_the_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp_port = taken.local_addr().unwrap().port();
    let error = Sfu::start(&Config { tcp_port, ..config() }, |_, _| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("sfu.tcp_port") && text.contains(&tcp_port.to_string()), "{text}");
}

#[test]
fn advertised_addresses_and_ports_are_in_the_answer() {
    let advertised = vec!["127.0.0.1".parse().unwrap(), "203.0.113.7:30882".parse().unwrap()];
    let advertised_tcp = vec!["127.0.0.1".parse().unwrap(), "203.0.113.7:30881".parse().unwrap()];
    let mut plane = Plane::start(&Config { advertised, advertised_tcp, ..config() });
    let clients = a_call(&mut plane);
    let answer = &clients[0].answer;
    assert!(answer.contains("203.0.113.7 30882 typ host"), "{answer}");
    assert!(answer.contains("203.0.113.7 30881 typ host tcptype passive"), "{answer}");
}

#[test]
fn without_tcp_there_is_no_port_and_no_candidate() {
    let mut plane = Plane::start(&Config { tcp: false, ..config() });
    assert_eq!(plane.handle.tcp_port(), None);
    let mut rtc = str0m::RtcConfig::new().build(Instant::now());
    let mut api = rtc.sdp_api();
    let direction = str0m::media::Direction::SendOnly;
    api.add_media(str0m::media::MediaKind::Audio, direction, None, None, None);
    let offer = api.apply().unwrap().0.to_sdp_string();
    let session = sfu::SessionKey(1);
    plane.post(sfu::Command::Open { session });
    let answer = plane.answer(session, offer);
    assert!(answer.contains(" udp ") && !answer.contains(" tcp "), "{answer}");
}
