//! The kernel's own NATs, and calls through them.

#![allow(clippy::unwrap_used)]

mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::Duration;

use load_tests::bot::{Bot, Voice, join};
use load_tests::netns::{Host, Nat, Network, missing_rights};
use signaling_core::request::Join;
use tokio::sync::Barrier;

use server::Server;

/// Enough for what happens at once on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// How long it is listened for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// A network; `None`, and one line for all tests of this file, where there can be none.
fn network(nats: &[Nat]) -> Option<Network> {
    static SAID: Once = Once::new();
    if let Some(reason) = missing_rights() {
        // Past what the test harness hides of tests that pass.
        SAID.call_once(|| drop(writeln!(std::io::stderr(), "tests of netns.rs skipped: {reason}")));
        return None;
    }
    Some(Network::build(nats).unwrap())
}

/// The addresses of a host in both families.
fn addresses(host: &Host) -> [IpAddr; 2] {
    [host.ipv4.into(), host.ipv6.into()]
}

/// A socket in a host's namespace.
fn socket(host: &Host, address: IpAddr) -> UdpSocket {
    let socket = host.enter(|| UdpSocket::bind((address, 0)).unwrap()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket
}

/// Sends a word through, and its answer back; returns where the word came from.
fn seen(client: &UdpSocket, server: &UdpSocket) -> SocketAddr {
    client.send_to(b"who am I?", server.local_addr().unwrap()).unwrap();
    let (length, source) = server.recv_from(&mut [0; 100]).unwrap();
    assert_eq!(length, 9);
    server.send_to(source.to_string().as_bytes(), source).unwrap();
    let mut answer = [0; 100];
    let (length, from) = client.recv_from(&mut answer).unwrap();
    assert_eq!(from, server.local_addr().unwrap());
    assert_eq!(answer[..length], *source.to_string().as_bytes());
    source
}

fn nothing_comes(socket: &UdpSocket) {
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    assert!(socket.recv_from(&mut [0; 100]).is_err());
    socket.set_read_timeout(Some(SOON)).unwrap();
}

#[test]
fn nats_map_as_they_are_called() {
    let Some(network) = network(&[Nat::Routed, Nat::Plain, Nat::Symmetric]) else { return };
    for family in 0..2 {
        let [one, other] =
            [0; 2].map(|_| socket(network.server(), addresses(network.server())[family]));
        for (index, host) in network.clients().enumerate() {
            let own = addresses(host)[family];
            let client = socket(host, own);
            let (first, second) = (seen(&client, &one), seen(&client, &other));
            match index {
                0 => assert_eq!([first, second], [client.local_addr().unwrap(); 2]),
                1 => {
                    assert_eq!(first, second, "one mapping for all");
                    assert_ne!(first.ip(), own);
                    assert_ne!(first.port(), client.local_addr().unwrap().port());
                }
                _ => {
                    assert_eq!(first.ip(), second.ip());
                    assert_ne!(first.ip(), own);
                    assert_ne!(first.port(), second.port(), "a mapping for each");
                }
            }
            assert_eq!(seen(&client, &one), first, "a mapping stays");
        }
    }
}

#[test]
fn after_a_flush_the_server_sees_another_port() {
    let Some(network) = network(&[Nat::Plain, Nat::Symmetric]) else { return };
    for family in 0..2 {
        let server = socket(network.server(), addresses(network.server())[family]);
        for (index, host) in network.clients().enumerate() {
            let client = socket(host, addresses(host)[family]);
            let before = seen(&client, &server);
            network.rebind(index).unwrap();
            server.send_to(b"lost", before).unwrap();
            nothing_comes(&client);
            let after = seen(&client, &server);
            assert_eq!(before.ip(), after.ip());
            assert_ne!(before.port(), after.port());
        }
    }
}

#[test]
fn a_client_that_moves_is_seen_at_its_new_address() {
    let Some(mut network) = network(&[Nat::Routed]) else { return };
    let before = network.client(0).unwrap().clone();
    let old = socket(&before, before.ipv4.into());
    let after = network.renumber(0).unwrap().clone();
    assert!(before.ipv4 != after.ipv4 && before.ipv6 != after.ipv6);
    for family in 0..2 {
        let server = socket(network.server(), addresses(network.server())[family]);
        let client = socket(&after, addresses(&after)[family]);
        assert_eq!(seen(&client, &server).ip(), addresses(&after)[family]);
        // The old address is nobody's: what is sent from it has nowhere to go.
        assert!(family == 1 || old.send_to(b"lost", server.local_addr().unwrap()).is_err());
    }
}

#[test]
fn a_cut_swallows_everything_until_it_is_restored() {
    let Some(network) = network(&[Nat::Plain, Nat::Plain]) else { return };
    let server = socket(network.server(), network.server().ipv4.into());
    let [client, other] = [0, 1].map(|index| {
        let host = network.client(index).unwrap();
        socket(host, host.ipv4.into())
    });
    let before = seen(&client, &server);
    for _ in 0..2 {
        network.cut(0).unwrap();
    }
    client.send_to(b"lost", server.local_addr().unwrap()).unwrap();
    nothing_comes(&server);
    server.send_to(b"lost", before).unwrap();
    nothing_comes(&client);
    seen(&other, &server);
    for _ in 0..2 {
        network.restore(0).unwrap();
    }
    assert_eq!(seen(&client, &server), before, "the mapping is still there");
}

#[test]
fn a_firewall_lets_out_what_it_is_told() {
    let Some(network) = network(&[Nat::Symmetric]) else { return };
    let place = network.server();
    let [open, shut] = [0, 1].map(|_| socket(place, place.ipv4.into()));
    let host = network.client(0).unwrap();
    let client = socket(host, host.ipv4.into());
    seen(&client, &shut);
    // A connection that there is goes on; a new one does not come about.
    let late = socket(host, host.ipv4.into());
    for _ in 0..2 {
        network.allow(0, &[], &[open.local_addr().unwrap().port()]).unwrap();
    }
    seen(&client, &shut);
    seen(&late, &open);
    late.send_to(b"lost", shut.local_addr().unwrap()).unwrap();
    nothing_comes(&shut);
}

/// Whether a namespace exists.
fn exists(host: &Host) -> bool {
    std::path::Path::new("/run/netns").join(&host.namespace).exists()
}

#[test]
fn nothing_is_left_of_a_network() {
    let Some(network) = network(&[Nat::Plain]) else { return };
    let places = [network.server().clone(), network.client(0).unwrap().clone()];
    assert!(places.iter().all(exists));
    let mut program = places[1].command("sleep").arg("600").spawn().unwrap();
    drop(network);
    assert!(!places.iter().any(exists));
    assert!(!program.wait().unwrap().success(), "it was ended");
}

#[test]
fn what_a_killed_process_leaves_is_swept() {
    let Some(network) = network(&[Nat::Plain]) else { return };
    // As a program, so that it can be killed.
    let mut child = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["netns", "--client", "plain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer =
        || -> serde_json::Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let ready = answer();
    writeln!(child.stdin.as_ref().unwrap(), r#"{{"renumber": 0}}"#).unwrap();
    let renumbered = answer();
    assert_ne!(ready["clients"][0]["ipv4"], renumbered["clients"][0]["ipv4"]);
    assert_eq!(ready["server"], renumbered["server"]);
    writeln!(child.stdin.as_ref().unwrap(), r#"{{"cut": 1}}"#).unwrap();
    assert!(answer()["error"].as_str().unwrap().contains("no client 1"));

    let left = Host {
        namespace: ready["server"]["namespace"].as_str().unwrap().to_owned(),
        ..network.server().clone()
    };
    assert!(exists(&left));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(exists(&left));
    drop(Network::build(&[]).unwrap());
    assert!(!exists(&left));
    assert!(exists(network.server()), "those of the living stay");
}

/// Joins from a client's place, on a thread of its own, hears the other's tone, and leaves when the
/// other has heard as well.
fn talk(host: &Host, url: &str, name: &str, [hertz, expected]: [f64; 2], heard_all: &Barrier) {
    host.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ticket = join::Server::parse(url).unwrap().join("far", name).await.unwrap();
            let join = Join { token: ticket.token, ..Join::default() };
            let bot = Bot::join(&ticket.url, join, Voice { hertz, pairs: 4 }).await.unwrap();
            let heard = bot
                .until(Duration::from_secs(30), |view| {
                    view.received.values().any(|received| received.heard.tones.len() >= 4)
                })
                .await
                .unwrap();
            let received = heard.received.values().next().unwrap();
            for tone in &received.heard.tones {
                let tone = tone.expect("no silence");
                assert!((tone.hertz - expected).abs() < 3.0, "{name}: {received:?}");
            }
            heard_all.wait().await;
            bot.leave().await.unwrap();
        });
    })
    .unwrap();
}

/// A call between clients behind a plain and a symmetric NAT, with addresses of one family.
fn call(address: impl Fn(&Host) -> IpAddr) {
    let Some(network) = network(&[Nat::Plain, Nat::Symmetric]) else { return };
    let server = Server::start_on(network.server(), address(network.server()));
    let heard_all = Barrier::new(2);
    std::thread::scope(|scope| {
        let [one, other] = [0, 1].map(|index| network.client(index).unwrap());
        scope.spawn(|| talk(one, server.url(), "Ada", [440.0, 660.0], &heard_all));
        scope.spawn(|| talk(other, server.url(), "Ben", [660.0, 440.0], &heard_all));
    });
}

#[test]
fn a_call_connects_behind_nats_by_ipv4() {
    call(|host| host.ipv4.into());
}

#[test]
fn a_call_connects_behind_nats_by_ipv6() {
    call(|host| host.ipv6.into());
}
