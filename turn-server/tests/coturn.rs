//! coturn's own tools as clients (Debian's package `coturn`), judged by messages received being
//! messages sent: their exit status says nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::process::Command;

use turn_server::TurnServer;
use world::*;

fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new("timeout").arg("30").arg(tool).args(arguments).output().unwrap();
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
    assert_eq!(received, sent, "{flags:?}: {text}");
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
    uclient(&server, "::1", &["-x"]);
    uclient(&server, "::1", &["-x", "-t"]);
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
fn negative_tests_leave_a_server_that_works() {
    let server = start(&config());
    let port = server.handle().addresses()[0].port().to_string();
    for flags in [&["-N"][..], &["-R"]] {
        let common = ["-u", USER, "-w", PASSWORD, "-n", "3", "-y", "-p", &port, "127.0.0.1"];
        run("turnutils_uclient", &[flags, &common].concat());
    }
    uclient(&server, "127.0.0.1", &[]);
}

#[test]
fn the_stun_client_learns_its_address() {
    let server = start(&config());
    let port = server.handle().addresses()[0].port().to_string();
    let text = run("turnutils_stunclient", &["-p", &port, "127.0.0.1"]);
    assert!(text.contains("UDP reflexive addr: 127.0.0.1:"), "{text}");
}

#[test]
fn the_behaviour_of_the_nat_is_discovered() {
    let mut config = config();
    config.bind = vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()];
    config.port = 34_780;
    config.tls_port = 34_781;
    let _server = start(&config);
    let text = run("turnutils_natdiscovery", &["-m", "-f", "-p", "34780", "127.0.0.1"]);
    assert!(text.contains("NAT with Endpoint Independent Mapping"), "{text}");
    assert!(text.contains("NAT with Endpoint Independent Filtering"), "{text}");
}
