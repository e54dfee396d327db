//! Holds `docs/protocol.md` to what the code says: every example parses, nothing lacks one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ts_rs::{Config, TS};

use crate::error::{ErrorCode, RequestError};
use crate::event::{EndReason, Event, EventFrame, LeaveReason};
use crate::reply::{Outcome, ReplyFrame};
use crate::request::{Request, RequestFrame};

fn document() -> String {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "protocol.md"].iter().collect();
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The objects in the fenced `json` blocks, one or several in a block.
fn examples() -> Vec<Value> {
    let document = document();
    let blocks = document.split("\n```json\n").skip(1);
    let examples: Vec<Value> = blocks
        .flat_map(|rest| {
            let block = rest.split("\n```").next().expect("a block has an end");
            let objects = serde_json::Deserializer::from_str(block).into_iter::<Value>();
            objects.map(move |object| object.unwrap_or_else(|error| panic!("{error} in {block}")))
        })
        .collect();
    assert!(examples.len() > 30, "the document was read: {} examples", examples.len());
    examples
}

/// Parses, and finds nothing lost: no field is unknown, misspelt or left out.
fn parsed<T: Serialize + DeserializeOwned>(example: &Value) -> T {
    let frame: T = serde_json::from_value(example.clone())
        .unwrap_or_else(|error| panic!("{error} in {example}"));
    let again = serde_json::to_value(&frame).expect("JSON");
    assert_eq!(&again, example, "what was written and what was understood");
    frame
}

/// The words of a union: of its `type`s where it has those, else of the union itself.
fn words<T: TS>() -> BTreeSet<String> {
    let union = T::inline(&Config::new());
    let tag = "\"type\": \"";
    if union.contains(tag) {
        let tails = union.split(tag).skip(1);
        return tails.filter_map(|tail| tail.split('"').next()).map(str::to_owned).collect();
    }
    union.split(" | ").map(|word| word.trim_matches('"').to_owned()).collect()
}

#[test]
fn every_example_of_the_protocol_document_parses_and_nothing_lacks_one() {
    let (mut requests, mut events, mut errors) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let known = words::<Request>();
    for example in examples() {
        let tag = || example["type"].as_str().expect("a type").to_owned();
        if example.get("re").is_some() {
            let reply: ReplyFrame = parsed(&example);
            if let Outcome::Error(error) = reply.outcome {
                let as_made = RequestError::new(error.code, error.message.clone());
                assert_eq!(as_made, error, "{example} says the right thing about trying again");
                errors.insert(error.code);
            }
        } else if known.contains(&tag()) {
            parsed::<RequestFrame>(&example);
            requests.insert(tag());
        } else {
            let frame: EventFrame = parsed(&example);
            assert_eq!(frame.seq.is_some(), frame.event.is_durable(), "{example}");
            events.insert(tag());
        }
    }
    assert_eq!(requests, known);
    assert_eq!(events, words::<Event>());
    assert_eq!(errors, ErrorCode::ALL.into_iter().collect());
}

#[test]
fn the_protocol_document_has_every_row_and_reason() {
    let document = document();
    for code in ErrorCode::ALL {
        let word = serde_json::to_value(code).expect("a word");
        let row = code.row();
        let line = format!("| `{}` | {} | {} |", word.as_str().unwrap(), row.http, row.close);
        assert!(document.contains(&line), "{line}");
    }
    for word in words::<LeaveReason>().union(&words::<EndReason>()) {
        assert!(document.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn every_error_code_is_in_the_list_of_all() {
    let listed: BTreeSet<String> = ErrorCode::ALL
        .iter()
        .map(|code| serde_json::to_value(code).expect("a word").as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, words::<ErrorCode>());
}
