use super::*;

fn read(log: &str) -> Vec<Found> {
    let mut cargo = Cargo::default();
    for (line, number) in log.lines().zip(1..) {
        cargo.push(line, Some(number));
    }
    cargo.finish()
}

fn shown(found: &Found) -> String {
    let test = &found.test;
    let parts = [&test.file, &test.class, &test.method, &test.subtest]
        .map(|part| part.as_deref().unwrap_or("-"))
        .join(" | ");
    let place = found.details.place.as_ref();
    let place = place.map_or_else(String::new, |place| {
        format!(" at {}:{}", place.file, place.line.unwrap())
    });
    let line = found.line.as_deref().unwrap_or("-");
    format!("{}: {parts}: {line}{place}", found.kind.name())
}

#[test]
fn tests_with_their_panics() {
    let log = "     Running tests/api.rs (target/debug/deps/api-1f)\n\nrunning 4 tests\n\
               test a::tests::adds ... FAILED\ntest top ... FAILED\ntest a::ok ... ok\n\
               test src/lib.rs - a::f (line 3) ... FAILED\n\nfailures:\n\n---- a::tests::adds stdout ----\n\n\
               thread 'a::tests::adds' (123) panicked at src/a.rs:5:9:\nassertion `left == right` failed\n  left: 1\n right: 2\n\
               note: run with `RUST_BACKTRACE=1`\n\n---- top stdout ----\n\
               thread 'top' panicked at 'boom', tests/api.rs:2:3\n\nfailures:\n    a::tests::adds\n    top\n\n\
               test result: FAILED. 1 passed; 3 failed; 0 ignored\n";
    let found: Vec<String> = read(log).iter().map(shown).collect();
    assert_eq!(
        found,
        [
            "failure: a::tests | - | adds | -: assertion `left == right` failed at src/a.rs:5",
            "failure: tests/api.rs | - | top | -: boom at tests/api.rs:2",
            "failure: src/lib.rs | - | a::f | (line 3): test src/lib.rs - a::f (line 3) ... FAILED"
        ]
    );
}

#[test]
fn the_compilers_first_error() {
    let log = "   Compiling x v0.1.0 (/b)\nwarning: unused\n --> src/a.rs:1:1\n\n\
               error[E0425]: cannot find value `y` in this scope\n --> src/lib.rs:1:5\n  |\n1 |     y\n  |     ^ not found\n\n\
               error: expected `;`\n  --> src/lib.rs:9:2\n\nerror: could not compile `x` (lib) due to 2 previous errors\n";
    let found = read(log);
    assert_eq!(
        shown(&found[0]),
        "compile: - | - | - | -: error[E0425]: cannot find value `y` in this scope at src/lib.rs:1"
    );
    assert_eq!(found[0].excerpt.last().unwrap(), "(and 1 more)");
    assert_eq!(found.len(), 1);
}

#[test]
fn a_program_that_died() {
    let log = "running 1 test\nerror: test failed, to rerun pass `--lib`\n\nCaused by:\n  \
               process didn't exit successfully: `/b/deps/x-1` (signal: 11, SIGSEGV: invalid memory reference)\n";
    let found = read(log);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].details.signal.as_deref(), Some("SIGSEGV"));
}

#[test]
fn other_lines() {
    for line in [
        "running 3 tests in parallel",
        "running",
        "error: something",
        "---- x ----",
        "test x ... FAILED",
    ] {
        assert!(!Cargo::begins(line), "{line}");
    }
}
