//! The configuration: its layers, its errors, and that `config.example.toml` tells the truth.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use signaling::config::layers::{Sources, document, load};
use signaling::config::{Config, Guests, TlsMode};
use toml::{Table, Value};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn example() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../config.example.toml");
    fs::read_to_string(path).unwrap()
}

fn set(pairs: &[&str]) -> Sources {
    Sources { file: None, set: pairs.iter().map(|&pair| pair.into()).collect() }
}

fn with_environment(pairs: &[(&str, &str)]) -> Result<Config, String> {
    let environment = pairs.iter().map(|&(name, value)| (name.into(), value.into()));
    load(&Sources::default(), environment).map_err(|error| error.to_string())
}

fn with_set(pairs: &[&str]) -> Result<Config, String> {
    load(&set(pairs), []).map_err(|error| error.to_string())
}

#[test]
fn the_example_is_the_default() {
    let example: Table = example().parse().unwrap();
    assert_eq!(example, document(&Config::default()).unwrap());
}

#[test]
fn the_example_explains_every_key() {
    let example = example();
    let lines: Vec<&str> = example.lines().collect();
    let mut keys = 0;
    for (number, line) in lines.iter().enumerate() {
        if !line.is_empty() && !line.starts_with(['#', '[']) {
            keys += 1;
            assert!(lines[number - 1].starts_with("# "), "no comment above {line:?}");
        }
    }
    assert_eq!(keys, keys_of(&document(&Config::default()).unwrap()));
}

/// Those of sections within sections, too. A table that is empty is a value.
fn keys_of(table: &Table) -> usize {
    let keys = |value: &Value| match value {
        Value::Table(section) if !section.is_empty() => keys_of(section),
        _ => 1,
    };
    table.values().map(keys).sum()
}

#[test]
fn later_layers_win_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oriel.toml");
    fs::write(&file, "[server]\nhttp_port = 1\ninternal_port = 1\n[rooms]\nmax_rooms = 1\n")
        .unwrap();
    let sources = Sources { file: Some(file), set: vec!["server.http_port=3".into()] };
    let environment = [
        ("ORIEL__SERVER__HTTP_PORT".to_owned(), "2".to_owned()),
        ("ORIEL__ROOMS__MAX_ROOMS".to_owned(), "2".to_owned()),
        ("ORIEL_CONFIG".to_owned(), "not a key".to_owned()),
        ("PATH".to_owned(), "/bin".to_owned()),
    ];
    let config = load(&sources, environment).unwrap();
    assert_eq!(config.server.http_port, 3);
    assert_eq!(config.rooms.max_rooms, 2);
    assert_eq!(config.server.internal_port, 1);
    assert_eq!(config.rooms.max_participants, Config::default().rooms.max_participants);
}

#[test]
fn values_need_no_quotes_where_their_kind_is_known() {
    let config = with_environment(&[
        ("ORIEL__SERVER__BIND", "0.0.0.0, ::"),
        ("ORIEL__SERVER__ALLOWED_ORIGINS", "[\"https://a.example\"]"),
        ("ORIEL__SERVER__STATE_DIR", "/var/lib/oriel"),
        ("ORIEL__AUTH__AUDIENCE", "123"),
        ("ORIEL__AUTH__KEYS", &format!("[{{ id = \"k\", secret = \"{SECRET}\" }}]")),
        ("ORIEL__TLS__MODE", "self-signed"),
        ("ORIEL__ROOMS__GUESTS", "\"open\""),
        ("ORIEL__SFU__ICE_LITE", "true"),
    ])
    .unwrap();
    assert!(config.server.is_public());
    assert_eq!(config.server.bind.len(), 2);
    assert_eq!(config.server.allowed_origins, ["https://a.example"]);
    assert_eq!(config.server.state_dir, PathBuf::from("/var/lib/oriel"));
    assert_eq!(config.auth.audience, "123");
    assert_eq!(config.auth.keys[0].secret.expose(), SECRET);
    assert_eq!(config.tls.mode, TlsMode::SelfSigned);
    assert_eq!(config.rooms.guests, Guests::Open);
    assert!(config.sfu.ice_lite);
    assert!(with_set(&["server.bind="]).unwrap_err().contains("server.bind"));
}

