//! Data messages through the real server, each way: every copy comes, and is counted.

#![allow(clippy::unwrap_used)]

mod server;

use load_tests::data::{self, Plan, Way};

use server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_copy_is_delivered_or_counted_as_dropped() {
    let server = Server::start();
    for way in [Way::Channels, Way::Websockets] {
        let plan = Plan {
            url: server.url().to_owned(),
            token: server.service_token(),
            metrics: server.metrics(),
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
