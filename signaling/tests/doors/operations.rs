//! What docs/operations.md names is there: metrics, keys, and configurations that start.

use std::fs;
use std::path::Path;

use signaling::config::Config;
use signaling::config::layers::{Sources, document, load};

use crate::server::Server;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    fs::read_to_string(path).unwrap()
}

/// What stands between backticks on one line.
fn quoted(page: &str) -> Vec<&str> {
    let lines = page.lines().filter(|line| !line.trim_start().starts_with("```"));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

#[tokio::test]
async fn metrics_that_it_names_are_exported() {
    let page = page();
    let named: Vec<&str> = quoted(&page)
        .into_iter()
        .filter(|word| word.starts_with("oriel_"))
        .map(|word| word.split('{').next().unwrap())
        .collect();
    assert!(named.len() >= 8, "{named:?}");
    let server = Server::start_bare(&[]).await;
    let exported = server.internal("/metrics").await.body;
    for metric in named {
        assert!(exported.contains(&format!("# TYPE {metric} ")), "{metric} is not exported");
    }
}

#[test]
fn keys_that_it_names_exist() {
    let page = page();
    let sections = document(&Config::default()).unwrap();
    let mut named = 0;
    for word in quoted(&page) {
        let word = word.split([' ', '=']).next().unwrap();
        let Some((section, keys)) = word.split_once('.') else { continue };
        let Some(section) = sections.get(section).filter(|section| section.is_table()) else {
            continue;
        };
        named += 1;
        let found = keys.split('.').try_fold(section, |section, key| section.get(key));
        assert!(found.is_some(), "{word} is no key");
    }
    assert!(named >= 30, "{named}");
}

#[test]
fn configurations_that_it_shows_can_be_used() {
    let page = page();
    let mut shown = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap().replace('…', &"x".repeat(32));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &text).unwrap();
        let sources = Sources { file: Some(file.path().to_owned()), set: Vec::new() };
        if let Err(error) = load(&sources, []) {
            panic!("{error}\n{text}");
        }
        shown += 1;
    }
    assert!(shown >= 1);
}
