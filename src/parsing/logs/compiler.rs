//! Errors of compilers, linkers and build tools.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::last_words::top_of_sources;
use super::others::from_sources;
use crate::domain::failure::Place;
use crate::parsing::{excerpt, pattern};

/// Lines kept below the first error.
const MAX_CONTEXT: usize = 8;
/// Most errors that are counted.
const MAX_SEEN: usize = 1000;
/// Longer lines are no compiler's.
const MAX_LINE: usize = 4000;

/// How surely a line is the cause; a greater one wins over what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// `make: *** [Makefile:10: x] Error 1`: something failed.
    Tool,
    /// The compiler says that its linker failed.
    Driver,
    /// The linker, or a tool without a place in a file.
    Linker,
    /// A place in a file.
    Source,
}

/// An error, and what its tool shows below it.
#[derive(Debug, Clone)]
pub(super) struct First {
    weight: Weight,
    /// As printed; the error first.
    pub(super) lines: Vec<String>,
    /// Where it is.
    pub(super) place: Option<Place>,
    /// The number of its line in the log.
    pub(super) number: Option<u64>,
    /// How many more there are.
    pub(super) more: usize,
}

/// The first error of a build, best kind first.
#[derive(Debug, Default, Clone)]
pub(super) struct Errors {
    best: Option<First>,
    /// The first error of a module that the build can do without.
    optional: Option<First>,
    /// The first warning of the documentation, an error if warnings are.
    warning: Option<First>,
    /// `ld: a.o: in function `f':`, to which the next line belongs.
    before: Option<String>,
    is_open: bool,
    /// The errors so far, for those that are printed again.
    seen: HashSet<String>,
}

/// gcc and clang; the `e` of `error` is missing where it stood first in a line
/// of a mail's body.
static UNIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?P<file>[^\s:][^:]*(?::[\\/][^:]*)?):(?P<line>\d+)(?::\d+)?: (?:fatal |internal compiler |sorry, unimplemented: )?error: ",
    )
});
static MSVC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?:\d+>)?(?P<file>\S[^(]*)\((?P<line>\d+)(?:,\d+){0,3}\)\s?: (?:fatal )?error(?: [A-Z]+\d+)?: ",
    )
});
static ASSEMBLER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?P<file>\S+\.[sS]|\{standard input\})(?::(?P<line>\d+))?: (?:Fatal error|Error): ")
});
/// The compilers of Solaris and AIX, of which only the second says what is an error.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^"(?P<file>[^"]+\.(?:c|h|cc|cpp|S|s))", line (?P<line>\d+)(?:\.\d+)?: (?:1506-\d+ \([SU]\) |[a-z#])"#,
    )
});
static LINKER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"undefined reference to |multiple definition of |^(?:\S*/)?(?:[\w-]+-)?(?:ld|lld|gold|mold)(?:\.\w+)?(?:\.exe)?: |^ld64\.lld: |: (?:fatal )?error (?:LNK|MSB|MSBUILD)\d+: |^(?:clang|gcc|cc|cc1|cc1plus|collect2|lto1|lto-wrapper|configure|c\+\+|g\+\+|cl|CMake|ninja|meson\.build|as|ar)[\w.+-]*: (?:fatal |internal compiler )?error: |^configure: error: |^Undefined symbols for architecture|^(?:clang|gcc|cl|link)(?:\.exe)? ?: (?:Command line )?error [A-Z]\d+|^CMake Error|^Generated files not up to date|: error while loading shared libraries: |^dyld(?:\[\d+\])?: |^g?make(?:\[\d+\])?: \*\*\* No rule to make target ",
    )
});
static TOOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:g?make|ninja)(?:\[\d+\])?: \*\*\* \[|Build FAILED\.|ninja: build stopped|(?:(?:/\S*/)?(?:ba|da|k|z)?sh|g?make): .*: (?:(?:[cC]ommand )?not found|No such file or directory|Permission denied)$)",
    )
});
static DOCUMENTATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?P<file>\S[^:]*(?::[\\/][^:]*)?\.(?:rst|py|txt|inc))(?::(?:docstring of [^:]+:)?(?P<line>\d+))?: (?:WARNING|ERROR|CRITICAL|SEVERE): ",
    )
});

