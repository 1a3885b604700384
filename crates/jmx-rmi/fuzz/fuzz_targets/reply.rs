//! A peer's answer to the handshake, and a whole return.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::reply(bytes));
