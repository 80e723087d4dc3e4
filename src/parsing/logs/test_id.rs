//! From the ways in which test runners name a test to a [`TestId`].

use std::borrow::Cow;

use super::found::clipped;
use crate::domain::failure::TestId;

/// Longest name of a test with its place, in bytes.
const MAX_NAME: usize = 1000;

/// Reads `name (dotted)rest` as unittest prints it:
///
/// * `test_x (test.test_mod.Class)` up to Python 3.10,
/// * `test_x (test.test_mod.Class.test_x)` from 3.11 on,
/// * `setUpClass (test.test_mod.Class)`, `setUpModule (test.test_mod)`,
/// * `test_mod (unittest.loader._FailedTest[.test_mod])` for a failed import,
/// * `name ()` for a doctest,
///
/// each followed by what `subTest` added: ` [msg] (i=1)`.
pub(super) fn parse(text: &str) -> Option<TestId> {
    let (name, rest) = text.split_once(" (")?;
    let (dotted, rest) = rest.split_once(')')?;
    let is_name = |text: &str| {
        text.chars()
            .all(|ch| ch.is_alphanumeric() || "_.<>-".contains(ch))
    };
    let is_place = dotted.is_empty()
        || dotted.contains('.')
        || name.contains("test")
        || dotted.contains("test");
    let subtest = rest.trim();
    let is_subtest = subtest.is_empty() || rest.starts_with(" [") || rest.starts_with(" (");
    let is_short = name.len() + dotted.len() <= MAX_NAME;
    if !is_short
        || name.is_empty()
        || !is_name(name)
        || !is_name(dotted)
        || !is_place
        || !is_subtest
    {
        return None;
    }
    let mut test = of_parts(name, dotted);
    test.subtest = (!subtest.is_empty()).then(|| clipped(subtest).to_owned());
    Some(test)
}

/// The test `name` in `dotted`, which may repeat the name at its end.
pub(super) fn of_parts(name: &str, dotted: &str) -> TestId {
    if dotted.starts_with("unittest.loader.") {
        // Also an attribute that a file has not; then the file is not named.
        let file = Some(without_test(name)).filter(|name| name.contains("test"));
        return TestId {
            file: file.map(str::to_owned),
            ..TestId::default()
        };
    }
    if dotted.is_empty() {
        return doctest(name);
    }
    if name.ends_with("case.FunctionTestCase") && !dotted.contains('.') {
        // unittest names the function in the place.
        return TestId {
            method: Some(dotted.to_owned()),
            ..TestId::default()
        };
    }
    let dotted = without_test(dotted);
    let without_name = dotted
        .strip_suffix(name)
        .and_then(|place| place.strip_suffix('.'));
    let place = without_name.unwrap_or(dotted);
    let is_module = matches!(name, "setUpModule" | "tearDownModule");
    let (file, class) = match place.rsplit_once('.') {
        _ if is_module => (place, None),
        // A script: its file is not named.
        Some(("__main__", class)) => ("", Some(class)),
        // The strings in a module's `__test__` are doctests.
        Some((file, "__test__")) => (file, None),
        // What stands before the method is a class, whatever it is called.
        Some((file, class)) if without_name.is_some() && split_class(place).1.is_none() => {
            (file, Some(class))
        }
        _ => split_class(place),
    };
    TestId {
        file: file_name(file),
        class: class.map(str::to_owned),
        method: Some(name.to_owned()),
        subtest: None,
    }
}

/// The file and method of a frame: `…/Lib/test/test_os.py` and a function that
/// looks like a test's. `None` for a frame outside the tests.
pub(super) fn file_of_path(path: &str) -> Option<String> {
    memchr::memmem::find(path.as_bytes(), b"test")?;
    let path = match path.contains('\\') {
        true => Cow::Owned(path.replace('\\', "/")),
        false => Cow::Borrowed(path),
    };
    let stem = path.strip_suffix(".py")?;
    let inside = stem.get(start_of_tests(stem)?..)?;
    let inside = inside.strip_suffix("/__init__").unwrap_or(inside);
    inside.starts_with("test").then(|| inside.replace('/', "."))
}

/// Where the names of tests begin in a path: behind the last `/lib/test/`, else the
/// last `/test/`, `/tests/` or `/idle_test/`, in letters of either size. In one pass:
/// every frame of every thread asks.
fn start_of_tests(path: &str) -> Option<usize> {
    let mut starts = [None; 4];
    let mut above = "";
    let mut at = path.find('/')? + 1;
    while let Some(length) = path.get(at..)?.find('/') {
        let folder = path.get(at..at + length)?;
        at += length + 1;
        let is = |name: &str| folder.eq_ignore_ascii_case(name);
        let is_library = is("test") && above.eq_ignore_ascii_case("lib");
        let named = [is_library, is("test"), is("tests"), is("idle_test")];
        for (start, is_here) in starts.iter_mut().zip(named) {
            if is_here {
                *start = Some(at);
            }
        }
        above = folder;
    }
    starts.into_iter().flatten().next()
}

/// Whether a function is one that unittest calls.
pub(super) fn is_test_function(name: &str) -> bool {
    name.starts_with("test")
        || matches!(
            name,
            "setUp"
                | "tearDown"
                | "setUpClass"
                | "tearDownClass"
                | "setUpModule"
                | "tearDownModule"
                | "asyncSetUp"
                | "asyncTearDown"
        )
}