/// Words of which one is in every line that is an error, or says something of one.
pub(super) const TELLING: &str = r"rror|ERROR|dyld|ld: |ld\.|link|undefined reference|multiple definition|Undefined symbols|Generated files not|\*\*\*|FAILED\.|stopped|arning|WARNING|Failed to build|sh: |make: ";

impl Errors {
    /// Looks at one line that has one of the [`TELLING`] words.
    pub(super) fn push(&mut self, line: &str, number: Option<u64>) {
        let Some(weight) = (line.len() <= MAX_LINE).then(|| weight(line)).flatten() else {
            self.push_context(line);
            self.push_note(line, number);
            return;
        };
        self.is_open = false;
        if weight == Weight::Linker && is_preamble(line) {
            self.before = Some(line.trim().to_owned());
            return;
        }
        let before = self.before.take();
        if let Some(best) = &mut self.best
            && best.weight >= weight
        {
            // MSBuild repeats every error at its end.
            let is_new = self.seen.len() < MAX_SEEN && self.seen.insert(line.trim().to_owned());
            best.more += usize::from(weight >= Weight::Linker && is_new);
            return;
        }
        self.seen.clear();
        self.seen.insert(line.trim().to_owned());
        let mut lines = vec![line.trim().to_owned()];
        lines.extend(before.filter(|_| weight == Weight::Linker));
        self.is_open = weight >= Weight::Linker;
        self.best = Some(First {
            weight,
            lines,
            place: place(line),
            number,
            more: 0,
        });
    }

    /// The first error.
    pub(super) fn best(&self) -> Option<&First> {
        self.best.as_ref()
    }

    /// Whether the next line may go on with the last error.
    pub(super) fn is_open(&self) -> bool {
        self.is_open || self.before.is_some()
    }

    /// Whether it is more than a tool's word that something failed.
    pub(super) fn has_cause(&self) -> bool {
        self.best
            .as_ref()
            .is_some_and(|first| first.weight > Weight::Tool)
    }

    /// Any other line. The code and notes that compilers show below the error, and
    /// the lines of a list.
    pub(super) fn push_context(&mut self, line: &str) {
        if !self.is_open {
            return;
        }
        match &mut self.best {
            Some(first)
                if (line.starts_with([' ', '\t']) || is_note(line))
                    && first.lines.len() <= MAX_CONTEXT =>
            {
                first.lines.push(line.to_owned());
            }
            _ => self.is_open = false,
        }
    }

    /// What makes an error of what was none, and the other way round.
    fn push_note(&mut self, line: &str, number: Option<u64>) {
        // Python's build goes on without a module that does not compile.
        if line.starts_with("[ERROR] ") && line.contains(" failed to import: ") {
            self.optional.get_or_insert_with(|| First {
                weight: Weight::Linker,
                lines: vec![line.trim().to_owned()],
                place: None,
                number,
                more: 0,
            });
        } else if line.starts_with("Failed to build these modules:") {
            self.optional = self.optional.take().or(self.best.take());
        } else if line.contains("Failed to build some stdlib modules") {
            self.best = self.optional.take().or(self.best.take());
        } else if line.contains("arning") && line.contains("treated as error") {
            // Sphinx.
            let warning = self.warning.take();
            self.best = self.best.take().or(warning);
        } else if self.warning.is_none()
            && line.contains(": ")
            && line.len() <= MAX_LINE
            && (line.contains("WARNING: ") || line.contains("ERROR: "))
            && DOCUMENTATION.is_match(line)
        {
            self.warning = Some(First {
                weight: Weight::Source,
                lines: vec![from_sources(line.trim())],
                place: place_of(&DOCUMENTATION, line),
                number,
                more: 0,
            });
        }
    }
}

