//! The dashboard, the alerts and their runbooks speak of metrics that the server has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::server::Server;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The names of ours in a query, each with the labels that it is asked with.
fn names(query: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (at, _) in query.match_indices("oriel_") {
        let rest = &query[at..];
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let labels = found.entry(name).or_default();
        let selector = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        for matcher in selector.unwrap_or_default().split(',').filter(|one| !one.is_empty()) {
            labels.insert(matcher.split(['=', '!']).next().unwrap().trim());
        }
    }
    found
}

/// The expressions of a dashboard, wherever they stand.
fn expressions<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(query) if name == "expr" || name == "query" => found.push(query),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_query_is_about_a_metric_that_is_exported() {
    let endpoint = format!(
        "webhooks.endpoints=[{{id=\"a\",url=\"https://example.invalid\",secret=\"{}\"}}]",
        "x".repeat(32)
    );
    let server = Server::start_bare(&[&endpoint]).await;
    // Series that begin with the first of their kind.
    let (_ana, _) = server.join_as_guest("team", "Ana").await;
    server.http("GET", "/nowhere", &[], "").await;
    let page = server.internal("/metrics").await.body;
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let own = labels.entry(name).or_default();
        let selector = line.split_once('{').map_or("", |(_, rest)| rest);
        own.extend(selector.split("=\"").filter_map(|part| {
            part.rsplit(['{', ',']).next().filter(|name| !name.contains(['"', '}', ' ']))
        }));
    }

    let alerts = read("k8s/monitoring/alerts.yaml");
    let dashboard: Value = serde_json::from_str(&read("k8s/monitoring/dashboard.json")).unwrap();
    let mut queries = vec![alerts.as_str()];
    expressions(&dashboard, &mut queries);
    assert!(queries.len() > 30, "{}", queries.len());
    let mut asked = BTreeSet::new();
    for query in queries {
        for (name, selected) in names(query) {
            let own = labels.get(name).unwrap_or_else(|| panic!("there is no {name}: {query}"));
            for label in selected {
                let is_there = own.contains(label) || label == "instance";
                assert!(is_there, "{name} has no label {label}: {own:?}");
            }
            asked.insert(name);
        }
    }
    assert!(asked.len() > 25, "{asked:?}");
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let alerts = read("k8s/monitoring/alerts.yaml");
    let named: BTreeSet<&str> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let runbooks = read("docs/runbooks.md");
    let written: BTreeSet<&str> =
        runbooks.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(named, written);
    assert!(named.len() > 10);
}

#[test]
fn names_and_labels_are_found() {
    let found = names("a(oriel_x{b=\"c\",d=~\"e\"}[5m]) / oriel_y");
    assert_eq!(found["oriel_x"], BTreeSet::from(["b", "d"]));
    assert!(found["oriel_y"].is_empty());
}
