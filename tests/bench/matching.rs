//! What the mirror of a large tracker costs: taking it in, its indexes, a search,
//! a whole verdict, and the memory of all of them.
//!
//! `cargo bench --bench matching` fills databases with 10,000, 50,000 and 150,000
//! invented issues; `-- --all` with 500,000 as well, and `-- 20000 80000` with those
//! instead. Times are the CPU's, so that other programs disturb them little. A search
//! is all that is asked of the indexes for one failure; a verdict is the same with
//! the best reports read whole and judged. Memory is the peak of a process that does
//! nothing else, less that of one that only opens an empty database; up to 32 MiB of
//! it are SQLite's cache.
//!
//! # The invented issues
//!
//! A generator without any input makes them, always the same: issue `n` depends
//! on `n` alone. They are shaped like those of a language's own tracker:
//!
//! * 430 test files of some classes with some methods each, named in a third of
//!   the titles; a few files are named very often and most hardly ever (Zipf's law);
//!   their titles have one of eight forms, with the file, class, method and
//!   platform in the places where people put them;
//! * other titles are a module's function and some words;
//! * words are made of syllables, 40,000 of them, and are used by Zipf's law, too;
//! * a body has 30 to 400 words, most of them few; every fifth ends with a
//!   traceback of the test in the title, or of another;
//! * none to 15 comments, most often none to three, of 5 to 80 words; some name
//!   a test or a builder.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a benchmark stops where something is not as it should be"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use buildbot_watch::domain::issue::{Issue, IssueComment};
use buildbot_watch::domain::matching::{Model, Question, judge};
use buildbot_watch::evaluate::asking;
use buildbot_watch::store::{Batch, Mirror, Store};
use rusqlite::{Connection, OpenFlags};
use rustix::time::{ClockId, clock_gettime};

/// What a tracker gives at once.
const PAGE: u64 = 100;

/// So many failures are looked for.
const SEARCHES: u64 = 1000;

/// The mirror's name.
const TRACKER: &str = "bench";

const DAY: i64 = 86_400;

/// What is measured unless somebody says otherwise.
const USUAL: [u64; 3] = [10_000, 50_000, 150_000];

const LARGE: u64 = 500_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["fill", path, count] => fill(path, count.parse().unwrap()),
        ["search", path, count] => search(path, count.parse().unwrap()),
        ["judge", path, count] => judge_all(path, count.parse().unwrap()),
        ["nothing", path] => print_result(&open(path), &[]),
        more => {
            // Cargo adds an option of its own.
            let named: Vec<u64> = more.iter().filter_map(|it| it.parse().ok()).collect();
            let large = more.contains(&"--all").then_some(LARGE);
            match named.is_empty() {
                true => all(USUAL.into_iter().chain(large)),
                false => all(named.into_iter().chain(large)),
            }
        }
    }
}

fn all(counts: impl Iterator<Item = u64>) {
    println!(
        "| issues | text | index | ratio | taking in | a second | peak | \
         search p50 | p99 | peak | verdict p50 | p99 | peak |"
    );
    println!("|{}", "---:|".repeat(13));
    for count in counts {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite3");
        let nothing = run("nothing", &folder.path().join("empty.sqlite3"), 0)[0];
        let [filling, fill_peak] = run("fill", &path, count)[..] else {
            panic!("two numbers")
        };
        let (text, index) = sizes(&path);
        print!(
            "| {count} | {text:.0} MiB | {index:.0} MiB | {:.2} | {filling:.0} s | {:.0} | {:.0} MiB |",
            index / text,
            count as f64 / filling,
            fill_peak - nothing,
        );
        for what in ["search", "judge"] {
            let [p50, p99, peak] = run(what, &path, count)[..] else {
                panic!("three numbers")
            };
            print!(" {p50:.1} ms | {p99:.1} ms | {:.0} MiB |", peak - nothing);
        }
        println!();
    }
}

