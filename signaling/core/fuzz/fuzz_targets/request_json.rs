//! See `bodies/request_json.rs`.

#![no_main]

#[path = "../bodies/request_json.rs"]
mod request_json;

libfuzzer_sys::fuzz_target!(|data: &[u8]| request_json::run(data));
