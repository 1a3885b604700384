//! An object stream: decoded, counted, and read as everything a reply can be.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::decode(bytes));
