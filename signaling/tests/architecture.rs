//! The rules of who may know whom, read off the sources and manifests. `ARCHITECTURE.md` says why.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files below a folder, by their path from the repository's root, without comments and
/// without the unit tests at their end.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    assert!(!files.is_empty(), "no sources in {folder}");
    files
        .into_iter()
        .map(|path| {
            let code = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .map(|line| line.split("//").next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\n");
            let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            (path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), code)
        })
        .collect()
}

/// The files that `lib.rs` has for tests alone: they may compare the crate with other files.
fn modules_for_tests(folder: &str) -> Vec<String> {
    let library = fs::read_to_string(root().join(folder).join("lib.rs")).unwrap();
    let lines: Vec<&str> = library.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';'))
        .map(|module| format!("{folder}/{module}.rs"))
        .collect()
}

/// Whether code names a path that begins with this crate or module.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(&format!("{path}::")).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ':'))
    })
}

/// The `[dependencies]` of a manifest: not those of its tests.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

fn assert_only_in(folder: &str, path: &str, allowed: &[&str]) {
    for (file, code) in sources(folder) {
        let may = allowed.iter().any(|allowed| file == *allowed);
        assert!(may || !names(&code, path), "{file} names {path}: that is for {allowed:?}");
    }
    for file in allowed {
        assert!(root().join(file).exists(), "{file} is gone: bring this rule up to date");
    }
}

#[test]
fn names_are_found_as_paths() {
    assert!(names("use sfu::Config;", "sfu"));
    assert!(names("(sfu::Config)", "sfu"));
    assert!(!names("use sfu_core::Config;", "sfu"));
    assert!(!names("use crate::sfu::Config;", "sfu"));
    assert!(!names("mysfu::x", "sfu"));
}

#[test]
fn cores_can_do_no_io() {
    let allowed = |manifest: &str, allowed: &[&str]| {
        for dependency in dependencies(manifest) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{manifest} asks for {dependency}: a core has no sockets, clock, locks or async"
            );
        }
    };
    allowed(
        "signaling/core/Cargo.toml",
        &["base64", "schemars", "serde", "serde_json", "thiserror"],
    );
    let media = ["aws-lc-rs", "bytes", "dimpl", "ring", "str0m", "thiserror", "tracing"];
    allowed("sfu/core/Cargo.toml", &media);
    allowed(
        "turn-server/core/Cargo.toml",
        &["aws-lc-rs", "base64", "md-5", "stun", "thiserror", "turn"],
    );
    for core in ["signaling/core/src", "sfu/core/src", "turn-server/core/src"] {
        let tests = modules_for_tests(core);
        for (file, code) in sources(core).into_iter().filter(|(file, _)| !tests.contains(file)) {
            for io in [
                "std::net::UdpSocket",
                "std::net::Tcp",
                "std::fs",
                "std::thread",
                "std::sync::Mutex",
            ] {
                assert!(!code.contains(io), "{file} names {io}");
            }
            for clock in ["Instant::now", "SystemTime::now"] {
                assert!(!code.contains(clock), "{file} reads the clock: time is told to a core");
            }
        }
    }
}

#[test]
fn the_planes_know_each_other_in_one_place() {
    for dependency in dependencies("sfu/Cargo.toml") {
        assert!(!dependency.starts_with("signaling"), "sfu asks for {dependency}");
    }
    assert!(!dependencies("signaling/Cargo.toml").contains(&"sfu-core".to_owned()));
    for folder in ["sfu/src", "sfu/core/src"] {
        assert_only_in(folder, "signaling_core", &[]);
        assert_only_in(folder, "signaling", &[]);
    }
    for dependency in dependencies("turn-server/Cargo.toml") {
        let foreign = dependency.starts_with("signaling") || dependency.starts_with("sfu");
        assert!(!foreign, "turn-server asks for {dependency}");
    }
    assert_only_in("signaling/core/src", "sfu", &[]);
    assert_only_in("signaling/core/src", "turn_server", &[]);
    assert_only_in(
        "signaling/src",
        "turn_server",
        &["signaling/src/config.rs", "signaling/src/ice.rs", "signaling/src/turn.rs"],
    );
    assert_only_in(
        "signaling/src",
        "sfu",
        &[
            "signaling/src/app.rs",
            "signaling/src/config.rs",
            "signaling/src/media.rs",
            "signaling/src/media/envelope.rs",
        ],
    );
}

