//! The binary as people start it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

struct Oriel {
    child: Child,
    url: String,
}

/// A command line without anything from this machine's environment.
fn oriel(state: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oriel"));
    command
        .env_clear()
        .env("ORIEL__SERVER__STATE_DIR", state.path())
        .env("ORIEL__SERVER__HTTP_PORT", "0")
        .env("ORIEL__SERVER__INTERNAL_PORT", "0")
        .env("ORIEL__SFU__UDP_PORT", "0")
        .env("ORIEL__SFU__TCP_PORT", "0")
        .env("ORIEL__TURN__PORT", "0")
        .env("ORIEL__TURN__TLS_PORT", "0")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(state: &TempDir, arguments: &[&str]) -> Oriel {
    let mut child = oriel(state, arguments).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("Oriel is ready: ");
    Oriel { url: url.unwrap_or_else(|| panic!("{line:?}")).to_owned(), child }
}

impl Oriel {
    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Oriel {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs to the end: exit status, standard output, standard error.
fn run(state: &TempDir, arguments: &[&str]) -> (bool, String, String) {
    let output = oriel(state, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The status of a WHIP request with this token: 415, for it has no body, or 401.
fn knock(url: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "POST /whip/r/cam HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: 0\r\nAuthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn it_starts_says_where_and_stops_when_told() {
    let state = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let mut oriel = start(&state, &[]);
        assert!(oriel.url.starts_with("http://127.0.0.1:"), "{}", oriel.url);
        oriel.signal(signal);
        assert!(oriel.wait().success(), "{signal}");
    }
}

#[test]
fn while_somebody_is_there_one_signal_waits_and_a_second_one_says_goodbye() {
    let state = tempfile::tempdir().unwrap();
    let mut oriel = start(&state, &[]);
    let host = oriel.url.strip_prefix("http://").unwrap().to_owned();
    let token = run(&state, &["token", "--room", "r", "--identity", "ana"]).1;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut ana = runtime.block_on(async {
        let mut request = format!("ws://{host}/v1/ws").into_client_request().unwrap();
        let subprotocol = "oriel.v1".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", subprotocol);
        let stream = tokio::net::TcpStream::connect(&host).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let join = serde_json::json!({"id": 1, "type": "join", "token": token.trim()});
        socket.send(Message::text(join.to_string())).await.unwrap();
        let reply = socket.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(reply.contains("\"ok\""), "{reply}");
        socket
    });
    oriel.signal("TERM");
    let word = runtime.block_on(ana.next()).unwrap().unwrap().into_text().unwrap();
    assert!(word.contains("server.draining"), "{word}");
    assert!(oriel.child.try_wait().unwrap().is_none(), "it waits");
    oriel.signal("TERM");
    let close = runtime.block_on(async {
        loop {
            match ana.next().await.expect("no closing word").unwrap() {
                Message::Close(close) => break close.unwrap(),
                Message::Text(_) => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4503, "the server is stopping"));
    assert!(oriel.wait().success());
}

#[test]
fn a_token_opens_a_running_server_and_one_of_another_key_does_not() {
    let state = tempfile::tempdir().unwrap();
    let server = start(&state, &["run"]);
    let (fine, token, errors) = run(&state, &["token", "--room", "r", "--identity", "cam"]);
    assert!(fine, "{errors}");
    assert_eq!(token.lines().count(), 1);
    assert_eq!(knock(&server.url, token.trim()), "415");
    let (fine, service, errors) = run(&state, &["token", "--service"]);
    assert!(fine, "{errors}");
    assert_eq!(knock(&server.url, service.trim()), "415");

    let elsewhere = tempfile::tempdir().unwrap();
    let (_, foreign, _) = run(&elsewhere, &["token", "--service"]);
    assert_eq!(knock(&server.url, foreign.trim()), "401");
}

#[test]
fn keys_are_read_again_on_a_signal() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("oriel.toml");
    let keys = |id: &str| {
        let secret = id.repeat(32);
        std::fs::write(&file, format!("[auth]\nkeys = [{{ id = {id:?}, secret = {secret:?} }}]\n"))
            .unwrap();
    };
    let config = ["--config", file.to_str().unwrap()];
    let mint = || run(&state, &["token", "--service", config[0], config[1]]).1;
    keys("a");
    let old = mint();
    let server = start(&state, &config);
    assert_eq!(knock(&server.url, old.trim()), "415");

    keys("b");
    let new = mint();
    assert_eq!(knock(&server.url, new.trim()), "401");
    server.signal("HUP");
    let deadline = Instant::now() + Duration::from_secs(20);
    while knock(&server.url, new.trim()) != "415" {
        assert!(Instant::now() < deadline, "the new key is not in force");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(knock(&server.url, old.trim()), "401");
}

#[test]
fn the_effective_configuration_is_printed_without_secrets() {
    let state = tempfile::tempdir().unwrap();
    let secret = "s".repeat(32);
    let keys = format!("auth.keys=[{{id=\"k\",secret=\"{secret}\"}}]");
    let (fine, printed, errors) =
        run(&state, &["config", "--set", "rooms.max_rooms=7", "--set", &keys]);
    assert!(fine, "{errors}");
    let printed: toml::Table = printed.parse().unwrap();
    assert_eq!(printed["rooms"]["max_rooms"].as_integer(), Some(7));
    assert_eq!(printed["server"]["http_port"].as_integer(), Some(0));
    assert_eq!(printed["auth"]["keys"][0]["secret"].as_str(), Some("[redacted]"));
}

#[test]
fn what_cannot_start_says_why_in_one_line() {
    let state = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let http = format!("server.http_port={port}");
    let internal = format!("server.internal_port={port}");
    for (set, words) in [
        (http.as_str(), [port.to_string().as_str(), "server.http_port"]),
        (&internal, [&port.to_string(), "server.internal_port"]),
        ("server.bind=0.0.0.0", ["auth.keys", "--dev-public"]),
        ("server.htp_port=1", ["server.htp_port", "unknown field"]),
        ("log.level=??", ["log.level", "??"]),
    ] {
        let (fine, out, errors) = run(&state, &["--set", set]);
        assert!(!fine && out.is_empty(), "{set}");
        // The log may have had something to say before.
        let last = errors.lines().last().unwrap();
        assert!(last.starts_with("oriel: "), "{errors}");
        for word in words {
            assert!(last.contains(word), "{set}: {errors}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let state = tempfile::tempdir().unwrap();
    let (fine, version, _) = run(&state, &["--version"]);
    assert!(fine);
    assert_eq!(version, format!("oriel {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn logs_for_machines_are_json_and_never_have_a_token_in_them() {
    let state = tempfile::tempdir().unwrap();
    let log = state.path().join("log");
    let settings = ["--set", "log.format=json", "--set", "log.level=debug,signaling=trace"];
    let mut child =
        oriel(&state, &settings).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("Oriel is ready: ").unwrap().to_owned();
    let mut server = Oriel { child, url };
    let admin = run(&state, &["token", "--server-admin"]).1;
    let joins = run(&state, &["token", "--room", "r", "--identity", "ana"]).1;
    let (admin, joins) = (admin.trim(), joins.trim());
    let room = format!("{{\"id\":1,\"type\":\"join\",\"token\":\"{joins}\"}}");
    for (path, token, body) in [
        ("/v1/rooms", admin, "{\"name\":\"r\"}"),
        ("/v1/rooms/r/tokens", admin, "{\"identity\":\"ana\"}"),
        ("/v1/rooms/r/requests", joins, room.as_str()),
        ("/whip/r/cam", joins, ""),
    ] {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\
             Authorization: Bearer {token}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 "), "{response}");
    }
    server.signal("TERM");
    server.signal("TERM");
    server.wait();
    let said = std::fs::read_to_string(log).unwrap();
    let mut rooms = 0;
    for line in said.lines().filter(|line| line.starts_with('{')) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = line["fields"]["room"].as_str();
        rooms += usize::from(id.is_some_and(|id| id.starts_with("RM_")));
    }
    assert!(rooms > 0, "a room that starts is told of with its id: {said}");
    // The first part of a token is the same for all: it is what is secret that counts.
    for token in [admin, joins] {
        for part in token.split('.').skip(1) {
            assert!(!said.contains(part), "a token is in the log");
        }
    }
}
