//! What fuzzing begins with, whatever it has found, and any bytes at all, played through the same
//! functions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

#[path = "../fuzz/bodies/turn_datagram.rs"]
mod turn_datagram;
#[path = "../fuzz/bodies/turn_frames.rs"]
mod turn_frames;
#[path = "../fuzz/bodies/turn_ops.rs"]
mod turn_ops;
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
fn a_server_bears_any_datagrams() {
    replay("turn_datagram", turn_datagram::run);
}

#[test]
fn streams_are_cut_alike_in_any_pieces() {
    replay("turn_frames", turn_frames::run);
}

#[test]
fn clients_and_peers_may_do_as_they_like() {
    replay("turn_ops", turn_ops::run);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_reaches_a_private_peer_or_leaves_anything_behind(
        steps in proptest::collection::vec(any::<u8>(), 0..240),
    ) {
        turn_ops::run(&steps);
    }
}