#[test]
fn a_third_party_stack_is_touched_in_one_place() {
    let str0m = [
        "dtls.rs",
        "negotiation.rs",
        "session.rs",
        "session/answer.rs",
        "session/channels.rs",
        "session/ending.rs",
        "session/format.rs",
        "session/incoming.rs",
        "session/setup.rs",
        "session/way.rs",
    ]
    .map(|file| format!("sfu/core/src/{file}"));
    let str0m = str0m.each_ref().map(String::as_str);
    assert_only_in("sfu/core/src", "str0m", &str0m);
    assert_only_in("sfu/src", "str0m", &[]);
    assert_only_in("sfu/core/src", "aws_lc_rs", &["sfu/core/src/srtp.rs"]);
    assert_only_in("sfu/src", "quinn_udp", &[]);
    let udp = ["neighbour.rs", "socket.rs", "worker.rs"].map(|file| format!("sfu/src/{file}"));
    assert_only_in("sfu/src", "oriel_udp", &udp.each_ref().map(String::as_str));
    for stack in ["stun", "turn"] {
        let allowed = ["turn-server/core/src/message.rs", "turn-server/core/src/response.rs"];
        assert_only_in("turn-server/core/src", stack, &allowed);
        assert_only_in("turn-server/src", stack, &[]);
    }
    let dimpl = ["dtls", "dtls/hello", "dtls/suites", "dtls/tests"]
        .map(|file| format!("turn-server/src/{file}.rs"));
    assert_only_in("turn-server/src", "dimpl", &dimpl.each_ref().map(String::as_str));
    assert_only_in("turn-server/src", "quinn_udp", &[]);
    assert_only_in("signaling/src", "jsonwebtoken", &["signaling/src/auth.rs"]);
    let certificates =
        ["signaling/src/tls.rs", "signaling/src/tls/acme.rs", "signaling/src/tls/brief.rs"];
    assert_only_in("signaling/src", "rcgen", &certificates);
    let websocket = ["signaling/src/websocket.rs", "signaling/src/doors/websocket/carrier.rs"];
    assert_only_in("signaling/src", "tokio_tungstenite", &websocket);
    let webtransport = ["webtransport.rs", "webtransport/asked.rs", "webtransport/session.rs"]
        .map(|file| format!("signaling/src/{file}"));
    let mut webtransport: Vec<&str> = webtransport.iter().map(String::as_str).collect();
    assert_only_in("signaling/src", "web_transport_proto", &webtransport);
    webtransport.push("signaling/src/webtransport/endpoint.rs");
    webtransport.push("signaling/src/webtransport/shared.rs");
    assert_only_in("signaling/src", "quinn", &webtransport);
    assert_only_in("signaling/src", "instant_acme", &["signaling/src/tls/acme.rs"]);
}

#[test]
fn doors_do_not_know_each_other() {
    let doors: Vec<String> = fs::read_dir(root().join("signaling/src/doors"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|door| door != "mod")
        .collect();
    assert!(doors.len() >= 5, "{doors:?}");
    for (file, code) in sources("signaling/src/doors") {
        let own = file.trim_start_matches("signaling/src/doors/");
        if own == "mod.rs" {
            continue;
        }
        for door in doors.iter().filter(|door| !own.starts_with(door.as_str())) {
            for path in [format!("doors::{door}"), format!("super::{door}")] {
                assert!(!code.contains(&path), "{file} names the door {door}");
            }
        }
    }
}

#[test]
fn a_thing_has_a_name_or_it_has_no_home() {
    for folder in ["sfu", "signaling", "turn-server", "load-tests"] {
        for (file, _) in sources(folder) {
            let stem = Path::new(&file).file_stem().unwrap().to_str().unwrap();
            let parent = Path::new(&file).parent().unwrap().file_name().unwrap().to_str().unwrap();
            for drawer in ["util", "utils", "helper", "helpers", "common", "manager", "misc"] {
                assert!(stem != drawer && parent != drawer, "{file} is a drawer");
            }
        }
    }
}
