//! What fuzzing begins with, and whatever it has found, played through the same functions.

#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)] // The crate uses more of it.
#[path = "../src/codec/mod.rs"]
mod codec;
#[path = "../fuzz/bodies/codec_peek.rs"]
mod codec_peek;
#[path = "../fuzz/bodies/engine_datagram.rs"]
mod engine_datagram;
#[path = "../fuzz/bodies/envelope.rs"]
mod envelope;
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
fn engines_bear_any_datagrams() {
    replay("engine_datagram", engine_datagram::run);
}

#[test]
fn payloads_are_looked_into_without_harm() {
    replay("codec_peek", codec_peek::run);
}

#[test]
fn data_messages_are_envelopes_or_none() {
    replay("envelope", envelope::run);
}