/// Whether the test belongs to what regrtest calls `file`: `test_json` runs
/// `test_json.test_decode`.
pub(super) fn is_in_file(test: &TestId, file: &str) -> bool {
    test.file.as_deref().is_some_and(|own| {
        own == file
            || own
                .strip_prefix(file)
                .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// A file's name as the domain has it: regrtest says `test.test_asyncio.test_x`
/// for some, and `test_os` for others.
pub(super) fn without_test(name: &str) -> &str {
    let name = name.strip_prefix("Lib.").unwrap_or(name);
    name.strip_prefix("test.").unwrap_or(name)
}

fn doctest(name: &str) -> TestId {
    let name = without_test(name);
    let (place, method) = name.rsplit_once('.').unwrap_or(("", name));
    let place = place.strip_suffix(".__test__").unwrap_or(place);
    let (file, class) = match place.strip_prefix("__main__.") {
        Some(class) => ("", Some(class)),
        None => split_class(place),
    };
    TestId {
        file: file_name(file).filter(|file| file.starts_with("test")),
        class: class.map(str::to_owned),
        method: Some(method.to_owned()),
        subtest: None,
    }
}

fn file_name(file: &str) -> Option<String> {
    (!file.is_empty() && file != "__main__").then(|| file.to_owned())
}

/// Classes begin with a capital or stand in `<locals>`; without one the last
/// part is the class, unless it looks like a test file.
fn split_class(place: &str) -> (&str, Option<&str>) {
    let mut at = 0;
    for part in place.split('.') {
        let begins_class = part.starts_with(|ch: char| ch.is_uppercase() || ch == '<')
            || part.trim_start_matches('_').starts_with(char::is_uppercase);
        if begins_class {
            let file = place.get(..at).unwrap_or_default();
            return (file.trim_end_matches('.'), place.get(at..));
        }
        at += part.len() + 1;
    }
    match place.rsplit_once('.') {
        Some((file, class)) if !class.starts_with("test_") => (file, Some(class)),
        _ => (place, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let test = parse(text).unwrap();
        let parts = [&test.file, &test.class, &test.method, &test.subtest];
        let shown: Vec<&str> = parts.map(|part| part.as_deref().unwrap_or("-")).to_vec();
        assert_eq!(shown.join(" | "), expected, "{text}");
    }

    #[test]
    fn both_forms_of_every_runner() {
        check(
            "test_x (test.test_os.PathTests)",
            "test_os | PathTests | test_x | -",
        );
        check(
            "test_x (test.test_os.PathTests.test_x)",
            "test_os | PathTests | test_x | -",
        );
        check(
            "test_x (test.test_asyncio.test_events.SelectTests.test_x) [neg (1)] (i=1, m='a')",
            "test_asyncio.test_events | SelectTests | test_x | [neg (1)] (i=1, m='a')",
        );
        check(
            "setUpClass (test.test_colorsys.Fails)",
            "test_colorsys | Fails | setUpClass | -",
        );
        check(
            "setUpModule (test.test_ssl)",
            "test_ssl | - | setUpModule | -",
        );
        check(
            "tearDownModule (test.test_a.test_b)",
            "test_a.test_b | - | tearDownModule | -",
        );
        check("test_x (__main__.T.test_x)", "- | T | test_x | -");
        check(
            "__main__.test_Lower.basics ()",
            "- | test_Lower | basics | -",
        );
        check(
            "basics (__main__.test_Lower)",
            "- | test_Lower | basics | -",
        );
        check(
            "unittest.case.FunctionTestCase (check_all)",
            "- | - | check_all | -",
        );
        check(
            "test_mod (unittest.loader._FailedTest)",
            "test_mod | - | - | -",
        );
        check(
            "test.test_mod (unittest.loader._FailedTest.test.test_mod)",
            "test_mod | - | - | -",
        );
    }

    #[test]
    fn doctests_and_odd_names() {
        check("merge ()", "- | - | merge | -");
        check(
            "test.test_generators.__test__.tut ()",
            "test_generators | - | tut | -",
        );
        check(
            "tut (test.test_generators.__test__)",
            "test_generators | - | tut | -",
        );
        check(
            "test_x (test.test_u.test_lower.test_x)",
            "test_u | test_lower | test_x | -",
        );
        check(
            "test_utf-8 (test.test_u.T.test_utf-8) (data=b'\\x00(x)', name='a) (b')",
            "test_u | T | test_utf-8 | (data=b'\\x00(x)', name='a) (b')",
        );
        check(
            "Missing (unittest.loader._FailedTest.Missing)",
            "- | - | - | -",
        );
        check(
            "test_x (test.test_u._Base.test_x)",
            "test_u | _Base | test_x | -",
        );
        check(
            "test_x (test.test_u.lower_case.test_x)",
            "test_u | lower_case | test_x | -",
        );
        check(
            "test_x (test.test_u.T.test_y.<locals>.Inner.test_x)",
            "test_u | T.test_y.<locals>.Inner | test_x | -",
        );
        check(
            "test_x (idlelib.idle_test.test_config.C.test_x)",
            "idlelib.idle_test.test_config | C | test_x | -",
        );
    }

    #[test]
    fn other_text_is_no_test() {
        for text in [
            "",
            "see (above)",
            "a b (c.d)",
            "test_x test.test_os",
            "Exit (code 1)",
            "x (a b)",
            "test_x (a.b.C) and more",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn files_of_paths() {
        for (path, file) in [
            (
                "/home/test/3.x.w/build/Lib/test/test_string.py",
                Some("test_string"),
            ),
            (
                r"C:\b\3.x\build\lib\test\test_asyncio\test_events.py",
                Some("test_asyncio.test_events"),
            ),
            ("/b/Lib/test/test_json/__init__.py", Some("test_json")),
            ("/b/Lib/ctypes/test/test_x.py", Some("test_x")),
            ("/b/Lib/test/libregrtest/single.py", None),
            ("/b/Lib/test/support/__init__.py", None),
            ("/b/Lib/queue.py", None),
            ("<string>", None),
        ] {
            assert_eq!(file_of_path(path).as_deref(), file, "{path}");
        }
    }
}
