//! `oriel doctor` on real mistakes: each is made on this machine, and found with its sentence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// Exit status, standard output and standard error of `oriel doctor` with these keys.
fn doctor(state: &Path, set: &[String]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oriel"));
    examine(command.arg("doctor"), state, set)
}

fn examine(command: &mut Command, state: &Path, set: &[String]) -> (bool, String, String) {
    command
        .env_clear()
        .env("ORIEL__SERVER__STATE_DIR", state)
        .env("ORIEL__SERVER__HTTP_PORT", "0")
        .env("ORIEL__SERVER__INTERNAL_PORT", "0")
        .env("ORIEL__SFU__UDP_PORT", "0")
        .env("ORIEL__SFU__TCP_PORT", "0")
        .env("ORIEL__TURN__PORT", "0")
        .env("ORIEL__TURN__TLS_PORT", "0");
    for pair in set {
        command.args(["--set", pair]);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The faults that are found.
fn faults(set: &[String]) -> String {
    let state = tempfile::tempdir().unwrap();
    let (fine, out, error) = doctor(state.path(), set);
    assert!(!fine, "{out}");
    assert!(error.contains("fault"), "{error}");
    let faults: Vec<&str> = out.lines().filter(|line| line.starts_with("FAULT ")).collect();
    faults.join("\n")
}

fn expect(set: &[String], words: &[&str]) {
    let found = faults(set);
    for word in words {
        assert!(found.contains(word), "{word:?} is missing in:\n{found}");
    }
}

fn set(pairs: &[&str]) -> Vec<String> {
    pairs.iter().map(|&pair| pair.to_owned()).collect()
}

/// A certificate for `name` that ends in so many days, and its key; `tls.*` that names them.
fn certificate(folder: &TempDir, name: &str, days: i64) -> Vec<String> {
    let now = OffsetDateTime::now_utc();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = now - Duration::days(100);
    params.not_after = now + Duration::days(days);
    let key = rcgen::KeyPair::generate().unwrap();
    let files = [("cert", params.self_signed(&key).unwrap().pem()), ("key", key.serialize_pem())];
    let mut pairs = set(&["tls.mode=files"]);
    for (kind, text) in files {
        let path = folder.path().join(format!("{kind}.pem"));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        pairs.push(format!("tls.{kind}={}", path.display()));
    }
    pairs
}

#[test]
fn the_defaults_have_no_faults_and_nothing_is_left_behind() {
    let state = tempfile::tempdir().unwrap();
    let (fine, out, error) = doctor(state.path(), &[]);
    assert!(fine, "{out}{error}");
    for subject in ["access", "ports", "addresses", "certificates", "state"] {
        assert!(out.contains(&format!("fine    {subject}\n")), "{out}");
    }
    assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn a_key_that_does_not_exist() {
    let state = tempfile::tempdir().unwrap();
    let (fine, out, error) = doctor(state.path(), &set(&["server.htp_port=1"]));
    assert!(!fine && out.is_empty());
    assert!(error.contains("configuration: server.htp_port: unknown field"), "{error}");
}

#[test]
fn ports_that_others_have() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    expect(
        &[format!("server.http_port={port}")],
        &[&format!("TCP port {port} on 127.0.0.1 is taken"), "server.http_port", "ss -lptu"],
    );
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = udp.local_addr().unwrap().port();
    let pair = format!("sfu.udp_port={port}");
    expect(&[pair], &[&format!("UDP port {port}"), "is taken", "sfu.udp_port"]);
}

#[test]
fn one_port_for_two_things() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let pairs = [format!("server.internal_port={free}"), format!("sfu.tcp_port={free}")];
    expect(&pairs, &["sfu.tcp_port and server.internal_port both want TCP port"]);
}

#[test]
fn an_address_of_another_machine() {
    // Reserved for documentation (RFC 5737): nobody has it.
    expect(
        &set(&["sfu.bind=192.0.2.55"]),
        &["no address 192.0.2.55", "sfu.bind", "sfu.advertised"],
    );
}

#[test]
fn a_public_server_without_keys_without_tls_and_with_media_at_home() {
    let found = faults(&set(&["server.bind=0.0.0.0"]));
    for words in ["set auth.keys", "no camera", "media only from this machine: set sfu.bind"] {
        assert!(found.contains(words), "{words:?} is missing in:\n{found}");
    }
}

#[test]
fn clients_that_would_send_to_themselves() {
    let pairs = set(&["server.bind=0.0.0.0", "sfu.bind=0.0.0.0", "sfu.advertised=127.0.0.1"]);
    expect(&pairs, &["sfu.advertised", "their own machine"]);
}

#[test]
fn certificates() {
    let folder = tempfile::tempdir().unwrap();
    let (good, ended) = (certificate(&folder, "localhost", 90), tempfile::tempdir().unwrap());
    let for_localhost = "server.public_url=https://localhost".to_owned();
    let state = tempfile::tempdir().unwrap();
    let sound = [good.as_slice(), std::slice::from_ref(&for_localhost)].concat();
    let (_, out, _) = doctor(state.path(), &sound);
    assert!(out.contains("fine    certificates\n"), "{out}");

    expect(&certificate(&ended, "localhost", -3), &["has ended", "ago", "renew it"]);
    let other = tempfile::tempdir().unwrap();
    let foreign = [certificate(&other, "other.example", 90).as_slice(), &[for_localhost]].concat();
    expect(&foreign, &["another name", "https://localhost"]);

    let key_of_another = format!("tls.key={}", other.path().join("key.pem").display());
    expect(&[good.as_slice(), &[key_of_another]].concat(), &["do not belong together"]);
    let missing = [good.as_slice(), &["tls.cert=/does/not/exist.pem".to_owned()]].concat();
    expect(&missing, &["tls.cert: /does/not/exist.pem cannot be read"]);

    let key = folder.path().join("key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    expect(&good, &["everybody on this machine can read the private key: chmod 640"]);
}

#[test]
fn a_name_without_an_address() {
    // A label of more than 63 bytes is no name (RFC 1035 §2.3.4): nobody is asked for it.
    let pairs = [format!("server.public_url=https://{}.invalid", "x".repeat(64))];
    expect(&pairs, &["server.public_url has no address", "DNS"]);
}

#[test]
fn a_state_directory_that_cannot_be() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("state");
    let (fine, out, _) = doctor(&below, &[]);
    assert!(!fine);
    assert!(out.contains("FAULT   state: nothing can be kept"), "{out}");
    assert!(out.contains("server.state_dir"), "{out}");
}

#[test]
fn too_few_open_files() {
    let state = tempfile::tempdir().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n 256 && exec \"$0\" doctor \"$@\""]);
    let (fine, out, _) = examine(shell.arg(env!("CARGO_BIN_EXE_oriel")), state.path(), &[]);
    assert!(!fine, "{out}");
    assert!(out.contains("FAULT   limits: 256 open files are allowed"), "{out}");
    assert!(out.contains("LimitNOFILE="), "{out}");
}
