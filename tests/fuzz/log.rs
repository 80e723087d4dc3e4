//! Any bytes as a log, in pieces of any size: no panic, and the pieces make no
//! difference.

#![no_main]

use buildbot_watch::parsing::logs::LogReader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((piece, log)) = data.split_first() else {
        return;
    };
    let mut whole = LogReader::default();
    whole.push(log);
    let whole = whole.finish(Some("failed test (failure)"));
    for failure in &whole.failures {
        assert!(failure.excerpt.len() <= 15);
        let texts = failure.line.iter().chain(&failure.excerpt);
        for text in texts.chain(&failure.message) {
            assert!(text.chars().count() <= 300 && !text.contains(char::is_control));
        }
    }
    let mut pieces = LogReader::default();
    for bytes in log.chunks(usize::from(*piece) + 1) {
        pieces.push(bytes);
    }
    assert_eq!(whole, pieces.finish(Some("failed test (failure)")));
});
