//! Errors of compilers, linkers and build tools.

use std::sync::LazyLock;

use regex::Regex;

use crate::parsing::pattern;

/// Lines kept below the first error.
const MAX_CONTEXT: usize = 8;

/// How surely a line is the cause; a greater one wins over what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// `make: *** [Makefile:10: x] Error 1`: something failed.
    Tool,
    /// The linker, or a tool without a place in a file.
    Linker,
    /// A place in a file.
    Source,
}

/// The first error of a build, best kind first.
#[derive(Debug, Default, Clone)]
pub(super) struct Errors {
    best: Option<(Weight, Vec<String>)>,
    more: usize,
    is_open: bool,
}

static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    // gcc and clang; the `e` of `error` is missing where it stood first in a
    // line of a mail's body. Then MSVC.
    pattern(
        r"^\s*[^\s:][^:]*(?::\\[^:]*)?:\d+(?::\d+)?: (?:fatal |internal compiler )?error: |^\s*(?:\d+>)?\S.*\(\d+(?:,\d+)?\)\s?: (?:fatal )?error [A-Z]+\d+: ",
    )
});
static LINKER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"undefined reference to |^(?:\S*/)?ld(?:\.\w+)?: |: (?:fatal )?error (?:LNK|MSB)\d+: |^(?:clang|gcc|cc|collect2|configure|c\+\+|g\+\+)[\w.-]*: (?:fatal )?error: |^Undefined symbols for architecture",
    )
});
static TOOL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:g?make(?:\[\d+\])?: \*\*\* \[|Build FAILED\.)"));

impl Errors {
    /// Looks at one line.
    pub(super) fn push(&mut self, line: &str) {
        let Some(weight) = weight(line) else {
            self.push_context(line);
            return;
        };
        self.is_open = false;
        if let Some((best, lines)) = &self.best
            && *best >= weight
        {
            // MSBuild repeats every error at its end.
            let is_repeated = lines.first().is_some_and(|first| first == line.trim());
            self.more += usize::from(weight >= Weight::Linker && !is_repeated);
            return;
        }
        self.best = Some((weight, vec![line.trim().to_owned()]));
        self.is_open = weight == Weight::Source;
        self.more = 0;
    }

    /// The first error's line and what follows it, and how many more there are.
    pub(super) fn best(&self) -> Option<(&[String], usize)> {
        self.best
            .as_ref()
            .map(|(_, lines)| (lines.as_slice(), self.more))
    }

    /// Whether the next line may go on with the last error.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether it is more than a tool's word that something failed.
    pub(super) fn has_cause(&self) -> bool {
        self.best
            .as_ref()
            .is_some_and(|(weight, _)| *weight > Weight::Tool)
    }

    /// The code that gcc and clang show below the error, indented.
    fn push_context(&mut self, line: &str) {
        if !self.is_open {
            return;
        }
        match &mut self.best {
            Some((_, lines)) if line.starts_with(' ') && lines.len() <= MAX_CONTEXT => {
                lines.push(line.to_owned());
            }
            _ => self.is_open = false,
        }
    }
}

fn weight(line: &str) -> Option<Weight> {
    if line.len() > 4000 {
        return None;
    }
    let has = |word: &str| line.contains(word);
    if has("rror") {
        if SOURCE.is_match(line) {
            return Some(Weight::Source);
        }
        if LINKER.is_match(line) {
            return Some(Weight::Linker);
        }
    }
    if (has("ld: ") || has("undefined reference to ") || has("Undefined symbols"))
        && LINKER.is_match(line)
    {
        return Some(Weight::Linker);
    }
    ((has("make") || has("FAILED.")) && TOOL.is_match(line)).then_some(Weight::Tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, line: &str, more: usize) {
        let mut errors = Errors::default();
        log.lines().for_each(|line| errors.push(line));
        let (lines, others) = errors.best().unwrap();
        assert_eq!((lines[0].as_str(), others), (line, more), "{log}");
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
        check(
            "  12>a.cpp(3): fatal error C1083: no file\n",
            "12>a.cpp(3): fatal error C1083: no file",
            0,
        );
        check(
            "LINK : fatal error LNK1104: cannot open file 'x.lib'\n",
            "LINK : fatal error LNK1104: cannot open file 'x.lib'",
            0,
        );
        check(
            "/usr/bin/ld: a.o: in function `f':\na.c:(.text+0x5): undefined reference to `g'\ncollect2: error: ld returned 1 exit status\n",
            "/usr/bin/ld: a.o: in function `f':",
            2,
        );
        check(
            "configure: error: no acceptable C compiler found in $PATH\n",
            "configure: error: no acceptable C compiler found in $PATH",
            0,
        );
        check(
            "make[2]: *** [Makefile:10: Objects/a.o] Error 1\n",
            "make[2]: *** [Makefile:10: Objects/a.o] Error 1",
            0,
        );
        check(
            "x.h:1:1: fatal error: y.h: No such file\n",
            "x.h:1:1: fatal error: y.h: No such file",
            0,
        );
    }

    #[test]
    fn other_lines() {
        let mut errors = Errors::default();
        for line in [
            "",
            "error",
            "test_x: error: in a message",
            "OSError: x",
            "a.c:3:44: warning: error: x",
            "make buildbottest",
        ] {
            errors.push(line);
        }
        assert!(errors.best().is_none(), "{errors:?}");
    }
}
