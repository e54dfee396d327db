//! See `bodies/codec_peek.rs`.

#![no_main]

#[allow(dead_code)] // The crate uses more of it.
#[path = "../../src/codec/mod.rs"]
mod codec;
#[path = "../bodies/codec_peek.rs"]
mod codec_peek;

libfuzzer_sys::fuzz_target!(|data: &[u8]| codec_peek::run(data));
