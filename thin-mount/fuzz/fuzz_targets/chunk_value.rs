#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thin_mount::fuzzing::chunk_value(bytes));
