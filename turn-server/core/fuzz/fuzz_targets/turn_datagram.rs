//! See `bodies/turn_datagram.rs`.

#![no_main]
#![allow(dead_code)] // The tests use more of their world.

#[path = "../bodies/turn_datagram.rs"]
mod turn_datagram;
#[path = "../../tests/world/mod.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| turn_datagram::run(data));
