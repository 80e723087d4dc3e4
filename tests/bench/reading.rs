//! How fast logs and mails are read, and in how much memory, beside yardsticks
//! in the same run:
//!
//! * `memchr` over every line: as fast as anything can look at a line;
//! * one pass of 20 alternated patterns with the regex crate: what a simple
//!   reader of logs would do;
//! * mail-parser alone: for mails with logs of some size, and for every genuine
//!   notification of the corpus.
//!
//! `cargo bench --bench reading`. Numbers are megabytes (10^6 bytes) in a second
//! of the CPU's time, each the median of [`ROUNDS`] rounds; ratios count, for
//! machines differ. Memory is the peak of a process that does nothing else, so
//! that it holds the program itself and, for mails, the mail.
//!
//! A daemon compiles its patterns once, and reads for weeks: so everything is read
//! once before it is measured. What the first reading of a process costs stands
//! beside it, in milliseconds of the CPU's time.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark stops where something is not as it should be"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use buildbot_watch::parsing;
use buildbot_watch::parsing::logs::LogReader;
use buildbot_watch::parsing::mime::{self, Completeness};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 7;
const MB: usize = 1_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("peak-of-log"), Some(path)) => peak_of_log(&path),
        (Some("peak-of-mail"), Some(path)) => peak_of_mail(&path),
        (Some("first-of-log"), Some(path)) => first_of(&path, read_log),
        (Some("first-of-mail"), Some(path)) => first_of(&path, read_mail),
        _ => all(),
    }
}

fn all() {
    let folder = tempfile::tempdir().expect("a folder");
    println!("{:<34} {:>9} {:>9} {:>12}", "", "MB/s", "peak", "first");
    for size in [20, 64] {
        log(size, "verbose", &verbose_log(size * MB), folder.path());
    }
    log(20, "all failures", &failing_log(20 * MB), folder.path());
    for size in [0, 1, 20] {
        mail(size, &mail_with_log(size * MB), folder.path());
    }
    let path = folder.path().join("mail");
    fs::write(&path, mail_with_log(36 * MB)).expect("a mail");
    let peak = peak("peak-of-mail", &path);
    println!("{:<34} {:>9} {peak:>6} MiB", "mail of 50 MB", "");
    genuine_mails();
}

fn log(size: usize, what: &str, log: &[u8], folder: &Path) {
    let patterns = twenty_patterns();
    let reading = megabytes_a_second(log.len(), || read_log(log));
    let lines = megabytes_a_second(log.len(), || {
        let mut found = 0;
        let mut rest = log;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            found += usize::from(memchr::memchr(b':', line).is_some());
            rest = &behind[1..];
        }
        black_box(found);
    });
    let regex = megabytes_a_second(log.len(), || {
        black_box(patterns.find_iter(log).count());
    });
    let path = folder.join("log");
    fs::write(&path, log).expect("a log");
    let peak = peak("peak-of-log", &path);
    let first = first("first-of-log", &path);
    let title = format!("log of {size} MB, {what}");
    println!("{title:<34} {reading:>9.0} {peak:>6} MiB {first:>9.2} ms");
    yardstick("memchr over every line", lines, reading);
    yardstick("20 patterns with regex", regex, reading);
}

fn yardstick(name: &str, speed: f64, reading: f64) {
    println!(
        "  {name:<32} {speed:>9.0}             reading is {:.2} of it",
        reading / speed
    );
}

fn mail(size: usize, mail: &[u8], folder: &Path) {
    let reading = megabytes_a_second(mail.len(), || read_mail(mail));
    let alone = megabytes_a_second(mail.len(), || parse_alone(mail));
    let path = folder.join("mail");
    fs::write(&path, mail).expect("a mail");
    let peak = peak("peak-of-mail", &path);
    let first = first("first-of-mail", &path);
    let title = match size {
        0 => "mail of 2 KB without a log".to_owned(),
        size => format!("mail with a log of {size} MB"),
    };
    println!("{title:<34} {reading:>9.0} {peak:>6} MiB {first:>9.2} ms");
    println!(
        "  {:<32} {alone:>9.0}             a mail costs {:.2} of it",
        "mail-parser alone",
        alone / reading
    );
}

/// How the names of the corpus's mails begin that a Buildbot wrote.
const GENUINE: [&str; 8] = [
    "bb15-",
    "bb28-",
    "bb341-",
    "bb403-",
    "bb43-",
    "default-",
    "mailman-post-",
    "nonprod-",
];

