#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thin_client::fuzzing::proof_page(bytes));
