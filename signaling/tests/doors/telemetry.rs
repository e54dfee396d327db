//! Metrics and traces, sent to a collector.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::receiver::{header, read_request, until};
use crate::server::Server;

/// What the collector was sent, by path.
type Sent = Arc<Mutex<Vec<(String, Value)>>>;

async fn collector() -> (String, Sent) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Sent::default();
    let taken = Arc::clone(&sent);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let Some((head, body)) = read_request(&mut stream).await else { continue };
            assert_eq!(header(&head, "x-tenant"), "blue");
            let path = head.split(' ').nth(1).unwrap().to_owned();
            taken.lock().unwrap().push((path, serde_json::from_slice(&body).unwrap()));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
        }
    });
    (url, sent)
}

#[tokio::test]
async fn a_collector_gets_what_is_counted_and_a_span_for_each_request() {
    let (url, sent) = collector().await;
    let server = Server::start(&[
        &format!("telemetry.otlp_endpoint={url}"),
        "telemetry.otlp_interval=1",
        "telemetry.otlp_headers={X-Tenant=\"blue\"}",
    ])
    .await;
    let parent = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    server.http("GET", "/v1/rooms/team", &[parent], "").await;
    let find = |path: &str, pointer: &str, name: &str| {
        let sent = sent.lock().unwrap();
        let bodies = sent.iter().filter(|(sent, _)| sent == path);
        let lists = bodies.filter_map(|(_, body)| body.pointer(pointer)?.as_array());
        // The newest: what was sent before the request says nothing of it.
        lists.flatten().rfind(|one| one["name"] == name).cloned()
    };
    let (spans, metrics) =
        ("/resourceSpans/0/scopeSpans/0/spans", "/resourceMetrics/0/scopeMetrics/0/metrics");
    until(async || find("/v1/traces", spans, "GET /v1/rooms/{room}").is_some()).await;
    let span = find("/v1/traces", spans, "GET /v1/rooms/{room}").unwrap();
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(span["attributes"][1]["value"]["intValue"], "401");
    let rooms = find("/v1/metrics", metrics, "oriel_rooms").unwrap();
    assert_eq!(rooms["gauge"]["dataPoints"][0]["asInt"], "0");
    let name = "oriel_http_responses_total";
    until(async || {
        find("/v1/metrics", metrics, name).is_some_and(|sum| {
            sum["sum"]["dataPoints"][0]["attributes"][0]["value"]["stringValue"]
                == "/v1/rooms/{room}"
        })
    })
    .await;
}
