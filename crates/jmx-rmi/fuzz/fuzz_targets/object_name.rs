//! Names and patterns: parsing, the canonical form, comparing, matching, quoting.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::object_name(bytes));