#[test]
fn errors_name_the_key() {
    for (pair, words) in [
        ("server.htp_port=1", ["server.htp_port", "unknown field"]),
        ("sever.http_port=1", ["sever", "unknown field"]),
        ("server.http_port=x", ["server.http_port", "u16"]),
        ("server.http_port=70000", ["server.http_port", "u16"]),
        ("server.http_port.x=1", ["--set server.http_port.x", "server.http_port is not a section"]),
        ("server.bind=localhost", ["server.bind", "IP address"]),
        ("tls.mode=on", ["tls.mode", "self-signed"]),
        ("tls.mode=files", ["tls.cert", "PEM"]),
        ("tls.mode=acme", ["tls.acme.domains", "meet.example.com"]),
        ("server.public_url=meet.example.com", ["server.public_url", "https://"]),
        ("server.public_url=https://a/b", ["server.public_url", "without a path"]),
        ("auth.keys=[{id=\"k\",secret=\"short\"}]", ["auth.keys[0].secret", "32 bytes"]),
        ("rooms.max_rooms=0", ["rooms.max_rooms", "at least 1"]),
        ("ice.turn_credential_ttl=3600", ["ice.turn_credential_ttl", "7200"]),
        ("ice.turn_host=turn example", ["ice.turn_host", "a name or an address"]),
        ("turn.alternate_server=example.com", ["turn.alternate_server", "address with a port"]),
        ("turn.ports=1", ["turn.ports", "unknown field"]),
        ("server.http_port", ["server.http_port", "key=value"]),
        ("=1", ["--set", "key=value"]),
    ] {
        let error = with_set(&[pair]).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{pair}: {error}");
        }
    }
    let acme = |change| with_set(&["tls.mode=acme", "tls.acme.domains=[\"a.example\"]", change]);
    acme("tls.acme.contact=[\"admin@a.example\"]").unwrap();
    for (change, key) in [
        ("tls.acme.domains=[\"*.example.com\"]", "tls.acme.domains[0]: "),
        ("tls.acme.domains=[\"a.example\", \"203.0.113.7\"]", "tls.acme.domains[1]: "),
        ("tls.acme.domains=[\"https://a.example\"]", "tls.acme.domains[0]: "),
        ("tls.acme.contact=[\"mailto:a@b.example\"]", "tls.acme.contact[0]: "),
        ("tls.acme.directory=http://ca.example/dir", "tls.acme.directory: "),
        ("tls.acme.directory=letsencrypt2", "tls.acme.directory: "),
    ] {
        let error = acme(change).unwrap_err();
        assert!(error.contains(key), "{change}: {error}");
    }
    let shared = "webtransport.share_media_port=true";
    let both = with_set(&[shared, "webtransport.port=4433"]).unwrap_err();
    assert!(both.contains("webtransport.port: must be 0"), "{both}");
    let missing = Sources { file: Some("/does/not/exist.toml".into()), set: Vec::new() };
    assert!(load(&missing, []).unwrap_err().to_string().contains("/does/not/exist.toml"));
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let keys =
        format!("auth.keys=[{{id=\"k\",secret=\"{SECRET}\"}},{{id=\"k\",secret=\"{SECRET}\"}}]");
    assert!(with_set(&[&keys]).unwrap_err().contains("auth.keys[1].id"));
}

#[test]
fn secrets_are_never_printed() {
    let config = with_set(&[
        &format!("auth.keys=[{{id=\"k\",secret=\"{SECRET}\"}}]"),
        &format!("turn.secrets={SECRET}"),
        &format!("turn.users={{ada=\"{SECRET}\"}}"),
        &format!("ice.servers=[{{urls=[\"turn:t\"],username=\"u\",credential=\"{SECRET}\"}}]"),
    ])
    .unwrap();
    assert_eq!(config.ice.servers[0].credential.expose(), SECRET);
    let printed = document(&config).unwrap();
    for secret in [
        &printed["auth"]["keys"][0]["secret"],
        &printed["turn"]["secrets"][0],
        &printed["turn"]["users"]["ada"],
    ] {
        assert_eq!(*secret, Value::String("[redacted]".into()));
    }
    for text in [format!("{config:?}"), toml::to_string(&printed).unwrap()] {
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains("[redacted]"));
    }
}
