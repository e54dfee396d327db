//! Every mistake has its sentence, and a server without one has none.

use super::super::listening::Protocol;
use super::*;
use crate::config::{Key, Secret};

const NOW: u64 = 2_000_000_000;

/// A public server as it should be, and a machine that suits it.
fn sound() -> (Config, Facts) {
    let mut config = Config::default();
    let all = vec!["0.0.0.0".parse().unwrap(), "::".parse().unwrap()];
    config.server.bind = all.clone();
    config.server.http_port = 443;
    config.server.public_url = "https://meet.example.com".into();
    config.auth.keys = vec![Key { id: "main".into(), secret: Secret::new("s".repeat(32)) }];
    config.tls.mode = TlsMode::Files;
    config.tls.cert = "/etc/oriel/cert.pem".into();
    config.tls.key = "/etc/oriel/key.pem".into();
    config.sfu.bind = all;
    config.sfu.advertised = vec!["203.0.113.7".parse().unwrap()];
    let facts = Facts {
        now: NOW,
        made: NOW - 90 * DAY,
        is_clock_kept: Some(true),
        interfaces: vec!["127.0.0.1".parse().unwrap(), "10.0.0.5".parse().unwrap()],
        public: Some(Ok(vec!["203.0.113.7".parse().unwrap()])),
        certificate: Some(Ok(CertificateFacts {
            from: NOW - 30 * DAY,
            until: NOW + 60 * DAY,
            is_for_public: Some(true),
        })),
        files: 1 << 20,
        memory: Some(2 << 30),
        buffers: [Some(8 << 20); 2],
        ephemeral_ports: Some([32_768, 60_999]),
        ..Facts::default()
    };
    (config, facts)
}

/// What is found after `change`, and nothing beside it.
fn only(change: impl FnOnce(&mut Config, &mut Facts)) -> Finding {
    let (mut config, mut facts) = sound();
    change(&mut config, &mut facts);
    let mut found = findings(&config, &facts);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn expect(
    level: Level,
    subject: Subject,
    words: &[&str],
    change: impl FnOnce(&mut Config, &mut Facts),
) {
    let finding = only(change);
    assert_eq!((finding.level, finding.subject), (level, subject), "{finding:?}");
    for word in words {
        assert!(finding.text.contains(word), "{word:?} is missing: {finding:?}");
    }
}

fn fault(subject: Subject, words: &[&str], change: impl FnOnce(&mut Config, &mut Facts)) {
    expect(Level::Fault, subject, words, change);
}

fn advice(subject: Subject, words: &[&str], change: impl FnOnce(&mut Config, &mut Facts)) {
    expect(Level::Advice, subject, words, change);
}

fn certificate(facts: &mut Facts) -> &mut CertificateFacts {
    facts.certificate.as_mut().unwrap().as_mut().unwrap()
}

#[test]
fn a_sound_server_and_the_defaults_have_no_faults() {
    let (config, facts) = sound();
    assert_eq!(findings(&config, &facts), []);
    let at_home = Facts { public: None, certificate: None, ..facts };
    assert_eq!(findings(&Config::default(), &at_home), []);
}

#[test]
fn who_may_come_in() {
    fault(Subject::Access, &["auth.keys", "openssl rand"], |config, _| config.auth.keys.clear());
    advice(Subject::Access, &["everybody", "server.dev_public"], |config, _| {
        config.auth.keys.clear();
        config.server.dev_public = true;
    });
    advice(Subject::Access, &["rooms.guests", "without a token"], |config, _| {
        config.rooms.guests = Guests::Open;
    });
}

#[test]
fn ports_that_cannot_be_opened() {
    let closed = |port_key: &'static str, obstacle| {
        move |_: &mut Config, facts: &mut Facts| {
            let address = "198.51.100.1:443".parse().unwrap();
            let protocol = Protocol::Tcp;
            let socket = Socket { port_key, bind_key: "server.bind", protocol, address };
            facts.closed = vec![(socket, obstacle)];
        }
    };
    let words = ["TCP port 443", "198.51.100.1", "another program", "server.http_port"];
    fault(Subject::Ports, &words, closed("server.http_port", Obstacle::Taken));
    let words = ["TCP port 443", "CAP_NET_BIND_SERVICE", "server.http_port"];
    fault(Subject::Ports, &words, closed("server.http_port", Obstacle::Denied));
    let words = ["no address 198.51.100.1", "server.bind", "sfu.advertised"];
    fault(Subject::Ports, &words, closed("server.http_port", Obstacle::NotHere));
    let words = ["cannot be opened", "sfu.tcp_port", "boom"];
    fault(Subject::Ports, &words, closed("sfu.tcp_port", Obstacle::Other("boom".into())));
}

