//! Lists the tests and runs them.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

use support::hub::Kind;

use crate::{api, outbound, process, readers, reset, standstill, stream};

/// A test. It panics on failure.
pub(crate) type Test = fn();

pub(crate) fn run() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // hosts mostly wait
    arguments.test_threads.get_or_insert(4);
    let mut trials = Vec::new();
    let mut add = |name: String, test: Box<dyn FnOnce() + Send>, missing: Option<String>| {
        let said = missing.as_ref().map(|missing| format!("NOT RUN: {name}: {missing}"));
        let trial = trial(name, test, missing);
        // printed now: during the run, the tests' own lines would get in between
        if let Some(said) = said.filter(|_| !arguments.list && !arguments.is_filtered_out(&trial)) {
            eprintln!("{said}");
        }
        trials.push(trial);
    };
    // those that take a minute come first, so that none of them is left alone at the end
    for (name, test) in readers::PLUGIN_TESTS {
        let missing = ["luajit", "mcs"].into_iter().find_map(support::missing);
        add((*name).to_owned(), Box::new(test), missing);
    }
    for (tests, program) in [(outbound::LUA_TESTS, "luajit"), (outbound::CSHARP_TESTS, "mcs")] {
        for (name, test) in tests {
            let missing = Kind::AspNet.missing().or_else(|| support::missing(program));
            add((*name).to_owned(), Box::new(|| test(Kind::AspNet)), missing);
        }
    }
    #[cfg(target_os = "linux")]
    for (name, test) in crate::faults::TESTS {
        add((*name).to_owned(), Box::new(test), None);
    }
    #[cfg(target_os = "linux")]
    for (name, test) in crate::soak::TESTS {
        add((*name).to_owned(), Box::new(test), Kind::AspNet.missing());
    }
    for (name, test) in api::VALGRIND_TESTS {
        add((*name).to_owned(), Box::new(test), support::missing("valgrind"));
    }
    for kind in [Kind::AspNet, Kind::Local] {
        for (tests, missing) in [
            (outbound::TESTS, None),
            (stream::TESTS, None),
            (standstill::TESTS, None),
            (readers::TESTS, None),
            (stream::FIXTURE_TESTS, stream::fixtures_missing()),
        ] {
            for (name, test) in tests {
                let name = format!("{kind:?}::{name}").to_lowercase();
                add(name, Box::new(move || test(kind)), kind.missing().or_else(|| missing.clone()));
            }
        }
    }
    for (name, test) in [process::TESTS, api::TESTS, reset::TESTS].concat() {
        add(name.to_owned(), Box::new(test), None);
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Makes a test that is ignored if something is missing.
fn trial(name: String, test: Box<dyn FnOnce() + Send>, missing: Option<String>) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(missing) = missing {
            return Ok(Completion::ignored_with(missing));
        }
        test();
        Ok(Completion::Completed)
    })
}
