//! coturn's own tools as clients (Debian's package `coturn`), judged by messages received being
//! messages sent: their exit status says nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::process::Command;

use turn_server::TurnServer;
use world::*;

fn run(tool: &str, arguments: &[&str]) -> String {
    run_for("60", tool, arguments)
}

/// What a tool says in this many seconds.
fn run_for(seconds: &str, tool: &str, arguments: &[&str]) -> String {
    let output = Command::new("timeout").arg(seconds).arg(tool).args(arguments).output().unwrap();
    assert_ne!(output.status.code(), Some(127), "{tool} is missing: install the package coturn");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The number after the last `name`.
fn number(text: &str, name: &str) -> Option<u64> {
    let digits = &text[text.rfind(name)? + name.len()..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// Runs `turnutils_uclient` with these flags: ten messages of four clients each.
fn uclient(server: &TurnServer, ip: &str, flags: &[&str]) {
    let peer = Echo::start(ip);
    let port = server.handle().addresses()[0].port().to_string();
    let peer_port = peer.address.port().to_string();
    let common = ["-u", USER, "-w", PASSWORD, "-n", "10", "-m", "4", "-z", "5", "-l", "160"];
    let to = ["-p", &port, "-e", ip, "-r", &peer_port, ip];
    let arguments = [&common[..], flags, &to].concat();
    let text = run("turnutils_uclient", &arguments);
    let sent = number(&text, "tot_send_msgs=");
    let received = number(&text, "tot_recv_msgs=");
    assert!(sent >= Some(40), "{flags:?}: {text}");
    // Of passive connections the client counts either end's messages as sent, and one's as received.
    let expected = if flags.contains(&"-P") { sent.map(|sent| sent / 2) } else { sent };
    assert_eq!(received, expected, "{flags:?}: {text}");
    let is_between_clients = flags.contains(&"-y");
    assert_eq!(peer.heard() == 0, is_between_clients, "{flags:?}");
}

#[test]
fn channels_and_indications_over_udp() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &[]);
    uclient(&server, "127.0.0.1", &["-s"]);
    uclient(&server, "127.0.0.1", &["-c", "-D"]);
    uclient(&server, "127.0.0.1", &["-g"]);
    uclient(&server, "127.0.0.1", &["-G"]);
}

#[test]
fn channels_and_indications_over_tcp() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &["-t"]);
    uclient(&server, "127.0.0.1", &["-t", "-s"]);
}

#[test]
fn channels_and_indications_over_tls() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &["-t", "-S"]);
    uclient(&server, "127.0.0.1", &["-t", "-S", "-s"]);
}

#[test]
fn channels_and_indications_over_dtls() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &["-S"]);
    uclient(&server, "127.0.0.1", &["-S", "-s"]);
}

#[test]
fn relays_of_ipv6() {
    let server = start(&config());
    for transport in [&[][..], &["-t"], &["-t", "-S"], &["-S"]] {
        uclient(&server, "::1", &[transport, &["-x"]].concat());
        uclient(&server, "::1", &[transport, &["-x", "-s"]].concat());
    }
}

#[test]
fn relays_of_both_families_in_one_allocation() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &["-Z"]);
    uclient(&server, "127.0.0.1", &["-X"]);
}

#[test]
fn connections_between_two_allocations_for_tcp() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &["-T", "-y"]);
    uclient(&server, "127.0.0.1", &["-T", "-y", "-S"]);
    uclient(&server, "127.0.0.1", &["-P", "-y"]);
}

#[test]
fn clients_reach_each_other_by_their_relays() {
    let server = start(&config());
    uclient(&server, "127.0.0.1", &["-y"]);
    uclient(&server, "127.0.0.1", &["-y", "-s"]);
    uclient(&server, "127.0.0.1", &["-y", "-t", "-c"]);
}