#[test]
fn two_keys_with_one_port() {
    let (mut config, facts) = sound();
    config.sfu.tcp_port = 443;
    let found = findings(&config, &facts);
    assert!(found.iter().all(|finding| finding.subject == Subject::Ports), "{found:?}");
    let text = "sfu.tcp_port and server.http_port both want TCP port 443";
    assert!(found[0].text.contains(text), "{found:?}");
}

#[test]
fn metrics_for_everybody() {
    advice(Subject::Ports, &["server.internal_bind", "7890"], |config, _| {
        config.server.internal_bind = "0.0.0.0".parse().unwrap();
    });
}

#[test]
fn media_that_stays_on_this_machine() {
    let found = {
        let (mut config, facts) = sound();
        config.sfu.bind = vec!["127.0.0.1".parse().unwrap()];
        findings(&config, &facts)
    };
    assert!(found[0].text.contains("media only from this machine: set sfu.bind"), "{found:?}");
    fault(Subject::Addresses, &["127.0.0.1", "their own machine"], |config, _| {
        config.sfu.advertised.push("127.0.0.1:7882".parse().unwrap());
    });
}

#[test]
fn a_nat_that_is_not_told_of() {
    let (mut config, facts) = sound();
    config.sfu.advertised.clear();
    let found = findings(&config, &facts);
    let text = "only private addresses (10.0.0.5)";
    assert!(found[0].text.contains(text) && found[0].text.contains("sfu.advertised"), "{found:?}");
    fault(Subject::Addresses, &["10.0.0.5", "private", "sfu.advertised"], |config, _| {
        config.sfu.advertised.insert(0, "10.0.0.5".parse().unwrap());
    });
    // In a private network there is nothing wrong with that.
    let mut at_home = facts;
    at_home.public = Some(Ok(vec!["10.0.0.5".parse().unwrap()]));
    assert_eq!(findings(&config, &at_home), []);
}

#[test]
fn a_name_that_leads_elsewhere() {
    fault(Subject::Addresses, &["server.public_url", "no address", "DNS"], |_, facts| {
        facts.public = Some(Err("Name or service not known".into()));
    });
    advice(Subject::Addresses, &["198.51.100.9", "proxy", "sfu.advertised"], |_, facts| {
        facts.public = Some(Ok(vec!["198.51.100.9".parse().unwrap()]));
    });
}

#[test]
fn relays() {
    advice(Subject::Addresses, &["ice.turn is off"], |config, _| config.ice.turn = false);
    advice(Subject::Addresses, &["turn.relay_ports has 10 ports"], |config, _| {
        config.turn.relay_ports = [50_000, 50_009];
    });
    let (mut config, facts) = sound();
    config.sfu.udp_port = 50_000;
    let found = findings(&config, &facts);
    assert!(found[0].text.contains("is within turn.relay_ports"), "{found:?}");
    advice(Subject::Addresses, &["40000", "32768-60999"], |config, _| {
        config.sfu.udp_port = 40_000;
    });
}

