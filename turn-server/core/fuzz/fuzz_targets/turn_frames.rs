//! See `bodies/turn_frames.rs`.

#![no_main]

#[path = "../bodies/turn_frames.rs"]
mod turn_frames;

libfuzzer_sys::fuzz_target!(|data: &[u8]| turn_frames::run(data));
