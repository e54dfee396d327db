//! Small load tests against the real server.

#![allow(clippy::unwrap_used)]

mod server;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;

use load_tests::data::{self, Way};
use load_tests::relay::Forward;
use load_tests::report::{Findings, Report};
use load_tests::run::{self, Plan};
use load_tests::scenario::Scenario;

use server::Server;

/// Ten a second: a keyframe of three packets, and four pictures that follow it. The contents do not
/// matter to anybody who does not decode them; the first three bytes are VP8's frame tag.
fn write_clip(folder: &Path) {
    let mut file = b"DKIF\0\0\x20\0VP80\x40\x01\xb4\0".to_vec();
    file.extend_from_slice(&10_u32.to_le_bytes());
    file.extend_from_slice(&1_u32.to_le_bytes());
    file.extend_from_slice(&[0; 8]);
    for index in 0..5_u8 {
        let size = if index == 0 { 3_000 } else { 500 };
        let keyframe = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xb4, 0];
        let mut picture = if index == 0 { keyframe.to_vec() } else { vec![0x31, 0, 0] };
        picture.resize(size, index);
        file.extend_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
        file.extend_from_slice(&[0; 8]);
        file.extend_from_slice(&picture);
    }
    std::fs::write(folder.join("small.ivf"), file).unwrap();
}

fn shown(report: &Report) -> String {
    (report as &dyn Findings).to_string()
}

