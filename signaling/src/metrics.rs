//! Everything that is counted, by family. `/metrics` writes it as text, OTLP sends it on.
//!
//! Labels have few values each, known beforehand: routes, outcomes, reasons, endpoints; never names that
//! people choose.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::counters::{Counters, Reading, Row};
use crate::limits::Feeds;
use crate::media::MediaPlane;
use crate::turn;
use crate::webhooks::{Status, Webhooks};

/// Where it is counted.
#[derive(Clone)]
pub struct Sources {
    /// What the control plane counts.
    pub counters: Arc<Counters>,
    /// Who reads events without a WebSocket of a participant.
    pub feeds: Feeds,
    /// What the media plane counts.
    pub plane: Arc<dyn MediaPlane>,
    /// Who is told what happens, and how they fare.
    pub webhooks: Webhooks,
    /// What the TURN server counts, if it runs.
    pub turn: Option<turn::Handle>,
    /// When the server started.
    pub started: SystemTime,
}

/// Everything about one thing that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// As Prometheus has it: counters end in `_total`.
    pub name: String,
    /// What is counted, for people.
    pub help: &'static str,
    /// Goes up and down.
    pub is_gauge: bool,
    /// One for each combination of labels.
    pub samples: Vec<Sample>,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The count since the start, or for gauges the value now.
    pub value: i64,
}

impl Sources {
    /// All numbers as they are now.
    pub fn read(&self) -> Vec<Family> {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut families = vec![
            Family::gauge("oriel_build_info", "The version that runs.")
                .with(&[("version", env!("CARGO_PKG_VERSION"))], 1_u64),
            Family::gauge("process_start_time_seconds", "When it started, since 1970.")
                .with(&[], started),
        ];
        families.extend(of_control(&self.counters.read()));
        let help = "Event feeds now: observers, and participants without a WebSocket.";
        families.push(Family::gauge("oriel_feeds", help).with(&[], self.feeds.taken()));
        families.extend(of_plane("sfu", &self.plane.counters()));
        if let Some(turn) = &self.turn {
            families.extend(of_plane("turn", &turn.counters()));
        }
        families.extend(of_webhooks(&self.webhooks.endpoints(), self.webhooks.unwritten()));
        families
    }

    /// How many there are, of all kinds that take memory: rooms, participants, feeds and TURN allocations.
    pub fn present(&self) -> u64 {
        let allocations = self.turn.as_ref().map_or(0, turn::Handle::allocations);
        self.counters.present() + u64::from(self.feeds.taken()) + allocations as u64
    }
}

fn of_control(control: &Reading) -> Vec<Family> {
    let mut joins = Family::counter("oriel_joins_total", "Attempts to join, by door and outcome.");
    for ((door, outcome), count) in &control.joins {
        joins = joins.with(&[("door", door), ("outcome", outcome)], *count);
    }
    let help = "HTTP responses, by route and status.";
    let mut responses = Family::counter("oriel_http_responses_total", help);
    for ((route, status), count) in &control.responses {
        responses = responses.with(&[("route", route), ("status", &status.to_string())], *count);
    }
    let help = "Copies of lossy messages for signaling connections, and what became of them.";
    let lossy = Family::counter("oriel_lossy_copies_total", help)
        .with(&[("outcome", "sent")], control.lossy_sent)
        .with(&[("outcome", "delivered")], control.lossy_delivered)
        .with(&[("outcome", "dropped")], control.lossy_dropped);
    let help = "Those who came by WebTransport and got no session, by reason.";
    let mut refused = Family::counter("oriel_webtransport_refused_total", help);
    for (reason, count) in &control.webtransport_refused {
        refused = refused.with(&[("reason", reason)], *count);
    }
    let counter = |name, help, count: u64| Family::counter(name, help).with(&[], count);
    vec![
        Family::gauge("oriel_rooms", "Rooms now.").with(&[], control.rooms),
        Family::gauge("oriel_participants", "Participants now, the hidden included.")
            .with(&[], control.participants),
        joins,
        responses,
        counter(
            "oriel_room_failures_total",
            "Rooms that ended by a fault of ours.",
            control.room_failures,
        ),
        counter(
            "oriel_slow_readers_total",
            "Readers cut off for not reading.",
            control.slow_readers,
        ),
        counter(
            "oriel_resumed_total",
            "Participants back after a lost connection.",
            control.resumed,
        ),
        counter(
            "oriel_gaps_total",
            "Readers that came back too late for the journal.",
            control.gaps,
        ),
        lossy,
        Family::gauge("oriel_webtransport_sessions", "WebTransport sessions now.")
            .with(&[], control.webtransport_sessions),
        refused,
        counter(
            "oriel_webtransport_streams_refused_total",
            "Streams that clients opened and that are not taken.",
            control.webtransport_streams_refused,
        ),
        counter(
            "oriel_webtransport_datagrams_dropped_total",
            "Datagrams beyond a session's limit, or that came faster than they were read; the latter are counted when the session ends.",
            control.webtransport_datagrams_dropped,
        ),
    ]
}

