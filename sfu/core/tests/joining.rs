//! How a session comes about: offers, ICE, and whose datagram it is.

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use sfu_core::{Command, Event, FailReason, SessionKey};
use str0m::config::DtlsVersion;
use str0m::media::MediaKind::{Audio, Video};
use world::World;

fn stranger() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 5_000))
}

#[test]
fn a_pair_of_lines_is_one_stream_in_the_answer() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 2);
    let answer = &world.clients[&1].answer;
    // The client's own line has a name, too, which nobody sees: nothing is sent on it.
    let msids: Vec<&str> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=msid:"))
        .filter(|name| name.starts_with("slot-"))
        .collect();
    assert_eq!(
        msids,
        [
            "slot-0 slot-0-audio",
            "slot-0 slot-0-video",
            "slot-1 slot-1-audio",
            "slot-1 slot-1-video"
        ]
    );
    let cnames: Vec<&str> =
        answer.lines().filter_map(|l| l.split_once(" cname:")).map(|l| l.1).collect();
    assert!(cnames.contains(&"slot-0") && cnames.contains(&"slot-1"));
    assert!(cnames.iter().all(|name| name.starts_with("slot-")), "{cnames:?}");
}

#[test]
fn the_answer_names_the_server_and_a_ufrag_of_its_place() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 0);
    let answer = &world.clients[&1].answer;
    assert!(answer.contains("10.0.0.1 7882 typ host"), "{answer}");
    let ufrag = answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    // Node 5, worker 0, in three and two characters.
    assert!(ufrag.starts_with("aafaa"), "{ufrag}");
}

#[test]
fn nothing_is_read_from_an_address_that_has_not_proved_itself() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 0);
    let client_hello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let rtp = [0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3];
    world.inject(0, stranger(), &client_hello);
    world.inject(0, stranger(), &rtp);
    assert_eq!(world.count("packets_dropped", Some("unknown_source")), 2);
    world.inject(0, stranger(), &[]);
    world.inject(0, stranger(), &[70, 1, 2, 3]);
    assert_eq!(world.count("packets_dropped", Some("not_media")), 2);
}

#[test]
fn a_check_with_a_wrong_password_teaches_no_address() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 0);
    let client = world.clients[&1].address;
    let check = world.take_checks_from(client).pop().unwrap();
    // The fingerprint attribute of 8 bytes comes last, the integrity's value right before it.
    let mut right_name = check.clone();
    let spoilt = check.len() - 20;
    right_name[spoilt] ^= 1;
    let mut no_name = check.clone();
    let at = check.windows(2).position(|pair| pair == b"aa").unwrap();
    no_name[at] = b'0';
    world.inject(0, stranger(), &right_name);
    assert_eq!(world.count("packets_dropped", Some("bad_integrity")), 1);
    world.inject(0, stranger(), &no_name);
    assert_eq!(world.count("packets_dropped", Some("unknown_ufrag")), 1);
    world.inject(0, stranger(), &[22, 254, 253, 0]);
    assert_eq!(world.count("packets_dropped", Some("unknown_source")), 1);
}

#[test]
fn datagrams_find_their_worker_whoever_receives_them() {
    let mut world = World::new(2);
    for number in [1u8, 2] {
        world.receiving.insert(SocketAddr::from(([10, 0, 1, number], 40_000)), 1);
    }
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[], 1);
    assert!(world.publish(1, Video, 12));
    world.subscribe(2, 12);
    world.run(Duration::from_secs(1), &[1], &[]);
    assert!(world.count("packets_forwarded", Some("video")) > 80);
    assert!(world.count("datagrams_handed_over", None) > 100);
    assert_eq!(world.count("packets_dropped", Some("unknown_source")), 0);
}

#[test]
fn offers_that_cannot_be_used_get_words_and_harm_nobody() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 1);
    let mut many = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    for mid in 0..1_000 {
        many += &format!("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\na=recvonly\r\n");
    }
    for (offer, words) in [
        (String::new(), "a=fingerprint"),
        ("nonsense".into(), "a=fingerprint"),
        ("v=0\r\na=fingerprint:sha-256 00\r\n".into(), "cannot be"),
        (many, "1000 m-lines"),
    ] {
        let error = world.exchange(1, offer).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let error = world.exchange(99, "v=0\r\n".into()).unwrap_err();
    assert!(error.contains("no such peer connection"), "{error}");
    world.offer(1, &[Video], 1);
    assert!(world.publish(1, Video, 12), "the session is as good as before");
}

#[test]
fn a_line_is_published_once_and_only_as_what_it_is() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 1);
    assert!(world.publish(1, Audio, 11));
    assert!(!world.publish(1, Audio, 12), "published already");
    world.command(Command::Unpublish { track: sfu_core::TrackKey(11) });
    assert!(world.publish(1, Audio, 13), "free again");
}

#[test]
fn who_never_connects_has_failed_after_a_while() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 0);
    let session = SessionKey(2);
    world.command(Command::Open { session });
    let offer = {
        let mut rtc = str0m::RtcConfig::new().build(world.now);
        let mut api = rtc.sdp_api();
        api.add_media(Audio, str0m::media::Direction::SendOnly, None, None, None);
        api.apply().unwrap().0.to_sdp_string()
    };
    world.exchange(2, offer).unwrap();
    world.run(Duration::from_secs(29), &[], &[]);
    let failed = Event::Failed { session, reason: FailReason::NotConnected };
    assert!(!world.events.contains(&failed));
    world.run(Duration::from_secs(2), &[], &[]);
    assert!(world.events.contains(&failed));
    assert_eq!(world.count("sessions", None), 1);
}

#[test]
fn a_client_with_an_rsa_certificate_fails_with_words_that_help() {
    for version in [DtlsVersion::Dtls12, DtlsVersion::Dtls13] {
        let provider = str0m::crypto::from_feature_flags();
        let mut certificate = provider.dtls_provider.generate_certificate().unwrap();
        // The key is another one: it is the certificate that is looked at first.
        certificate.certificate = include_bytes!("rsa.der").to_vec();
        let mut world = World::new(1);
        world.join(1, &[Audio], 0);
        world.begin_with(2, certificate, version);
        world.run(Duration::from_secs(5), &[], &[]);
        // The client would give up, too, soon after.
        world.clients.remove(&2);
        world.run(Duration::from_secs(26), &[], &[]);
        let reason = world.events.iter().find_map(|event| match event {
            Event::Failed { session: SessionKey(2), reason } => Some(reason.to_string()),
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| panic!("no failure, but {:?}", world.events));
        assert!(reason.starts_with("DTLS failed") && reason.contains("ECDSA P-256"), "{reason}");
        assert_eq!(world.count("sessions", None), 1);
    }
}

#[test]
fn more_slots_are_offered_while_media_flows() {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[Audio, Video], 0);
    world.join(3, &[], 1);
    for (number, track) in [(1, 12), (2, 22)] {
        assert!(world.publish(number, Video, track));
        world.subscribe(3, track);
    }
    world.run(Duration::from_secs(1), &[1, 2], &[]);
    let (live, _) = world.bound(3, 12).unwrap();
    world.take_received(3, live);
    world.offer(3, &[], 2);
    let (grown, bind) = world.bound(3, 22).expect("bound as soon as there is a slot");
    assert_eq!(bind, 1);
    world.run(Duration::from_secs(1), &[1, 2], &[]);
    for mid in [live, grown] {
        let got = world.take_received(3, mid);
        assert!(got.len() > 60, "{mid}: {} packets", got.len());
        assert!(got.windows(2).all(|pair| *pair[1].seq_no == *pair[0].seq_no + 1));
    }
}
