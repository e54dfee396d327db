//! See `bodies/engine_datagram.rs`.

#![no_main]

#[path = "../bodies/engine_datagram.rs"]
mod engine_datagram;
#[path = "../../tests/world/mod.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| engine_datagram::run(data));