fn weight(line: &str) -> Option<Weight> {
    let has = |word: &str| line.contains(word);
    let is_note = has("warning: ") || has(": NOTE: ") || has(": note: ");
    if has("rror") {
        // A warning may speak of errors before its own place in the line.
        let is_source = UNIX.is_match(line) || MSVC.is_match(line) || ASSEMBLER.is_match(line);
        if is_source && !is_warning_first(line) {
            let is_of_msbuild = has(": error MSB");
            return Some(if is_of_msbuild {
                Weight::Linker
            } else {
                Weight::Source
            });
        }
    }
    if is_note {
        return None;
    }
    if line.starts_with('"') && QUOTED.is_match(line) {
        return Some(Weight::Source);
    }
    let is_of_linker = has("rror")
        || has("ld: ")
        || has("ld.")
        || has("lld: ")
        || has("link")
        || has("undefined reference to ")
        || has("multiple definition of ")
        || has("Undefined symbols")
        || has("Generated files not up to date")
        || has("No rule to make target ")
        || line.starts_with("dyld");
    if is_of_linker && LINKER.is_match(line) {
        let is_driver = has("ld returned ") || has("linker command failed") || has("LNK1120");
        return Some(if is_driver {
            Weight::Driver
        } else {
            Weight::Linker
        });
    }
    ((has("***") || has("FAILED.") || has("build stopped") || has("sh: ") || has("make: "))
        && TOOL.is_match(line))
    .then_some(Weight::Tool)
}

/// `a.c:1:2: warning: … error: …`
fn is_warning_first(line: &str) -> bool {
    let at = |word: &str| line.find(word);
    match (at("arning: "), at("rror")) {
        (Some(warning), Some(error)) => warning < error,
        _ => false,
    }
}

/// A line that only says where the next one belongs.
fn is_preamble(line: &str) -> bool {
    let line = line.trim_end();
    line.ends_with(':')
        && (line.contains("in function ")
            || line.contains("In function ")
            || line.contains("configure: error: in "))
}

/// Lines of other files that belong to an error.
fn is_note(line: &str) -> bool {
    line.starts_with("Perhaps you forgot to run ")
        || line.contains(": note: ")
        || line.contains(": note C")
        || line.starts_with("In file included ")
}

fn place(line: &str) -> Option<Place> {
    [&UNIX, &MSVC, &ASSEMBLER, &QUOTED]
        .into_iter()
        .find_map(|form| place_of(form, line))
        .filter(|place| place.file != "{standard input}" && !is_temporary(&place.file))
}

/// What a compiler hands to the assembler: `/tmp/cc1a2b3c.s`.
fn is_temporary(file: &str) -> bool {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.starts_with("cc") && name.ends_with(".s")
}

