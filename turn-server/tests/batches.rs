//! Messages that wait for others, so that a wake-up relays several.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;
mod world;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use stun::message::{METHOD_ALLOCATE, METHOD_CREATE_PERMISSION};
use turn_server::Config;
use wire::{Wire, udp};
use world::*;

const MESSAGES: usize = 1_500;

/// From a client to its peer, one message every quarter of a millisecond: how long each was on its
/// way. The first third is left out.
fn ways(batch_wait: u64) -> Vec<Duration> {
    let server = start(&Config { workers: 1, batch_wait, ..config() });
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = peer.local_addr().unwrap();
    let mut wire = Wire::udp(server.handle().addresses()[0]);
    assert_eq!(wire.request(METHOD_ALLOCATE, &[udp()]).code, None);
    let permission = [wire.peer(to)];
    assert_eq!(wire.request(METHOD_CREATE_PERMISSION, &permission).code, None);
    let receiver = std::thread::spawn(move || {
        peer.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut came = Vec::new();
        let mut index = [0; 8];
        while let Ok(8) = peer.recv(&mut index) {
            came.push((usize::from_be_bytes(index), Instant::now()));
            if usize::from_be_bytes(index) + 1 == MESSAGES {
                break;
            }
        }
        came
    });
    let mut sent = Vec::new();
    for index in 0..MESSAGES {
        std::thread::sleep(Duration::from_micros(250));
        sent.push(Instant::now());
        wire.say(to, &index.to_be_bytes());
    }
    let came = receiver.join().unwrap();
    assert!(came.is_sorted_by_key(|(index, _)| *index), "they come in order");
    let late = came.into_iter().filter(|(index, _)| *index >= MESSAGES / 3);
    late.map(|(index, at)| at - sent[index]).collect()
}

#[test]
fn messages_wait_for_others_where_many_come() {
    let mut ways = ways(10_000);
    // A machine that is busy loses some.
    assert!(ways.len() > MESSAGES / 3, "{} came", ways.len());
    ways.sort_unstable();
    let median = ways[ways.len() / 2];
    // Ten milliseconds gather more than enough, eight are what 32 messages take to come.
    assert!(median > Duration::from_millis(2), "they waited for {median:?}");
}

#[test]
fn no_message_waits_where_that_is_off() {
    let mut ways = ways(0);
    assert!(ways.len() > MESSAGES / 3, "{} came", ways.len());
    ways.sort_unstable();
    // The quickest tenth, as the machine may be busy.
    let quick = ways[ways.len() / 10];
    assert!(quick < Duration::from_millis(2), "they waited for {quick:?}");
}