#[test]
fn certificates_that_browsers_refuse() {
    fault(Subject::Certificates, &["ended 3 days ago", "renew"], |_, facts| {
        certificate(facts).until = NOW - 3 * DAY;
    });
    advice(Subject::Certificates, &["ends in 5 days"], |_, facts| {
        certificate(facts).until = NOW + 5 * DAY;
    });
    fault(Subject::Certificates, &["not good yet", "clock"], |_, facts| {
        certificate(facts).from = NOW + DAY;
    });
    fault(Subject::Certificates, &["another name", "https://meet.example.com"], |_, facts| {
        certificate(facts).is_for_public = Some(false);
    });
    fault(Subject::Certificates, &["tls.key: gone", "PEM"], |_, facts| {
        facts.certificate = Some(Err("tls.key: gone".into()));
    });
    fault(Subject::Certificates, &["read the private key", "chmod 640 /k"], |_, facts| {
        facts.exposed_key = Some("/k".into());
    });
}

#[test]
fn tls_that_is_missing() {
    fault(Subject::Certificates, &["no camera", "tls.mode"], |config, facts| {
        config.tls.mode = TlsMode::Off;
        config.server.public_url = "http://meet.example.com".into();
        facts.certificate = None;
    });
    advice(Subject::Certificates, &["proxy", "TURN by TLS"], |config, facts| {
        config.tls.mode = TlsMode::Off;
        facts.certificate = None;
    });
    advice(Subject::Certificates, &["self-signed", "\"files\""], |config, facts| {
        config.tls.mode = TlsMode::SelfSigned;
        facts.certificate = None;
    });
}

#[test]
fn an_authority_that_does_not_get_here() {
    let by_acme = |config: &mut Config, facts: &mut Facts| {
        config.tls.mode = TlsMode::Acme;
        config.tls.acme.domains = vec!["meet.example.com".into()];
        let here = Ok(vec!["203.0.113.7".parse().unwrap()]);
        facts.domains = vec![("meet.example.com".into(), here)];
    };
    let (mut config, mut facts) = sound();
    by_acme(&mut config, &mut facts);
    assert_eq!(findings(&config, &facts), []);
    advice(Subject::Certificates, &["no certificate yet", "log"], |config, facts| {
        by_acme(config, facts);
        facts.certificate = None;
    });
    advice(Subject::Certificates, &["port 443", "to 8443"], |config, facts| {
        by_acme(config, facts);
        config.server.http_port = 8443;
    });
    fault(
        Subject::Certificates,
        &["meet.example.com", "looked up", "no such name"],
        |config, facts| {
            by_acme(config, facts);
            facts.domains[0].1 = Err("no such name".into());
        },
    );
    advice(
        Subject::Certificates,
        &["meet.example.com", "no address of this machine"],
        |config, facts| {
            by_acme(config, facts);
            facts.domains[0].1 = Ok(vec!["198.51.100.1".parse().unwrap()]);
        },
    );
    fault(
        Subject::Certificates,
        &["ended a day ago", "renewal by ACME", "log"],
        |config, facts| {
            by_acme(config, facts);
            certificate(facts).until = NOW - DAY;
        },
    );
    fault(Subject::Certificates, &["cannot be read", "delete acme.toml"], |config, facts| {
        by_acme(config, facts);
        facts.certificate = Some(Err("it cannot be read".into()));
    });
}

#[test]
fn state_clock_limits_and_buffers() {
    fault(Subject::State, &["cannot write /x", "server.state_dir"], |_, facts| {
        facts.state = Some("cannot write /x".into());
    });
    fault(Subject::Clock, &["2 days from now", "timedatectl"], |_, facts| {
        facts.made = NOW + 2 * DAY + 1;
    });
    advice(Subject::Clock, &["nobody keeps the clock"], |_, facts| {
        facts.is_clock_kept = Some(false);
    });
    fault(Subject::Limits, &["256 open files", "LimitNOFILE="], |_, facts| facts.files = 256);
    advice(Subject::Limits, &["4096 open files", "11200"], |_, facts| facts.files = 4_096);
    advice(Subject::Limits, &["128 MiB"], |_, facts| facts.memory = Some(128 << 20));
    advice(Subject::Buffers, &["212992", "sysctl -w net.core.rmem_max=4194304"], |_, facts| {
        facts.buffers[0] = Some(212_992);
    });
}