fn place_of(form: &Regex, line: &str) -> Option<Place> {
    let found = form.captures(line)?;
    let file = excerpt::without_project(found.name("file")?.as_str());
    Some(Place {
        file: top_of_sources(&file),
        line: found
            .name("line")
            .and_then(|line| line.as_str().parse().ok()),
        function: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> Errors {
        let mut errors = Errors::default();
        for (line, number) in log.lines().zip(1..) {
            errors.push(line, Some(number));
        }
        errors
    }

    fn check(log: &str, line: &str, more: usize) {
        let errors = read(log);
        let first = errors.best().unwrap();
        assert_eq!((first.lines[0].as_str(), first.more), (line, more), "{log}");
    }

    #[test]
    fn the_first_error_of_the_best_kind() {
        check(
            "make: *** [Makefile:1: x] Error 1\nObjects/a.c:3:44: warning: implicit\nObjects/a.c:3:71: error: expected ')'\n    3 | x\n      | ^\nb.c:1:1: error: y\n",
            "Objects/a.c:3:71: error: expected ')'",
            1,
        );
        check(
            "C:\\b\\Objects\\a.c(31,17): error C2065: 'x': undeclared [C:\\b\\p.vcxproj]\n",
            "C:\\b\\Objects\\a.c(31,17): error C2065: 'x': undeclared [C:\\b\\p.vcxproj]",
            0,
        );
        for line in [
            "12>a.cpp(3): fatal error C1083: no file",
            "LINK : fatal error LNK1104: cannot open file 'x.lib'",
            "C:\\b\\p.targets(1,2): error MSB3073: The command exited with code 1.",
            "configure: error: no acceptable C compiler found in $PATH",
            "/bin/sh: 1: ./configure: not found",
            "\"./Modules/a.c\", line 92: undefined symbol: AT_FDCWD",
            "\"./Modules/a.c\", line 31.10: 1506-296 (S) #include file <b.h> not found.",
            "./python: error while loading shared libraries: libx.so.1: cannot open",
            "dyld[23]: Library not loaded: /usr/local/lib/libx.3.dylib",
            "make[2]: *** [Makefile:10: Objects/a.o] Error 1",
            "x.h:1:1: fatal error: y.h: No such file",
            "x.c:1:1: internal compiler error: Segmentation fault",
            "/tmp/cc1.s:12: Error: no such instruction: `foo'",
            "{standard input}:12: Error: bad register",
            "/usr/bin/x86_64-linux-gnu-ld.bfd: cannot find -lssl: No such file or directory",
            "ld: symbol(s) not found for architecture arm64",
            "Generated files not up to date",
            "make[2]: *** No rule to make target 'Include/a.h', needed by 'b.o'.  Stop.",
        ] {
            check(&format!("{line}\n"), line, 0);
        }
    }

    #[test]
    fn a_linkers_error_is_more_than_where_it_stands() {
        check(
            "/usr/bin/ld: a.o: in function `f':\na.c:(.text+0x5): undefined reference to `g'\ncollect2: error: ld returned 1 exit status\n",
            "a.c:(.text+0x5): undefined reference to `g'",
            0,
        );
        check(
            "configure: error: in '/b/build':\nconfigure: error: C compiler cannot create executables\n",
            "configure: error: C compiler cannot create executables",
            0,
        );
        check(
            "clang: error: linker command failed with exit code 1\nld: library not found for -lfoo\n",
            "ld: library not found for -lfoo",
            0,
        );
    }

    #[test]
    fn context_and_place() {
        let errors = read(
            "gcc -c\n/home/b/3.x/build/Objects/a.c:3:71: error: expected ')'\n    3 | x\n      | ^\nObjects/a.c:1:1: note: to match\n   y\nz\n   no\n",
        );
        let first = errors.best().unwrap();
        assert_eq!(first.lines.len(), 5, "{first:?}");
        assert_eq!(first.number, Some(2));
        let place = first.place.as_ref().unwrap();
        assert_eq!((place.file.as_str(), place.line), ("Objects/a.c", Some(3)));
        let errors = read(" 3>D:\\b\\build\\Objects\\a.c(31,17): error C2065: x [D:\\p.vcxproj]\n");
        let place = errors.best().unwrap().place.as_ref().unwrap();
        assert_eq!(
            (place.file.as_str(), place.line),
            ("Objects\\a.c", Some(31))
        );
    }

    #[test]
    fn modules_that_the_build_can_do_without() {
        let log = "Modules/_x.c:1:1: error: x\n\nFailed to build these modules:\n_x\n";
        assert!(read(log).best().is_none());
        let strict = format!("{log}RuntimeError: Failed to build some stdlib modules\n");
        check(&strict, "Modules/_x.c:1:1: error: x", 0);
        let note = "Following modules built successfully but were removed because they could not be imported:\n_x\n";
        assert!(read(note).best().is_none());
    }

    #[test]
    fn warnings_of_the_documentation_count_where_they_are_errors() {
        let log = "/b/Doc/library/os.rst:12: WARNING: undefined label: 'x'\n";
        assert!(read(log).best().is_none());
        check(
            &format!(
                "{log}build finished with problems, 1 warning (with warnings treated as errors).\n"
            ),
            "/b/Doc/library/os.rst:12: WARNING: undefined label: 'x'",
            0,
        );
    }

    #[test]
    fn other_lines() {
        for line in [
            "",
            "error",
            "test_x: error: in a message",
            "OSError: x",
            "a.c:3:44: warning: error: x",
            "make buildbottest",
            "ld: warning: x.dylib was built for newer macOS version",
            "/usr/bin/ld: NOTE: This behaviour is deprecated",
            "posixmodule.c:(.text+0x1): warning: the use of `tmpnam' is dangerous",
            "checking for ld used by gcc... /usr/bin/ld",
            "old: value",
            "gcc -o x -Wl,--error: no",
        ] {
            assert!(read(&format!("{line}\n")).best().is_none(), "{line}");
        }
    }
}
