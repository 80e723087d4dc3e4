//! Any bytes as a mail: no panic, and a failed build always has a failure.

#![no_main]

use buildbot_watch::parsing::mime::{Completeness, parse};
use buildbot_watch::parsing::{InputKind, understand};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for completeness in [Completeness::Whole, Completeness::CutOff] {
        let Ok(mail) = parse(data, completeness) else {
            continue;
        };
        let understood = understand(&mail);
        if understood.kind == InputKind::Failure {
            assert!(understood.builds.iter().all(|build| !build.failures.is_empty()));
        }
    }
});
