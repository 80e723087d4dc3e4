use super::*;

fn read(text: &str) -> Found {
    let mut lines = text.lines();
    let mut report = Report::begin(lines.next().unwrap()).unwrap();
    for line in lines {
        assert!(report.goes_on_with(line), "{line}");
    }
    report.into_found(TestId::default())
}

fn frames(found: &Found) -> String {
    let shown = |place: &Place| {
        let function = place.function.as_deref().unwrap_or("-");
        format!("{}:{} {function}", place.file, place.line.unwrap())
    };
    let shown: Vec<String> = found.details.frames.iter().map(shown).collect();
    shown.join(", ")
}

#[test]
fn an_access_with_its_own_frames() {
    let found = read(
        "==7262==ERROR: AddressSanitizer: heap-use-after-free on address 0x7b at pc 0x55 bp 0x7f sp 0x7f\n\
         READ of size 1 at 0x7b thread T0\n    \
         #0 0x55 in list_dealloc /home/b/3.x/build/Objects/listobject.c:4\n    \
         #1 0x7f in f(int, char const*) Modules/x.cc:5:9\n    \
         #2 0x7f  (/usr/lib/libc.so.6+0x29fb9) (BuildId: a2)\n\n\
         0x7b is located 5 bytes inside of 20-byte region\nfreed by thread T0 here:\n    \
         #0 0x7f in free ../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:51\n    \
         #1 0x55 in list_resize Objects/listobject.c:3\n\n\
         SUMMARY: AddressSanitizer: heap-use-after-free /home/b/3.x/build/Objects/listobject.c:4 in list_dealloc",
    );
    assert_eq!(
        found.line.as_deref(),
        Some(
            "SUMMARY: AddressSanitizer: heap-use-after-free Objects/listobject.c:4 in list_dealloc"
        )
    );
    assert_eq!(
        found.details.sanitizer.as_deref(),
        Some("AddressSanitizer: heap-use-after-free")
    );
    assert_eq!(
        frames(&found),
        "Modules/x.cc:5 f(int, char const*), Objects/listobject.c:4 list_dealloc"
    );
    assert_eq!(
        found.excerpt,
        [
            "SUMMARY: AddressSanitizer: heap-use-after-free Objects/listobject.c:4 in list_dealloc",
            "ERROR: AddressSanitizer: heap-use-after-free",
            "READ of size 1 at 0x7b thread T0",
            "    #0 0x55 in list_dealloc Objects/listobject.c:4",
            "    #1 0x7f in f(int, char const*) Modules/x.cc:5:9",
            "freed by thread T0 here:",
            "    #1 0x55 in list_resize Objects/listobject.c:3",
        ]
    );
}

#[test]
fn a_race_of_two_stacks() {
    let found = read(
        "WARNING: ThreadSanitizer: data race (pid=7313)\n  Read of size 4 at 0x55 by thread T2:\n    \
         #0 inc Python/thread.c:3 (python+0x11d9) (BuildId: b6)\n\n  Previous write of size 4 at 0x55 by thread T1:\n    \
         #0 dec Python/thread.c:9 (python+0x11f1)\n\n  Location is global 'counter' of size 4\n\n\
         SUMMARY: ThreadSanitizer: data race Python/thread.c:3 in inc",
    );
    assert_eq!(
        found.details.sanitizer.as_deref(),
        Some("ThreadSanitizer: data race")
    );
    assert_eq!(
        frames(&found),
        "Python/thread.c:9 dec, Python/thread.c:3 inc"
    );
}

#[test]
fn undefined_behaviour_has_its_place_in_the_line() {
    let found = read(
        "test_x (test.test_a.T.test_x) ... /b/build/Python/ceval.c:4:33: runtime error: load of misaligned address 0x02 for type 'int'\n\
         0x02: note: pointer points here\n 00 00 00 00  1c\n             ^ ",
    );
    assert_eq!(
        found.line.as_deref(),
        Some("Python/ceval.c:4:33: runtime error: load of misaligned address 0x02 for type 'int'")
    );
    assert_eq!(frames(&found), "Python/ceval.c:4 -");
    let mut report = Report::begin("a.c:1:2: runtime error: x: y").unwrap();
    assert!(!report.goes_on_with("FAIL") && !report.goes_on_with("b.c:1:2: runtime error: x"));
}

#[test]
fn a_summary_alone_and_other_text() {
    let found = read("SUMMARY: LeakSanitizer: 143 byte(s) leaked in 2 allocation(s).");
    assert_eq!(found.kind, FailureKind::Crash);
    for line in [
        "",
        "gcc -fsanitize=address",
        "checking for AddressSanitizer: no",
        "panic: runtime error: index out of range",
        "AddressSanitizer: CHECK failed",
        "SUMMARY: it went well",
    ] {
        assert!(Report::begin(line).is_none(), "{line}");
    }
}

#[test]
fn the_same_report_again_is_the_same() {
    let one = |address: &str| {
        let line = format!("==1==ERROR: AddressSanitizer: SEGV on unknown address {address}");
        Report::begin(&line).unwrap().into_found(TestId::default())
    };
    assert_eq!(one("0x1f4a22b").apart, one("0x2e4b33c").apart);
    assert_eq!(
        one("0x1").details.sanitizer.as_deref(),
        Some("AddressSanitizer: SEGV")
    );
}