#[test]
fn credentials_that_end() {
    let server = start(&config());
    let peer = Echo::start("127.0.0.1");
    let port = server.handle().addresses()[0].port().to_string();
    let peer_port = peer.address.port().to_string();
    let run = |secret: &str| {
        let arguments = [
            "-u",
            "ada",
            "-W",
            secret,
            "-n",
            "10",
            "-z",
            "5",
            "-p",
            &port,
            "-e",
            "127.0.0.1",
            "-r",
            &peer_port,
            "127.0.0.1",
        ];
        run("turnutils_uclient", &arguments)
    };
    let text = run(SECRET);
    assert_eq!(number(&text, "tot_recv_msgs="), number(&text, "tot_send_msgs="), "{text}");
    assert!(peer.heard() > 0, "{text}");
    let before = peer.heard();
    let text = run("wrong");
    assert!(text.contains("Cannot complete Allocation"), "{text}");
    assert_eq!(peer.heard(), before);
}

#[test]
fn what_is_refused_has_its_code() {
    let mut config = config();
    config.bind.truncate(1);
    config.allowed_peers = Vec::new();
    config.max_peer_connections = 0;
    config.user_quota = 2;
    let refused = |flags: &[&str], code: u16| {
        let server = start(&config);
        let port = server.handle().addresses()[0].port().to_string();
        let common = ["-v", "-u", USER, "-w", PASSWORD, "-c", "-p", &port];
        let text = run("turnutils_uclient", &[&common[..], flags, &["127.0.0.1"]].concat());
        assert!(text.contains(&format!("error {code} ")), "{flags:?}: {text}");
        assert_eq!(number(&text, "tot_recv_msgs=").unwrap_or(0), 0, "{flags:?}: {text}");
    };
    refused(&["-e", "10.1.2.3"], 403);
    refused(&["-e", "127.0.0.1"], 403);
    refused(&["-y", "-M"], 405);
    refused(&["-y", "-x"], 440);
    refused(&["-T"], 442);
    refused(&["-y", "-m", "4"], 486);
}

/// Requests that are tried twice and in the wrong order (`-N`), clients that go away in the middle
/// (`-B`), and messages with bytes changed (`-R`).
#[test]
fn negative_tests_leave_a_server_that_works() {
    let server = start(&config());
    for transport in [&[][..], &["-t"], &["-t", "-S"], &["-S"]] {
        uclient(&server, "127.0.0.1", &[transport, &["-N", "-y"]].concat());
        let port = server.handle().addresses()[0].port().to_string();
        let common =
            ["-N", "-u", USER, "-w", PASSWORD, "-p", &port, "-e", "127.0.0.1", "127.0.0.1"];
        let text = run("turnutils_uclient", &[transport, &common].concat());
        assert!(text.contains("channel bind: error 400"), "{transport:?}: {text}");
        for flags in [["-R", "-y"], ["-B", "-y"]] {
            let common = ["-u", USER, "-w", PASSWORD, "-n", "3", "-p", &port, "127.0.0.1"];
            run_for("5", "turnutils_uclient", &[transport, &flags, &common].concat());
        }
        uclient(&server, "127.0.0.1", transport);
    }
    assert!(count(&server, "messages_dropped", Some("malformed")) > 0, "none was changed");
}

#[test]
fn the_stun_client_learns_its_address() {
    let server = start(&config());
    let port = server.handle().addresses()[0].port().to_string();
    for (ip, shown) in [("127.0.0.1", "127.0.0.1:"), ("::1", "::1")] {
        let text = run("turnutils_stunclient", &["-p", &port, ip]);
        assert!(text.contains(&format!("UDP reflexive addr: {shown}")), "{text}");
    }
}

#[test]
fn the_behaviour_of_the_nat_is_discovered() {
    let mut config = config();
    config.bind = vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()];
    // Not 0: without a second port there is no behaviour to discover.
    let second = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    config.tls_port = second.local_addr().unwrap().port();
    drop(second);
    let server = start(&config);
    let port = server.handle().addresses()[0].port().to_string();
    let text = run("turnutils_natdiscovery", &["-m", "-f", "-p", &port, "127.0.0.1"]);
    assert!(text.contains("NAT with Endpoint Independent Mapping"), "{text}");
    assert!(text.contains("NAT with Endpoint Independent Filtering"), "{text}");
}
