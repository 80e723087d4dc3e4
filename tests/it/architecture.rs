//! The shape of the source: who may import whom, how long a file and a function
//! may be, and what the pure part must not touch. Everything that is wrong is
//! told at once.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may import which of our modules, besides itself. What is not listed may
/// import nothing of ours.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["*"]),
    ("daemon", &["*", "!cli"]),
    (
        "worker",
        &[
            "domain",
            "parsing",
            "store",
            "smtp",
            // Where replies go when nothing may leave the machine.
            "maildir",
            "ci",
            "trackers",
            "templates",
        ],
    ),
    ("web", &["desk", "domain", "store", "templates"]),
    // Linking writes drafts anew as the worker does, with the tracker's names.
    (
        "desk",
        &[
            "domain",
            "parsing",
            "store",
            "templates",
            "trackers",
            "worker",
        ],
    ),
    // It decides as `web` does, and sends as the worker does.
    (
        "approvals",
        &[
            "desk",
            "domain",
            "maildir",
            "parsing",
            "smtp",
            "store",
            "templates",
            "worker",
        ],
    ),
    ("evaluate", &["domain", "parsing", "store"]),
    // `http` is no adapter: it knows how to ask, not whom.
    ("ci", &["domain", "http"]),
    ("config", &["domain"]),
    ("hooks", &["domain", "http"]),
    ("http", &["tls"]),
    ("imap", &["domain", "tls"]),
    ("irc", &["domain", "tls"]),
    ("maildir", &["domain"]),
    ("parsing", &["domain"]),
    ("smtp", &["domain", "tls"]),
    ("store", &["domain"]),
    ("templates", &["domain"]),
    ("tls", &["domain"]),
    ("trackers", &["domain", "http"]),
];

/// Modules without I/O, clocks and environment.
const PURE: &[&str] = &["domain", "parsing"];

/// What pure modules must not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "tokio",
    "reqwest",
    "rusqlite",
];

/// Lines of code a file may have.
const FILE_LINES: usize = 400;

/// Lines of code a function may have.
const FUNCTION_LINES: usize = 60;

#[test]
fn the_source_keeps_its_shape() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offences = Vec::new();
    for file in rust_files(&root) {
        let name = file
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        offences.extend(offences_of(&name, &fs::read_to_string(&file).unwrap()));
    }
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Everything that is wrong with one file; `name` is its path below `src`.
fn offences_of(name: &str, text: &str) -> Vec<String> {
    if name.ends_with("tests.rs") {
        return Vec::new();
    }
    let code = code_lines(text);
    let mut offences = arrow_offences(name, &code);
    offences.extend(size_offences(name, &code));
    offences.extend(purity_offences(name, &code));
    offences
}

/// A line of code with its number, without comments and the texts of strings.
type Line = (usize, String);

/// The lines before the tests module that hold code.
fn code_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut inside = Inside::Code;
    for (index, line) in text.lines().enumerate() {
        if inside == Inside::Code && is_tests_module(text, index) {
            break;
        }
        let code = strip(line, &mut inside);
        if !code.trim().is_empty() {
            lines.push((index + 1, code));
        }
    }
    lines
}

/// `#[cfg(test)]` before a `mod ... {`: a declaration of a file is no end.
fn is_tests_module(text: &str, index: usize) -> bool {
    let mut lines = text.lines().skip(index);
    lines
        .next()
        .is_some_and(|line| line.starts_with("#[cfg(test)]"))
        && lines
            .find(|line| !line.starts_with("#["))
            .is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
}

/// Where in the text a line begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inside {
    Code,
    /// A string; raw ones end with a quote and this many `#`.
    Text(Option<usize>),
    /// A `/* */` comment.
    Comment,
}

/// The line with every string's text and every comment taken out, so that
/// braces and names in them do not count.
fn strip(line: &str, inside: &mut Inside) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match inside {
            Inside::Comment if char == '*' && next == Some('/') => {
                *inside = Inside::Code;
                at += 1;
            }
            Inside::Text(None) if char == '\\' => at += 1,
            Inside::Text(None) if char == '"' => {
                *inside = Inside::Code;
                code.push('"');
            }
            Inside::Text(Some(hashes)) if char == '"' => {
                let run = chars[at + 1..].iter().take_while(|c| **c == '#').count();
                if run >= *hashes {
                    at += *hashes;
                    *inside = Inside::Code;
                    code.push('"');
                }
            }
            Inside::Comment | Inside::Text(_) => {}
            Inside::Code => match (char, next) {
                ('/', Some('/')) => break,
                ('/', Some('*')) => {
                    *inside = Inside::Comment;
                    at += 1;
                }
                ('"', _) => {
                    *inside = Inside::Text(raw_hashes(&chars[..at]));
                    code.push('"');
                }
                ('\'', _) => match literal_end(&chars[at..]) {
                    Some(length) => at += length,
                    None => code.push('\''),
                },
                _ => code.push(char),
            },
        }
        at += 1;
    }
    code
}

