use expect_test::{Expect, expect};

use super::*;
use crate::domain::failure::Failure;

/// A failure of a test with a log of four lines.
fn subject() -> Subject {
    let failure = serde_json::json!({
        "test": {"file": "test_asyncio.test_events", "class": "SelectLoopTests",
                 "method": "test_create_server", "subtest": null},
        "kind": "error",
        "exception": "ssl.SSLError",
        "message": "[SSL: BAD] the server said \"no\"",
        "line": "ssl.SSLError: [SSL: BAD] the server said \"no\"",
        "excerpt": ["Traceback (most recent call last):",
                    "  File \"a.py\", line 7, in connect",
                    "  File \"b.py\", line 9, in accept"],
        "signature": "v2:ab", "flaky": false
    });
    let failure: Failure = serde_json::from_value(failure).unwrap();
    Subject::of("AMD64 Fedora Stable 3.x", Some("3.x"), &failure)
}

#[track_caller]
fn holds(condition: &str, expected: bool) {
    let parsed = parse(condition).unwrap_or_else(|faults| panic!("{condition}: {faults:?}"));
    assert_eq!(parsed.holds(&subject()), expected, "{condition}");
}

/// What is wrong with each of some conditions: the byte, the words, the remedy.
#[track_caller]
fn wrong(conditions: &[&str], expect: Expect) {
    let mut told = String::new();
    for condition in conditions {
        let shown: String = condition.chars().take(30).collect();
        told.push_str(&format!("{shown}\n"));
        for fault in parse(condition).expect_err(condition) {
            let Fault { at, what, remedy } = fault;
            told.push_str(&format!("  {at}: {what}; {remedy}\n"));
        }
    }
    expect.assert_eq(&told);
}