fn plan(server: &Server, clips: &Path, scenario: &str) -> Plan {
    Plan {
        name: "small".into(),
        scenario: Scenario::parse(scenario).unwrap(),
        url: server.url().to_owned(),
        token: server.service_token(),
        pid: Some(server.pid()),
        metrics: Some(server.metrics()),
        relay: None,
        clips: clips.to_owned(),
        progress: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_sessions_share_a_port_and_nothing_is_lost() {
    let server = Server::start_with(&[
        ("ORIEL__SFU__UDP_PORT", "0".to_owned()),
        ("ORIEL__SFU__WORKERS", "2".to_owned()),
        ("ORIEL__WEBTRANSPORT__SHARE_MEDIA_PORT", "true".to_owned()),
        ("ORIEL__ROOMS__EMPTY_TIMEOUT", "1".to_owned()),
    ]);
    let clips = tempfile::tempdir().unwrap();
    write_clip(clips.path());
    let scenario = r#"
        about = "a call"
        ramp = 1
        duration = 4
        [[group]]
        name = "speaker"
        microphone = true
        camera = "small"
        [[group]]
        name = "viewers"
        count = 3
        pairs = 1
        whole = 2
    "#;
    let messages = data::Plan {
        url: server.url().to_owned(),
        token: server.service_token(),
        metrics: server.metrics(),
        hashes: Vec::new(),
        pid: server.pid(),
        way: Way::Webtransport,
        members: 6,
        senders: 3,
        rate: 20,
        bytes: 200,
        seconds: 2,
    };
    let plan = plan(&server, clips.path(), scenario);
    let (call, messages) = tokio::join!(run::meet(&plan), data::run(&messages));
    let (call, messages) = (call.unwrap(), messages.unwrap());
    let text = shown(&call);
    // Those of the messages may be here for longer; and as below.
    let others = |fault: &String| !fault.contains("were left") && !fault.contains("memory");
    let faults: Vec<String> = call.faults().into_iter().filter(others).collect();
    assert_eq!(faults, Vec::<String>::new(), "{text}");
    assert!(call.recorder.video_delay.summary().count > 40, "{text}");
    assert!(messages.all_right(), "{messages:?}");
    assert_eq!(messages.delivered + messages.dropped, messages.copies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_frame_arrives_as_it_was_sent_and_nobody_is_left() {
    let server = Server::start_with(&[
        ("ORIEL__SFU__UDP_PORT", "0".to_owned()),
        ("ORIEL__ROOMS__EMPTY_TIMEOUT", "1".to_owned()),
    ]);
    let clips = tempfile::tempdir().unwrap();
    write_clip(clips.path());
    let scenario = r#"
        about = "two rooms"
        rooms = 2
        ramp = 1
        duration = 3
        [[group]]
        name = "speaker"
        microphone = true
        camera = "small"
        [[group]]
        name = "viewers"
        count = 3
        pairs = 1
        whole = 2
        [churn]
        per_second = 1
    "#;
    let report = run::meet(&plan(&server, clips.path(), scenario)).await.unwrap();
    let text = shown(&report);
    // A server that has just started goes on growing for longer than this takes.
    let faults = report.faults().into_iter().filter(|fault| !fault.contains("memory"));
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<String>::new(), "{text}");
    // Eight, and those who came while it was measured.
    assert!(report.joins >= 10 && report.joins == report.leaves, "{text}");
    let recorder = &report.recorder;
    assert!(recorder.join.summary().count >= 4, "{text}");
    assert!(recorder.video_delay.summary().count > 10, "{text}");
    assert!(recorder.headers_only.get() > 10, "{text}");
    assert!(report.work.micros_per_packet().unwrap() > 0.0, "{text}");
    assert_eq!((report.left.participants, report.left.sessions), (Some(0), Some(0)));
    assert!((&report as &dyn Findings).to_html().contains("<svg"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_network_shows_and_damages_nothing() {
    // A port that is free at both addresses; the server's own is known before it starts.
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let server = Server::start_with(&[
        ("ORIEL__SFU__UDP_PORT", free.port().to_string()),
        ("ORIEL__SFU__ADVERTISED", r#"["127.0.0.2"]"#.to_owned()),
        ("ORIEL__SFU__ICE_LITE", "true".to_owned()),
        ("ORIEL__SFU__TCP", "false".to_owned()),
        ("ORIEL__ROOMS__EMPTY_TIMEOUT", "1".to_owned()),
    ]);
    let clips = tempfile::tempdir().unwrap();
    write_clip(clips.path());
    let scenario = r#"
        about = "two people"
        ramp = 0
        duration = 3
        [[group]]
        name = "people"
        count = 2
        microphone = true
        camera = "small"
        pairs = 1
        [network.down]
        delay_ms = 100
        loss = 0.05
    "#;
    let listen = SocketAddr::from(([127, 0, 0, 2], free.port()));
    let mut plan = plan(&server, clips.path(), scenario);
    let error = run::meet(&plan).await.unwrap_err().to_string();
    assert!(error.contains("--relay"), "{error}");
    plan.relay = Some(Forward { listen, upstream: free });
    let report = run::meet(&plan).await.unwrap();
    let text = shown(&report);
    assert_eq!(report.faults(), Vec::<String>::new(), "{text}");
    assert!(report.recorder.audio_delay.summary().p50 >= 100.0, "{text}");
    assert!(report.carried.unwrap().down.counts.lost > 0, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_past_the_server_and_nothing_is_left() {
    let server = Server::start_with(&[("ORIEL__ROOMS__EMPTY_TIMEOUT", "1".to_owned())]);
    let scenario = r#"
        about = "two have a file, and two others fetch it from each"
        rooms = 2
        ramp = 1
        duration = 60
        [files]
        mib = 4
        guests = 2
    "#;
    let report = run::run(&plan(&server, Path::new(""), scenario)).await.unwrap();
    assert_eq!(report.faults(), Vec::<String>::new(), "{report}");
    let json = report.to_json();
    assert_eq!((&json["files"]["came"], &json["joins"]), (&4.into(), &6.into()), "{report}");
    assert_eq!(json["files"]["bytes"], 4 * (4 << 20), "{report}");
    assert_eq!(json["connect_ms"]["count"], 4, "{report}");
    // What they say to each other by it is little: it has neither room nor use for the files.
    assert_eq!(json["server"]["sessions_left"], 0, "{report}");
    assert!(report.to_html().contains("<svg"));
}