/// How many `#` stand between an `r` and the quote, if it opens a raw string.
fn raw_hashes(before: &[char]) -> Option<usize> {
    let hashes = before.iter().rev().take_while(|char| **char == '#').count();
    let prefix = before.len().checked_sub(hashes + 1)?;
    let is_raw = before.get(prefix) == Some(&'r')
        && prefix
            .checked_sub(1)
            .is_none_or(|at| !before[at].is_alphanumeric() || before[at] == 'b');
    is_raw.then_some(hashes)
}

/// The length of a character literal behind its first quote; `None` for a lifetime.
fn literal_end(chars: &[char]) -> Option<usize> {
    match (chars.get(1)?, chars.get(2)) {
        ('\\', _) => chars
            .iter()
            .skip(3)
            .position(|char| *char == '\'')
            .map(|end| end + 3),
        (_, Some('\'')) => Some(2),
        _ => None,
    }
}

fn top_module(name: &str) -> &str {
    let first = name.split('/').next().unwrap_or(name);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn arrow_offences(name: &str, code: &[Line]) -> Vec<String> {
    let from = top_module(name);
    if from == "lib" {
        return Vec::new();
    }
    let allowed = ARROWS
        .iter()
        .find(|(module, _)| *module == from)
        .map_or(&[][..], |(_, to)| to);
    let may = |to: &str| {
        let refused = allowed.iter().any(|one| one.strip_prefix('!') == Some(to));
        to == from || allowed.contains(&to) || (allowed.contains(&"*") && !refused)
    };
    let mut offences = Vec::new();
    for (number, to) in imports(code) {
        if !may(&to) {
            offences.push(format!("{name}:{number}: {from} must not import {to}"));
        }
    }
    offences
}

/// Each of our top modules that is named, with its line: `use crate::a::b`,
/// `crate::a::b()` inline, `use crate::{a, b::c}` also over several lines, and
/// `buildbot_watch::a` of `main`.
fn imports(code: &[Line]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let text: String = code.iter().map(|(_, line)| format!("{line}\n")).collect();
    for root in ["crate::", "buildbot_watch::"] {
        for (at, _) in text.match_indices(root) {
            let line = text[..at].matches('\n').count();
            let number = code.get(line).map_or(0, |(number, _)| *number);
            let rest = text[at + root.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(list) => {
                    let names = braced(list).into_iter();
                    found.extend(names.map(|name| (number, name)));
                }
                None => found.push((number, identifier(rest))),
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found.sort();
    found
}

fn identifier(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|char| char.is_alphanumeric() || *char == '_')
        .collect()
}

/// The first names of a braced list, without what stands in inner braces.
fn braced(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut item = String::new();
    for char in list.chars() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(identifier(&std::mem::take(&mut item))),
            _ if depth == 0 => item.push(char),
            _ => {}
        }
    }
    names.push(identifier(&item));
    names
}

fn size_offences(name: &str, code: &[Line]) -> Vec<String> {
    let mut offences = Vec::new();
    if code.len() > FILE_LINES {
        let lines = code.len();
        offences.push(format!(
            "{name}: {lines} lines of code, more than {FILE_LINES}"
        ));
    }
    for (index, (number, line)) in code.iter().enumerate() {
        let Some(function) = function_name(line) else {
            continue;
        };
        let lines = function_lines(&code[index..]);
        if lines > FUNCTION_LINES {
            offences.push(format!(
                "{name}:{number}: fn {function} has {lines} lines of code, more than {FUNCTION_LINES}"
            ));
        }
    }
    offences
}

fn function_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "fn")?;
    let is_item = words[..at].iter().all(|word| {
        matches!(
            *word,
            "pub" | "async" | "const" | "unsafe" | "extern" | "\"\""
        ) || word.starts_with("pub(")
    });
    let name = identifier(words.get(at + 1)?);
    (is_item && !name.is_empty()).then_some(name)
}

/// The lines between the braces of the function that begins here, as clippy
/// counts them; 0 for one without a body.
fn function_lines(code: &[Line]) -> usize {
    let mut depth = 0_usize;
    let mut opened = None;
    for (index, (_, line)) in code.iter().enumerate() {
        for char in line.chars() {
            match char {
                '{' => {
                    opened.get_or_insert(index);
                    depth += 1;
                }
                '}' => depth = depth.saturating_sub(1),
                ';' if opened.is_none() => return 0,
                _ => {}
            }
        }
        if let Some(first) = opened.filter(|_| depth == 0) {
            return (index - first).saturating_sub(1);
        }
    }
    0
}

