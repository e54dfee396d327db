//! The internal port: is it alive, is it ready, what has it counted. Not for the public.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::counters::{Counters, Reading, Row};
use crate::headroom::Headroom;
use crate::media::MediaPlane;
use crate::turn;

/// What this door reads.
#[derive(Clone)]
pub struct Internals {
    /// Whether new participants are taken.
    pub ready: Arc<AtomicBool>,
    /// What the system leaves for them.
    pub headroom: Headroom,
    /// What the control plane counts.
    pub counters: Arc<Counters>,
    /// What the media plane counts.
    pub plane: Arc<dyn MediaPlane>,
    /// What the TURN server counts, if it runs.
    pub turn: Option<turn::Handle>,
    /// When the server started.
    pub started: SystemTime,
}

/// `/health` (alive), `/ready` (takes newcomers), `/metrics` (Prometheus text format 0.0.4).
pub fn routes(internals: Internals) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(internals)
}

async fn ready(State(internals): State<Internals>) -> impl IntoResponse {
    let mut reasons = internals.headroom.shortages();
    if !internals.ready.load(Ordering::Relaxed) {
        reasons.insert(0, "the server is stopping".into());
    }
    match reasons.as_slice() {
        [] => (StatusCode::OK, "ready\n".to_owned()),
        reasons => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join("; ")))
        }
    }
}

async fn metrics(State(internals): State<Internals>) -> impl IntoResponse {
    let media = internals.plane.counters();
    let turn = internals.turn.as_ref().map(turn::Handle::counters).unwrap_or_default();
    let planes = [("sfu", media.as_slice()), ("turn", &turn)];
    let text = exposition(&internals.counters.read(), &planes, internals.started);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn exposition(control: &Reading, planes: &[(&str, &[Row])], started: SystemTime) -> String {
    let mut page = Page::default();
    page.family("oriel_build_info", "gauge", "The version that runs.");
    page.sample("oriel_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.family("process_start_time_seconds", "gauge", "When it started, since 1970.");
    let started = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    page.sample("process_start_time_seconds", &[], started);

    page.family("oriel_rooms", "gauge", "Rooms now.");
    page.sample("oriel_rooms", &[], control.rooms);
    page.family("oriel_participants", "gauge", "Participants now, the hidden included.");
    page.sample("oriel_participants", &[], control.participants);
    page.family("oriel_joins_total", "counter", "Attempts to join, by door and outcome.");
    for ((door, outcome), count) in &control.joins {
        page.sample("oriel_joins_total", &[("door", door), ("outcome", outcome)], count);
    }
    page.family("oriel_http_responses_total", "counter", "HTTP responses, by route and status.");
    for ((route, status), count) in &control.responses {
        let labels = [("route", route.as_str()), ("status", &status.to_string())];
        page.sample("oriel_http_responses_total", &labels, count);
    }
    page.family("oriel_room_failures_total", "counter", "Rooms that ended by a fault of ours.");
    page.sample("oriel_room_failures_total", &[], control.room_failures);
    page.family("oriel_slow_readers_total", "counter", "Readers cut off for not reading.");
    page.sample("oriel_slow_readers_total", &[], control.slow_readers);
    page.family("oriel_resumed_total", "counter", "Participants back after a lost connection.");
    page.sample("oriel_resumed_total", &[], control.resumed);
    page.family("oriel_gaps_total", "counter", "Readers that came back too late for the journal.");
    page.sample("oriel_gaps_total", &[], control.gaps);
    let lossy = "Copies of lossy messages for signaling connections, and what became of them.";
    page.family("oriel_lossy_copies_total", "counter", lossy);
    for (outcome, count) in [
        ("sent", control.lossy_sent),
        ("delivered", control.lossy_delivered),
        ("dropped", control.lossy_dropped),
    ] {
        page.sample("oriel_lossy_copies_total", &[("outcome", outcome)], count);
    }

    for (plane, rows) in planes {
        let mut family = "";
        for row in *rows {
            let (suffix, kind) = if row.is_gauge { ("", "gauge") } else { ("_total", "counter") };
            let name = format!("oriel_{plane}_{}{suffix}", row.name);
            if family != row.name {
                family = row.name;
                page.family(&name, kind, row.help);
            }
            page.sample(&name, row.label.as_slice(), row.value);
        }
    }
    page.text
}

/// The text format, as Prometheus' documentation has it.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.sample("x", &[("l", "a\"b\\c\nd")], 1);
        assert_eq!(page.text, "x{l=\"a\\\"b\\\\c\\nd\"} 1\n");
    }

    #[test]
    fn each_family_is_announced_once_before_its_samples() {
        let row = |name, label, is_gauge| Row { name, help: "Help.", label, value: 3, is_gauge };
        let media = [
            row("packets_forwarded", Some(("kind", "audio")), false),
            row("packets_forwarded", Some(("kind", "video")), false),
            row("sessions", None, true),
        ];
        let text = exposition(&Reading::default(), &[("sfu", &media)], UNIX_EPOCH);
        let expected = "# HELP oriel_sfu_packets_forwarded_total Help.\n\
                        # TYPE oriel_sfu_packets_forwarded_total counter\n\
                        oriel_sfu_packets_forwarded_total{kind=\"audio\"} 3\n\
                        oriel_sfu_packets_forwarded_total{kind=\"video\"} 3\n\
                        # HELP oriel_sfu_sessions Help.\n\
                        # TYPE oriel_sfu_sessions gauge\n\
                        oriel_sfu_sessions 3\n";
        assert!(text.ends_with(expected), "{text}");
    }
}
