//! `include/sonoran.h` is what `src/ffi.rs` says.

use std::fs;

use support::root;

#[test]
fn the_header_is_current() {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/sonoran.h"));
    let header = fs::read_to_string(root().join("include/sonoran.h")).expect("the header");
    let differs = generated.lines().zip(header.lines()).find(|(generated, header)| generated != header);
    assert!(
        generated == header,
        "include/sonoran.h is not what src/ffi.rs says: run `cargo xtask header`. First difference: {differs:?}"
    );
}