/// This program does one thing in a process of its own, and prints numbers.
fn run(what: &str, path: &Path, count: u64) -> Vec<f64> {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.arg(what).arg(path);
    if count > 0 {
        command.arg(count.to_string());
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace()
        .map(|it| it.parse().unwrap())
        .collect()
}

fn open(path: &str) -> Store {
    Store::open(Path::new(path)).expect("a database")
}

/// The numbers, and the peak of the memory in MiB.
fn print_result(_alive: &Store, numbers: &[f64]) {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    for number in numbers {
        print!("{number} ");
    }
    println!("{}", kib / 1024.0);
}

/// Takes the issues in as a listing does, page by page, and tidies up.
fn fill(path: &str, count: u64) {
    let store = open(path);
    let mirror = store.mirror(TRACKER);
    let words = Words::new();
    let mut taken = 0.0;
    for first in (1..=count).step_by(usize::try_from(PAGE).unwrap()) {
        let last = (first + PAGE - 1).min(count);
        let issues: Vec<Issue> = (first..=last).map(|number| words.issue(number)).collect();
        let batch = Batch {
            issues: &issues,
            comments: &[],
            cursor: "somewhere",
            to_come: Some(count - last),
        };
        let begun = cpu_seconds();
        mirror.take(&batch, 0).expect("room on the disk");
        taken += cpu_seconds() - begun;
    }
    let begun = cpu_seconds();
    let open = mirror.open_count().expect("a count");
    mirror.finish_sync(open, 0).expect("room on the disk");
    while mirror.tidy().expect("room on the disk") {}
    taken += cpu_seconds() - begun;
    print_result(&store, &[taken]);
    store.close().expect("an orderly end");
}

/// The searches of many failures: some known well, most hardly ever, some never.
fn search(path: &str, count: u64) {
    measure(path, count, |mirror, question| {
        black_box(mirror.heads(question).unwrap());
    });
}

/// The same, with the verdict.
fn judge_all(path: &str, count: u64) {
    measure(path, count, |mirror, question| {
        let found = mirror.retrieve(question, &Model::FITTED).unwrap();
        black_box(judge(&found.scored, found.searched, &Model::FITTED));
    });
}

fn measure(path: &str, count: u64, what: impl Fn(Mirror<'_>, &Question)) {
    let store = open(path);
    let words = Words::new();
    let mut times = Vec::new();
    for number in 0..SEARCHES {
        let question = words.question(count + number);
        let begun = cpu_seconds();
        what(store.mirror(TRACKER), &question);
        times.push((cpu_seconds() - begun) * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    print_result(&store, &[at(50), at(99)]);
}

/// The texts and their indexes, in MiB.
fn sizes(path: &Path) -> (f64, f64) {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let number = |sql: &str| -> f64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    let text = number(
        "SELECT (SELECT sum(octet_length(title)) FROM issues)
              + (SELECT sum(octet_length(body)) FROM issue_bodies)
              + (SELECT sum(octet_length(text)) FROM issue_comments) + 0.0",
    );
    let index =
        number("SELECT sum(pgsize) + 0.0 FROM dbstat WHERE name LIKE 'issue\\_t%' ESCAPE '\\'");
    let mib = f64::from(1 << 20);
    (text / mib, index / mib)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Numbers that look random and are always the same (SplitMix64).
struct Dice(u64);

impl Dice {
    fn of(number: u64) -> Self {
        Self(number.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn one_of<'a, T: ?Sized>(&mut self, some: &[&'a T]) -> &'a T {
        some[self.below(some.len())]
    }

    /// Below `end`, small numbers far more often: about Zipf's law.
    fn skewed(&mut self, end: usize) -> usize {
        let share = self.next() as f64 / u64::MAX as f64;
        let drawn = (end as f64).powf(share) - 1.0;
        (drawn as usize).min(end - 1)
    }
}

/// A test with its names.
struct Test {
    file: String,
    class: String,
    method: String,
}

/// The vocabulary.
struct Words {
    words: Vec<String>,
}

const TEST_FILES: usize = 430;
const WORDS: usize = 40_000;

const SYLLABLES: [&str; 40] = [
    "ba", "con", "de", "er", "fi", "ga", "hy", "in", "jo", "ka", "lo", "mi", "no", "or", "per",
    "qui", "re", "sta", "ti", "un", "ver", "wa", "xe", "ya", "zo", "al", "be", "ci", "do", "en",
    "fo", "gra", "ho", "im", "ju", "ku", "le", "ma", "ne", "o",
];

const PLATFORMS: [&str; 12] = [
    "AMD64 Windows10 3.x",
    "AMD64 FreeBSD 3.x",
    "PPC64 Fedora 3.x",
    "s390x RHEL",
    "ARM Raspbian",
    "x86 Gentoo Refleaks",
    "AIX",
    "macOS",
    "Solaris",
    "musl",
    "aarch64 Debian",
    "free-threaded build",
];

const ERRORS: [&str; 9] = [
    "AssertionError",
    "TimeoutError",
    "OSError",
    "ConnectionResetError",
    "ValueError",
    "RuntimeError",
    "MemoryError",
    "PermissionError",
    "KeyError",
];

impl Words {
    fn new() -> Self {
        let word = |number: usize| {
            let mut dice = Dice::of(number as u64);
            let syllables = 2 + dice.below(3);
            let mut word: String = (0..syllables).map(|_| dice.one_of(&SYLLABLES)).collect();
            // Few words are made twice.
            if dice.below(3) == 0 {
                word.push_str(dice.one_of(&["s", "ed", "ing", "er", "ly"]));
            }
            word
        };
        Self {
            words: (0..WORDS).map(word).collect(),
        }
    }

    fn word(&self, dice: &mut Dice) -> &str {
        &self.words[dice.skewed(WORDS)]
    }

    fn some(&self, dice: &mut Dice, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| self.word(dice)).collect();
        words.join(" ")
    }

    /// Its classes and methods follow from the file, so that some come again.
    fn test(&self, dice: &mut Dice) -> Test {
        let file = dice.skewed(TEST_FILES);
        let class = dice.below(6);
        let method = dice.skewed(40);
        let mut of_file = Dice::of((file * 1000 + class * 100) as u64);
        let noun = &self.words[1000 + of_file.below(4000)];
        let mut of_method = Dice::of((file * 100_000 + class * 1000 + method) as u64);
        let does = [0, 1].map(|_| self.words[of_method.below(3000)].as_str());
        Test {
            file: format!("test_{}", self.words[file * 7 + 300]),
            class: format!("{}{}Tests", noun[..1].to_uppercase(), &noun[1..]),
            method: format!("test_{}", does.join("_")),
        }
    }

    /// What a log asks: a test that failed, with the machine it ran on.
    fn question(&self, number: u64) -> Question {
        let dice = &mut Dice::of(number);
        let test = self.test(dice);
        let log = self.traceback(dice, &test);
        let platform = dice.one_of(&PLATFORMS);
        let asked = asking::questions(&log, platform, number.cast_signed() * 3000);
        assert_eq!(asked.failures[0].test.method, Some(test.method), "{log}");
        asked.questions.into_iter().next().expect("a failure")
    }

    fn issue(&self, number: u64) -> Issue {
        let dice = &mut Dice::of(number);
        let test = self.test(dice);
        let is_about_test = dice.below(3) == 0;
        let at = number.cast_signed() * 3000;
        let open = dice.below(12) == 0;
        Issue {
            number,
            url: format!("https://tracker.example/issues/{number}"),
            title: match is_about_test {
                true => self.test_title(dice, &test),
                false => self.other_title(dice),
            },
            body: self.body(dice, &test),
            comments: self.comments(dice, number, at),
            labels: vec!["tests".to_owned(), "type-bug".to_owned()],
            open,
            created_at: at,
            updated_at: at + dice.below(400).cast_signed() as i64 * DAY,
            closed_at: (!open).then_some(at + 400 * DAY),
            author: self.word(dice).to_owned(),
            resolution: (!open).then(|| "fixed".to_owned()),
            duplicate_of: None,
        }
    }

    fn test_title(&self, dice: &mut Dice, test: &Test) -> String {
        let Test {
            file,
            class,
            method,
        } = test;
        let platform = dice.one_of(&PLATFORMS);
        let error = dice.one_of(&ERRORS);
        match dice.below(8) {
            0 => format!("{file}: {method}() fails on {platform}"),
            1 => format!("{file} fails on {platform}"),
            2 => format!("{file}: {class}.{method}() failed on {platform}"),
            3 => format!("{method} ({file}.{class}) {error}"),
            4 => format!("{file} leaks references"),
            5 => format!("{file}: {}", self.some(dice, 6)),
            6 => format!("{file} hangs randomly on {platform}"),
            _ => format!("{file}.{class}.{method} altered the environment"),
        }
    }

    fn other_title(&self, dice: &mut Dice) -> String {
        let length = 3 + dice.below(7);
        let words = self.some(dice, length);
        match dice.below(4) {
            0 => words,
            1 => format!("{}.{}() {words}", self.word(dice), self.word(dice)),
            2 => format!("{}: {words}", self.word(dice)),
            _ => format!("{words} raises {}", dice.one_of(&ERRORS)),
        }
    }

    fn body(&self, dice: &mut Dice, test: &Test) -> String {
        let length = 30 + dice.skewed(370);
        let mut body = self.some(dice, length);
        if dice.below(5) == 0 {
            body.push_str(&self.traceback(dice, test));
        }
        body
    }

    fn traceback(&self, dice: &mut Dice, test: &Test) -> String {
        let Test {
            file,
            class,
            method,
        } = test;
        let mut text = format!(
            "\n\n{bar}\nFAIL: {method} (test.{file}.{class}.{method})\n{rule}\n\
             Traceback (most recent call last):\n",
            bar = "=".repeat(70),
            rule = "-".repeat(70),
        );
        for _ in 0..1 + dice.below(5) {
            let line = dice.below(3000);
            text.push_str(&format!(
                "  File \"/home/buildbot/3.x/build/Lib/{}.py\", line {line}, in {}\n    {}\n",
                self.word(dice),
                self.word(dice),
                self.some(dice, 4)
            ));
        }
        text.push_str(dice.one_of(&ERRORS));
        text.push_str(": ");
        text.push_str(&self.some(dice, 5));
        text
    }

    fn comments(&self, dice: &mut Dice, number: u64, at: i64) -> Vec<IssueComment> {
        let count = dice.skewed(16);
        let comment = |index: usize| {
            let length = 5 + dice.skewed(75);
            let mut text = self.some(dice, length);
            if dice.below(10) == 0 {
                let test = self.test(dice);
                text.push_str(&format!(" {} on {}", test.file, dice.one_of(&PLATFORMS)));
            }
            IssueComment {
                id: (number * 100 + index as u64).to_string(),
                author: self.word(dice).to_owned(),
                text,
                at: at + index as i64 * DAY,
            }
        };
        (0..count).map(comment).collect()
    }
}
