//! The same bytes in one piece and in many.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::chunks(bytes));