/// What each genuine notification costs beside mail-parser alone.
fn genuine_mails() {
    println!(
        "\n{:<40} {:>9} {:>9} {:>9} {:>9}",
        "genuine mails", "KB", "alone", "all", "costs"
    );
    let mut with_log = Vec::new();
    let mut without = Vec::new();
    let (mut all, mut all_alone) = (0.0, 0.0);
    for (name, mail) in corpus("mails", "eml") {
        if !GENUINE.iter().any(|begin| name.starts_with(begin)) {
            continue;
        }
        let Costs {
            reading,
            alone,
            ratio,
        } = costs(&mail);
        println!(
            "  {name:<38} {:>9.1} {alone:>6.1} µs {reading:>6.1} µs {ratio:>9.2}",
            mail.len() as f64 / 1e3
        );
        all += reading;
        all_alone += alone;
        if memchr::memmem::find(&mail, b".stdio\"").is_some() {
            with_log.push(ratio);
        } else {
            without.push(ratio);
        }
    }
    for (what, ratios) in [("with logs", with_log), ("without logs", without)] {
        let count = ratios.len();
        let what = format!("median of {count} {what}");
        println!("  {what:<68} {:>9.2}", median(ratios));
    }
    println!(
        "  {:<48} {all_alone:>6.1} µs {all:>6.1} µs {:>9.2}",
        "total",
        all / all_alone
    );
}

struct Costs {
    /// Of reading it, in microseconds of the CPU's time.
    reading: f64,
    /// Of mail-parser alone.
    alone: f64,
    /// How many times as much reading costs.
    ratio: f64,
}

