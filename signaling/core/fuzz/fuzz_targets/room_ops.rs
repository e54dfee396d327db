//! See `bodies/room_ops.rs`.

#![no_main]
#![allow(dead_code)] // The room's tests use more of their world.

#[path = "../../tests/room/plane.rs"]
mod plane;
#[path = "../bodies/room_ops.rs"]
mod room_ops;
#[path = "../../tests/room/world.rs"]
mod world;

libfuzzer_sys::fuzz_target!(|data: &[u8]| room_ops::run(data));
