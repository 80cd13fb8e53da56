//! The seeds, which are also the inputs that once broke a promise.

use std::fs;
use std::path::Path;

fn run(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let seeds = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for seed in seeds {
        let path = seed.unwrap().path();
        let input = fs::read(&path).unwrap();
        // names the seed if it panics
        println!("{}", path.display());
        body(&input);
        count += 1;
    }
    assert!(count > 4, "{count} seeds in {}", folder.display());
}

#[test]
fn records() {
    run("records", super::records);
}

#[test]
fn connection() {
    run("connection", super::connection);
}

#[test]
fn options() {
    run("options", super::options);
}