fn of_plane(plane: &str, rows: &[Row]) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let mut last = "";
    for row in rows {
        if row.name != last || families.is_empty() {
            last = row.name;
            let suffix = if row.is_gauge { "" } else { "_total" };
            let name = format!("oriel_{plane}_{}{suffix}", row.name);
            let (help, is_gauge) = (row.help, row.is_gauge);
            families.push(Family { name, help, is_gauge, samples: Vec::new() });
        }
        if let Some(family) = families.last_mut() {
            family.add(row.label.as_slice(), row.value);
        }
    }
    families
}

fn of_webhooks(endpoints: &[Status], unwritten: u64) -> Vec<Family> {
    let by_endpoint = |family: Family, value: fn(&Status) -> u64| {
        endpoints.iter().fold(family, |family, endpoint| {
            family.with(&[("endpoint", &endpoint.id)], value(endpoint))
        })
    };
    vec![
        by_endpoint(
            Family::gauge("oriel_webhook_waiting", "Events that wait, by endpoint."),
            |endpoint| endpoint.waiting,
        ),
        by_endpoint(
            Family::gauge("oriel_webhook_dead_letters", "Events given up, by endpoint."),
            |endpoint| endpoint.dead,
        ),
        by_endpoint(
            Family::counter("oriel_webhook_delivered_total", "Events that an endpoint has taken."),
            |endpoint| endpoint.delivered,
        ),
        by_endpoint(
            Family::counter(
                "oriel_webhook_failed_attempts_total",
                "Attempts to tell an endpoint that failed.",
            ),
            |endpoint| endpoint.failed,
        ),
        Family::counter(
            "oriel_webhook_unwritten_total",
            "Events for webhooks that could not be written to the disk, and are lost.",
        )
        .with(&[], unwritten),
    ]
}

impl Family {
    fn gauge(name: &str, help: &'static str) -> Family {
        Family { name: name.to_owned(), help, is_gauge: true, samples: Vec::new() }
    }

    fn counter(name: &str, help: &'static str) -> Family {
        Family { is_gauge: false, ..Family::gauge(name, help) }
    }

    fn with(mut self, labels: &[(&'static str, &str)], value: impl TryInto<i64>) -> Family {
        self.add(labels, value);
        self
    }

    fn add(&mut self, labels: &[(&'static str, &str)], value: impl TryInto<i64>) {
        let labels = labels.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        let value = value.try_into().unwrap_or(i64::MAX);
        self.samples.push(Sample { labels, value });
    }
}

/// The text format of Prometheus (0.0.4), as its documentation has it.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families {
        // Writing to a `String` cannot fail, here and below.
        let _ = family.write(&mut text);
    }
    text
}

impl Family {
    fn write(&self, text: &mut String) -> fmt::Result {
        let name = &self.name;
        let help = self.help.replace('\\', "\\\\").replace('\n', "\\n");
        writeln!(text, "# HELP {name} {help}")?;
        let kind = if self.is_gauge { "gauge" } else { "counter" };
        writeln!(text, "# TYPE {name} {kind}")?;
        for Sample { labels, value } in &self.samples {
            if labels.is_empty() {
                writeln!(text, "{name} {value}")?;
                continue;
            }
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
            writeln!(text, "{name}{{{}}} {value}", labels.join(","))?;
        }
        Ok(())
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
        let family = Family::gauge("x", "Help.").with(&[("l", "a\"b\\c\nd")], 1_u64);
        let expected = "# HELP x Help.\n# TYPE x gauge\nx{l=\"a\\\"b\\\\c\\nd\"} 1\n";
        assert_eq!(text(&[family]), expected);
    }

    #[test]
    fn each_family_is_announced_once_before_its_samples() {
        let row = |name, label, is_gauge| Row { name, help: "Help.", label, value: 3, is_gauge };
        let media = [
            row("packets_forwarded", Some(("kind", "audio")), false),
            row("packets_forwarded", Some(("kind", "video")), false),
            row("sessions", None, true),
        ];
        let expected = "# HELP oriel_sfu_packets_forwarded_total Help.\n\
                        # TYPE oriel_sfu_packets_forwarded_total counter\n\
                        oriel_sfu_packets_forwarded_total{kind=\"audio\"} 3\n\
                        oriel_sfu_packets_forwarded_total{kind=\"video\"} 3\n\
                        # HELP oriel_sfu_sessions Help.\n\
                        # TYPE oriel_sfu_sessions gauge\n\
                        oriel_sfu_sessions 3\n";
        assert_eq!(text(&of_plane("sfu", &media)), expected);
    }
}
