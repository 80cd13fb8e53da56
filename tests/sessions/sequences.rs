//! Sequences of calls in the order of the fuzz target `calls`, whose seeds these are.

use std::fs;

use support::client::Process;
use support::{root, sequence};

#[test]
fn the_seeds_of_the_fuzz_target_keep_every_promise() {
    let _alone = Process::alone();
    let mut count = 0;
    for seed in fs::read_dir(root().join("fuzz/seeds/calls")).expect("the seeds are part of the project") {
        let path = seed.expect("an entry").path();
        // names the seed if it panics
        println!("{}", path.display());
        sequence::run(&fs::read(&path).expect("a file"));
        count += 1;
    }
    assert!(count > 4, "{count} seeds");
}