/// In turns, for what else the machine does changes both.
fn costs(mail: &[u8]) -> Costs {
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..3 * ROUNDS {
        let [reading, alone] = [read_mail, parse_alone].map(|work| {
            let begun = cpu_seconds();
            let mut times = 0.0;
            while cpu_seconds() - begun < 0.005 {
                for _ in 0..10 {
                    work(mail);
                }
                times += 10.0;
            }
            (cpu_seconds() - begun) / times * 1e6
        });
        for (round, one) in rounds.iter_mut().zip([reading, alone, reading / alone]) {
            round.push(one);
        }
    }
    let [reading, alone, ratio] = rounds.map(median);
    Costs {
        reading,
        alone,
        ratio,
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn read_log(log: &[u8]) {
    let mut reader = LogReader::default();
    for piece in log.chunks(64 << 10) {
        reader.push(piece);
    }
    black_box(reader.finish(None));
}

fn read_mail(mail: &[u8]) {
    let mail = mime::parse(mail, Completeness::Whole).expect("a mail");
    black_box(parsing::read(&mail));
}

fn parse_alone(mail: &[u8]) {
    let mail = mail_parser::MessageParser::default().parse(mail);
    black_box(mail.expect("a mail").body_text(0).map(|text| text.len()));
}

fn megabytes_a_second(bytes: usize, mut work: impl FnMut()) -> f64 {
    work();
    let speeds = (0..ROUNDS)
        .map(|_| {
            let begun = cpu_seconds();
            let mut times = 0.0;
            // Short work is done often enough to be measured.
            while cpu_seconds() - begun < 0.1 {
                work();
                times += 1.0;
            }
            let taken = cpu_seconds() - begun;
            bytes as f64 * times / MB as f64 / taken
        })
        .collect();
    median(speeds)
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The peak of the memory of this program while it reads one input, in MiB.
fn peak(what: &str, path: &Path) -> u64 {
    let kib: u64 = told_by_itself(what, path).parse().unwrap();
    kib / 1024
}

/// The CPU's time for the first input that this program reads, in milliseconds:
/// the median of [`ROUNDS`] processes.
fn first(what: &str, path: &Path) -> f64 {
    let times = (0..ROUNDS)
        .map(|_| told_by_itself(what, path).parse().unwrap())
        .collect();
    median(times)
}

/// What this program prints when it is run with one input.
fn told_by_itself(what: &str, path: &Path) -> String {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg(what).arg(path).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn first_of(path: &str, read: fn(&[u8])) {
    let input = fs::read(path).expect("an input");
    let begun = cpu_seconds();
    read(&input);
    println!("{}", (cpu_seconds() - begun) * 1e3);
}

fn peak_of_log(path: &str) {
    let mut file = fs::File::open(path).expect("a log");
    let mut reader = LogReader::default();
    let mut piece = vec![0; 64 << 10];
    loop {
        let length = file.read(&mut piece).expect("a log");
        if length == 0 {
            break;
        }
        reader.push(&piece[..length]);
    }
    black_box(reader.finish(None));
    print_peak();
}

fn peak_of_mail(path: &str) {
    read_mail(&fs::read(path).expect("a mail"));
    print_peak();
}

fn print_peak() {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", line.unwrap().trim().trim_end_matches(" kB").trim());
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    String::from_utf8_lossy(&fs::read(path).expect(name)).into_owned()
}

/// What a builder prints that runs its tests in verbose mode: nearly all of them
/// pass. One of the corpus's failures stands in each megabyte.
fn verbose_log(bytes: usize) -> Vec<u8> {
    let failure = fixture("logs/single.stdio.txt");
    let mut log = String::with_capacity(bytes + MB);
    let mut number = 0;
    while log.len() < bytes {
        let begun = log.len();
        while log.len() - begun < MB {
            number += 1;
            if number % 40 == 0 {
                let _ = writeln!(
                    log,
                    "o0:{:02}:{:02} load avg: 2.{number} [{number}/430] test_file{number} passed",
                    number / 60 % 60,
                    number % 60
                );
            }
            let _ = writeln!(
                log,
                "otest_number_{number} (test.test_file{0}.SomeClassTests.test_number_{number}) ... ok",
                number / 40
            );
        }
        log.push_str(&failure);
    }
    log.truncate(bytes);
    log.into_bytes()
}

/// The corpus, again and again: nearly every line belongs to a failure.
fn failing_log(bytes: usize) -> Vec<u8> {
    let all: Vec<u8> = corpus("logs", "txt")
        .into_iter()
        .flat_map(|(_, log)| log)
        .collect();
    all.iter().copied().cycle().take(bytes).collect()
}

/// The inputs in one of the corpus's folders, with their names, in the names' order.
fn corpus(folder: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    paths.sort();
    let named = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let read = |path: &Path| (named(path), fs::read(path).unwrap());
    paths.iter().map(|path| read(path)).collect()
}

/// A notification with a log of so many bytes attached, as Buildbot sends it.
fn mail_with_log(bytes: usize) -> Vec<u8> {
    if bytes == 0 {
        return fixture("mails/bb403-single-test-method.eml").into_bytes();
    }
    let mut mail = "From: buildbot@python.org\nTo: buildbot-status@python.org\n\
        Subject: Buildbot (Python): python/cpython - failed test (failure) (main)\n\
        MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"xyz\"\n\n--xyz\n\
        Content-Type: text/plain; charset=\"utf-8\"\n\n\
        The Buildbot has detected a new failure on builder AMD64 Debian root 3.x while \
        building python/cpython.\nFull details are available at:\n    \
        https://buildbot.python.org/all/#/builders/15/builds/4\n\n\
        BUILD FAILED: failed test (failure)\n\nSincerely,\n -The Buildbot\n\n--xyz\n\
        Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n\
        Content-Disposition: attachment; filename=\"test.stdio\"\n\n"
        .to_owned();
    encode(&verbose_log(bytes), &mut mail);
    mail.push_str("\n--xyz--\n");
    mail.into_bytes()
}

/// Base64 in lines of 76 characters (RFC 2045, section 6.8).
fn encode(bytes: &[u8], text: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for line in bytes.chunks(57) {
        for three in line.chunks(3) {
            let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4 {
                let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
                text.push(if place > three.len() {
                    '='
                } else {
                    char::from(letter)
                });
            }
        }
        text.push('\n');
    }
}

/// Twenty things that a log may tell, as a simple reader would look for them.
fn twenty_patterns() -> regex::bytes::Regex {
    let patterns = [
        r"^.?FAIL: \w+",
        r"^.?ERROR: \w+",
        r"Traceback \(most recent call last\)",
        r"^.?  File \S+, line \d+",
        r"^.?\w*Error: ",
        r"Fatal Python error: ",
        r"Timeout \(\d+:\d\d:\d\d\)!",
        r"Thread 0x[0-9a-f]+ ",
        r"\w+ leaked \[",
        r"Warning -- ",
        r"test_\w+ failed",
        r"test_\w+ crashed",
        r"Re-running \w+",
        r"Segmentation fault",
        r": error: ",
        r"make: \*\*\* ",
        r"undefined reference to ",
        r"No space left on device",
        r"command timed out: \d+",
        r"AddressSanitizer: ",
    ];
    regex::bytes::RegexBuilder::new(&patterns.join("|"))
        .multi_line(true)
        .build()
        .expect("a pattern")
}