fn purity_offences(name: &str, code: &[Line]) -> Vec<String> {
    let module = top_module(name);
    if !PURE.contains(&module) {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (number, line) in code {
        for impure in IMPURE.iter().filter(|impure| names(line, impure)) {
            offences.push(format!(
                "{name}:{number}: {module} is pure and names {impure}"
            ));
        }
    }
    offences
}

/// Whether a path stands in a line as a whole: `tokio::spawn`, not `my_tokio`.
fn names(line: &str, path: &str) -> bool {
    let part = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[track_caller]
fn check(name: &str, text: &str, expect: &[&str]) {
    assert_eq!(offences_of(name, text), expect);
}

#[test]
fn arrows_are_found_wherever_they_stand() {
    let text = "use crate::domain::mail;\nuse crate::smtp::Smtp;\n";
    check("imap.rs", text, &["imap.rs:2: imap must not import smtp"]);
    check(
        "imap/idle.rs",
        text,
        &["imap/idle.rs:2: imap must not import smtp"],
    );
    check("worker.rs", text, &[]);
    check(
        "domain/mail.rs",
        "fn f() { crate::store::open(); crate::domain::g(); }\n",
        &["domain/mail.rs:1: domain must not import store"],
    );
    check(
        "store.rs",
        "use crate::{\n    domain::{a, b},\n    ci::Ci, cli,\n};\n",
        &[
            "store.rs:1: store must not import ci",
            "store.rs:1: store must not import cli",
        ],
    );
    check(
        "daemon.rs",
        "use crate::cli;\nuse crate::imap;\n",
        &["daemon.rs:1: daemon must not import cli"],
    );
    check("cli.rs", "use crate::daemon;\n", &[]);
    check(
        "main.rs",
        "fn main() { buildbot_watch::store::x() }\n",
        &["main.rs:1: main must not import store"],
    );
    check(
        "newcomer.rs",
        "use crate::domain::mail;\n",
        &["newcomer.rs:1: newcomer must not import domain"],
    );
    let quiet = "// use crate::store;\n/* crate::store */ fn f() { let _ = \"crate::store\"; }\n\
                 #[cfg(test)]\nmod tests {\n    use crate::store;\n}\n";
    check("domain/quiet.rs", quiet, &[]);
}

#[test]
fn sizes_count_code_alone() {
    let long = |lines: usize| {
        format!(
            "fn long() {{\n{}}}\n",
            "    f();\n\n    // no code\n".repeat(lines)
        )
    };
    check("domain/a.rs", &long(FUNCTION_LINES), &[]);
    check(
        "domain/a.rs",
        &format!(
            "struct A;\nimpl A {{\n    pub(crate) async {}}}\n",
            long(FUNCTION_LINES + 1)
        ),
        &["domain/a.rs:3: fn long has 61 lines of code, more than 60"],
    );
    let braces = "fn f() { let _ = ('{', \"{{\", r#\"{\"{\"#, b'\\''); }\n";
    check("domain/a.rs", &format!("{braces}{}", long(2)), &[]);
    check(
        "domain/a.rs",
        &"const A: u8 = 0;\n\n/// words\n".repeat(FILE_LINES),
        &[],
    );
    check(
        "domain/a.rs",
        &"const A: u8 = 0;\n".repeat(FILE_LINES + 1),
        &["domain/a.rs: 401 lines of code, more than 400"],
    );
    let tests = format!(
        "#[cfg(test)]\nmod tests {{\n{}}}\n",
        "    f();\n".repeat(FILE_LINES)
    );
    check("domain/a.rs", &tests, &[]);
    let declared = format!("#[cfg(test)]\nmod tests;\n{}", long(FUNCTION_LINES + 1));
    check(
        "domain/a.rs",
        &declared,
        &["domain/a.rs:3: fn long has 61 lines of code, more than 60"],
    );
}

#[test]
fn the_pure_part_touches_nothing() {
    let text =
        "use std::fs;\nfn f() { std::time::SystemTime::now(); tokio::spawn(x); my_tokio(); }\n";
    check(
        "parsing/logs.rs",
        text,
        &[
            "parsing/logs.rs:1: parsing is pure and names std::fs",
            "parsing/logs.rs:2: parsing is pure and names SystemTime::now",
            "parsing/logs.rs:2: parsing is pure and names tokio",
        ],
    );
    check("maildir.rs", text, &[]);
}
