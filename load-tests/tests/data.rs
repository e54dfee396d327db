//! Data messages through the real server, each way: every copy comes, and is counted.

#![allow(clippy::unwrap_used)]

mod server;

use load_tests::bulk;
use load_tests::data::echo::Echo;
use load_tests::data::{self, Plan, Way};

use server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_is_delivered_or_counted_as_dropped() {
    let server = Server::start();
    for way in [Way::Channels, Way::Websockets, Way::Webtransport] {
        let plan = Plan {
            url: server.url().to_owned(),
            token: server.service_token(),
            metrics: server.metrics(),
            hashes: Vec::new(),
            pid: server.pid(),
            way,
            members: 6,
            senders: 3,
            rate: 20,
            bytes: 200,
            seconds: 2,
        };
        let report = data::run(&plan).await.unwrap();
        assert!(report.all_right(), "{report:?}");
        assert_eq!(report.copies, 3 * 20 * 2 * 5);
        // On a machine that is busy some may be too late, and then they are counted.
        assert_eq!(report.delivered + report.dropped, report.copies);
        assert!(report.p50_ms > 0.0 && report.p50_ms <= report.p99_ms);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bare_server_sends_datagrams_back_or_to_all_others() {
    for (way, receivers) in [(Way::Echo, 1), (Way::Fan, 3)] {
        let echo = Echo::bind(way == Way::Fan).unwrap();
        let invitation = echo.invitation().clone();
        tokio::spawn(echo.run());
        let plan = Plan {
            url: invitation.url,
            token: String::new(),
            metrics: String::new(),
            hashes: invitation.certificate_hashes,
            pid: std::process::id(),
            way,
            members: 4,
            senders: 2,
            rate: 20,
            bytes: 200,
            seconds: 1,
        };
        let report = data::run(&plan).await.unwrap();
        assert!(report.all_right(), "{report:?}");
        assert_eq!((report.receivers, report.copies), (receivers, 2 * 20 * u64::from(receivers)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_of_bulk_is_left_behind_and_the_others_have_it_all() {
    let server = Server::start();
    let plan = bulk::Plan {
        url: server.url().to_owned(),
        token: server.service_token(),
        pid: server.pid(),
        bytes: 12_000_000,
        fast: 3,
        slow: 1,
        slow_rate: 200_000,
    };
    let report = bulk::run(&plan).await.unwrap();
    assert!(report.all_right(), "{report:?}");
    let left = report.slow[0];
    assert!(matches!(left.end, bulk::End::Reset(1)) && left.bytes < plan.bytes / 2, "{left:?}");
    // All that waits for one stream, in our buffer and in QUIC's, and what an allocator keeps.
    let grown = report.resident_most - report.resident_before;
    assert!(grown < 24 << 20, "{grown} bytes");
}
