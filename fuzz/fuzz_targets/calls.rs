#![no_main]

libfuzzer_sys::fuzz_target!(|script: &[u8]| support::sequence::run(script));