#[test]
fn fields_are_compared_and_searched() {
    for (condition, expected) in [
        (r#"module == "test_asyncio.test_events""#, true),
        (r#"module == "test_asyncio""#, true),
        (r#"module == "test_events""#, false),
        (r#"module != "test_os""#, true),
        (r#"module != "test_asyncio""#, false),
        ("module ~ /^test_async/", true),
        ("module !~ /^test_async/", false),
        (r#"class == "SelectLoopTests""#, true),
        (r#"method == "test_create""#, false),
        ("method ~ /create/", true),
        (r#"kind == "error""#, true),
        (r#"kind == "ERROR""#, true),
        (r#"kind == "crash""#, false),
        (r#"builder == "AMD64 Fedora Stable 3.x""#, true),
        (r#"os == "fedora" && os == "Linux""#, true),
        (r#"os == "windows""#, false),
        (r#"arch == "amd64""#, true),
        (r#"branch == "3.x""#, true),
        (r#"exception == "SSLError""#, true),
        (r#"exception == "ssl.SSLError""#, true),
        (r#"message ~ /said "no"$/"#, true),
        (r#"message == "[SSL: BAD] the server said \"no\"""#, true),
        ("log ~ /line [0-9], in accept$/", true),
        // The line that says it best belongs to the log, too.
        ("log ~ /^ssl.SSLError: /", true),
        ("log ~ /(?i)TRACEBACK/", true),
        (r"log ~ /\/a.py/", false),
    ] {
        holds(condition, expected);
    }
}

#[test]
fn tests_are_joined() {
    for (condition, expected) in [
        (r#"kind == "crash" || kind == "error""#, true),
        // && binds more than ||, ! more than both.
        (
            r#"kind == "error" || kind == "crash" && os == "windows""#,
            true,
        ),
        (
            r#"(kind == "error" || kind == "crash") && os == "windows""#,
            false,
        ),
        (r#"!kind == "crash" && os == "linux""#, true),
        (r#"!(kind == "error" && os == "linux")"#, false),
        (r#"!!(kind == "error")"#, true),
        ("\n  kind == \"error\"\n  && os == \"linux\"\n", true),
    ] {
        holds(condition, expected);
    }
}

#[test]
fn patterns_are_found_one_behind_the_other() {
    for (condition, expected) in [
        ("log ~ /in connect/ then /in accept/", true),
        ("log ~ /in accept/ then /in connect/", false),
        ("log !~ /in accept/ then /in connect/", true),
        ("log ~ /File/ then /File/ then /SSL/", true),
        ("log ~ /File/ then /File/ then /File/", false),
        // In the same line, and never what was matched already.
        ("message ~ /BAD/ then /server/", true),
        ("message ~ /BAD.*/ then /server/", false),
        // A dot does not leave the line.
        ("log ~ /Traceback.*in connect/", false),
        ("log ~ /^Traceback/ then /^  File/", true),
    ] {
        holds(condition, expected);
    }
}

#[test]
fn of_what_is_not_told_only_the_opposite_holds() {
    let empty = Subject::described(Vec::new());
    for field in Field::ALL {
        let word = field.words().map_or("x", |words| words[0]);
        for (test, expected) in [
            (format!("{} == {word:?}", field.name()), false),
            (format!("{} != {word:?}", field.name()), true),
            (format!("{} ~ /./", field.name()), false),
            (format!("{} !~ /./", field.name()), true),
        ] {
            assert_eq!(parse(&test).unwrap().holds(&empty), expected, "{test}");
        }
    }
}

#[test]
fn builders_tell_of_systems_and_processors() {
    for (builder, systems, processors) in [
        ("AMD64 Fedora Stable 3.x", "fedora linux", "amd64"),
        ("x86-64 macOS 3.13", "macos", "amd64"),
        ("x86 Gentoo Non-Debug with X 3.x", "gentoo linux", "x86"),
        ("AMD64 Arch Linux Asan 3.x", "linux arch", "amd64"),
        ("ARM64 Windows Non-Debug 3.x", "windows", "arm64"),
        ("aarch64 RHEL8 LTO 3.x", "rhel linux", "arm64"),
        ("ARM Raspbian 3.x", "raspbian linux", "arm"),
        ("PPC64LE CentOS9 NoGIL 3.x", "centos linux", "ppc64le"),
        ("s390x SLES 3.x", "suse linux", "s390x"),
        ("RISC-V 64-bit Ubuntu 3.x", "ubuntu linux", "riscv64"),
        ("wasm32-wasi 3.x", "wasi", "wasm32"),
        ("AMD64 FreeBSD14 3.x", "freebsd", "amd64"),
        ("Tests / windows-latest (x64)", "windows", "amd64"),
        ("iOS ARM64 Simulator 3.x", "ios", "arm64"),
        ("aarch64 Android 3.x", "android", "arm64"),
        ("somebody's machine", "", ""),
    ] {
        let subject = Subject::described(vec![(Field::Builder, builder.to_owned())]);
        let told = |field| subject.values(field).collect::<Vec<_>>().join(" ");
        assert_eq!(told(Field::Os), systems, "{builder}");
        assert_eq!(told(Field::Arch), processors, "{builder}");
    }
    let written = Subject::described(vec![
        (Field::Builder, "AMD64 Fedora 3.x".to_owned()),
        (Field::Os, "windows".to_owned()),
    ]);
    assert_eq!(written.values(Field::Os).collect::<Vec<_>>(), ["windows"]);
}

#[test]
fn a_description_is_filled_from_another_where_it_is_silent() {
    let told = Subject::described(vec![(Field::Kind, "crash".to_owned())]);
    let both = told.filled_from(&subject());
    assert_eq!(both.values(Field::Kind).collect::<Vec<_>>(), ["crash"]);
    let modules: Vec<&str> = both.values(Field::Module).collect();
    assert_eq!(modules, ["test_asyncio.test_events", "test_asyncio"]);
}

#[test]
fn a_wrong_test_is_told_with_its_place() {
    let conditions = [
        r#"modul == "x""#,
        r#"module = "x""#,
        r#"module =~ "x""#,
        "module == x",
        r#"module == "x"#,
        "module == /x/",
        r#"module ~ "x""#,
        "module",
        "log ~ /x",
        "log ~ /(x/ && log ~ /[/",
        "log ~ //",
        "module ~ /a/ then /b/",
        r#"log ~ /a/ then "b""#,
        r#"os == "widnows" || kind == "dead""#,
    ];
    wrong(
        &conditions,
        expect![[r#"
        modul == "x"
          0: there is no field "modul"; there are: module, class, method, kind, builder, os, arch, branch, exception, message, log
        module = "x"
          7: "=" means nothing here; write ==
        module =~ "x"
          7: "=~" means nothing here; write ~
        module == x
          10: == and != compare with a text; write it in "double quotes"; a /pattern/ is looked for with ~
        module == "x
          10: this text has no end; end it with a " on the same line; write a quote within it as \"
        module == /x/
          10: == and != compare with a text; write it in "double quotes"; a /pattern/ is looked for with ~
        module ~ "x"
          9: ~, !~ and then look for a pattern; write it between /slashes/; a "text" is compared with ==
        module
          6: behind module one of ==, !=, ~ and !~ is expected; write for example: module == "test_os", log ~ /timed out/
        log ~ /x
          6: this pattern has no end; end it with a / on the same line; write a slash within it as \/
        log ~ /(x/ && log ~ /[/
          6: /(x/ is not a pattern: unclosed group; put a backslash before ( ) [ ] { } . * + ? ^ $ | that stand for themselves
          20: /[/ is not a pattern: unclosed character class; put a backslash before ( ) [ ] { } . * + ? ^ $ | that stand for themselves
        log ~ //
          6: the pattern is empty: everything has it; write what is to be found between the slashes
        module ~ /a/ then /b/
          9: module has no order to look at; patterns with then are for log and message; here join two tests with &&
        log ~ /a/ then "b"
          15: ~, !~ and then look for a pattern; write it between /slashes/; a "text" is compared with ==
        os == "widnows" || kind == "de
          6: os is never "widnows"; there are: linux, fedora, debian, ubuntu, rhel, centos, gentoo, arch, suse, alpine, raspbian, windows, macos, freebsd, openbsd, netbsd, dragonflybsd, solaris, aix, android, ios, emscripten, wasi, cygwin
          27: kind is never "dead"; there are: failure, error, import_error, unexpected_success, crash, timeout, leak, env_changed, compile, infrastructure, other
    "#]],
    );
}

#[test]
fn what_is_wrong_around_tests_is_told_with_its_place() {
    let conditions = [
        "",
        r#"module == "x" module == "y""#,
        r#"module == "x" and os == "linux""#,
        r#"module == "x" & os == "linux""#,
        r#"not module == "x""#,
        r#"(module == "x""#,
        r#"(module == "x" "y""#,
        r#"module == "x")"#,
        r#"module == "x" &&"#,
        r#"module == "x" then /y/"#,
        "&& module",
        "\u{1F980}",
    ];
    wrong(
        &conditions,
        expect![[r#"

          0: it is empty; write for example: module == "test_os"
        module == "x" module == "y"
          14: module is not expected here; write && or || between two tests
        module == "x" and os == "linux
          14: and is not expected here; write &&
        module == "x" & os == "linux"
          14: "&" means nothing here; write &&
        not module == "x"
          0: "not" means nothing here; write ! in front of the test or the bracket
        (module == "x"
          0: this bracket is not closed: it ends where a ) should be; close the bracket, or write && or || between two tests
        (module == "x" "y"
          15: "y" stands where a ) should be; close the bracket, or write && or || between two tests
        module == "x")
          13: ) is not expected here; remove it, or open the bracket before
        module == "x" &&
          16: it ends where a test should be; write another test, or remove what stands last
        module == "x" then /y/
          14: then is not expected here; write it between two patterns: log ~ /A/ then /B/
        && module
          0: && stands where a field should be; a test begins with one of: module, class, method, kind, builder, os, arch, branch, exception, message, log
        🦀
          0: "🦀" means nothing here; a text stands in "double quotes", a pattern between /slashes/
    "#]],
    );
}

#[test]
fn what_is_written_is_bounded() {
    let conditions = [
        "!".repeat(30),
        format!("log ~ /{}/", "x".repeat(501)),
        r"log ~ /(\w{100}){100}/".to_owned(),
        [r#"module == "x""#; 51].join(" || "),
        format!("log ~ /a/{}", " then /a/".repeat(50)),
        "x".repeat(4001),
    ];
    let conditions: Vec<&str> = conditions.iter().map(String::as_str).collect();
    wrong(
        &conditions,
        expect![[r#"
        !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
          20: more than 20 brackets stand in each other; make several rules of it
        log ~ /xxxxxxxxxxxxxxxxxxxxxxx
          6: the pattern is longer than 500 bytes; leave out what does not matter; several can stand in a row: /A/ then /B/
        log ~ /(\w{100}){100}/
          6: /(\w{100}){100}/ is not a pattern: it is too large; repeat less: .* says as much as .{1000}
        module == "x" || module == "x"
          850: it has more than 50 tests; make several rules of it
        log ~ /a/ then /a/ then /a/ th
          447: more than 50 patterns stand in a row; fewer will do
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          0: it is longer than 4000 bytes; make several rules of it
    "#]],
    );
}

fn rule(name: &str, issue: u64, when: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        issue,
        when: when.to_owned(),
        condition: parse(when).unwrap(),
        sample: subject(),
        note: None,
        line: 1,
    }
}

#[test]
fn the_first_rule_comes_first() {
    let rulebook = Rulebook::new(vec![
        rule("a", 1, r#"kind == "crash""#),
        rule("b", 2, r#"kind == "error""#),
        rule("c", 3, r#"os == "linux""#),
    ]);
    let subject = subject();
    let names: Vec<&str> = rulebook
        .taking(&subject)
        .map(|rule| rule.name.as_str())
        .collect();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(Rulebook::none().digest(), "");
}
