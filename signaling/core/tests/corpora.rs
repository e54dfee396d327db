//! What fuzzing begins with, and whatever it has found, played through the same functions.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

#[path = "../fuzz/bodies/frames.rs"]
mod frames;
#[path = "room/plane.rs"]
mod plane;
#[path = "../fuzz/bodies/request_json.rs"]
mod request_json;
#[path = "../fuzz/bodies/room_ops.rs"]
mod room_ops;
#[path = "room/world.rs"]
mod world;

/// Runs a fuzz target's body over its corpus.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        // Shown when the test fails: the last one is at fault.
        println!("{}", path.display());
        run(&std::fs::read(path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{folder} is empty");
}

#[test]
fn frames_are_the_same_in_any_pieces() {
    replay("frames", frames::run);
}

#[test]
fn requests_are_read_or_refused() {
    replay("request_json", request_json::run);
}

#[test]
fn rooms_bear_anything_in_any_order() {
    replay("room_ops", room_ops::run);
}
