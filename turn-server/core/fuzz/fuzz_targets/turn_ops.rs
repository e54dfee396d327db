//! See `bodies/turn_ops.rs`.

#![no_main]
#![allow(dead_code)] // The tests use more of their world.

#[path = "../bodies/turn_ops.rs"]
mod turn_ops;
#[path = "../../tests/world/mod.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| turn_ops::run(data));
