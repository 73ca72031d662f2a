#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thin_mount::fuzzing::resp_values(bytes));
