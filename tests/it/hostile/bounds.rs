//! Whatever a mail holds: the program stays within its memory, and the mail ends
//! in an orderly row (I12, I16).

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use buildbot_watch::store::{IncomingMail, Taken};
use serde_json::Value;

use crate::mailflow::desk::{Desk, notice};

/// What is promised.
pub const MOST_MEMORY: u64 = 160 * 1024 * 1024;
/// A way to keep the program busy for ever would take longer, also without
/// optimisation and on a busy machine.
const LONGEST: Duration = Duration::from_secs(240);

const MIB: usize = 1024 * 1024;

/// Runs `replay` on a mail; gives its row and the peak of its memory in bytes.
#[track_caller]
fn replay(what: &str, mail: impl AsRef<[u8]>) -> (Value, u64) {
    replay_on(&Desk::new(""), what, mail)
}

/// The same on a desk of one's own.
#[track_caller]
pub fn replay_on(desk: &Desk, what: &str, mail: impl AsRef<[u8]>) -> (Value, u64) {
    desk.settle();
    let file = desk.path("mail.eml");
    std::fs::write(&file, mail).expect("a mail");
    let path = file.to_str().expect("a path");
    let out = desk.path("out");
    let begun = Instant::now();
    let mut command = desk.command(&["replay", path, "--json"]);
    let (ended, out, peak) = watched(what, &mut command, &out);
    let took = begun.elapsed();
    let told: Value = serde_json::from_str(&out).expect("JSON");
    if told["not_mails"]
        .as_array()
        .is_some_and(|files| !files.is_empty())
        || told["error"].to_string().contains("not a mail")
    {
        // Told in words, and within the memory.
        assert!(peak < MOST_MEMORY, "{what}: {peak} bytes");
        return (Value::Null, peak);
    }
    assert!(ended.success(), "{what}: {ended}");
    let row = told["notifications"][0].clone();
    let (stage, mib) = (&row["stage"], peak / 1024 / 1024);
    println!("{what}: {mib} MiB, {took:.1?}, {stage} {}", row["standing"]);
    assert!(peak < MOST_MEMORY, "{what}: {mib} MiB");
    let is_orderly = stage == "drafted" || stage == "closed";
    assert!(is_orderly, "{what}: {row}");
    (row, peak)
}

/// Runs a command that writes into the file `out`; gives how it ended, what it
/// wrote, and the peak of its memory in bytes.
pub fn watched(what: &str, command: &mut Command, out: &Path) -> (ExitStatus, String, u64) {
    let mut child = command
        .stdout(std::fs::File::create(out).expect("a file"))
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program runs");
    let begun = Instant::now();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        peak = peak.max(high_water(Path::new(&status)));
        if let Some(ended) = child.try_wait().expect("a child") {
            break ended;
        }
        assert!(begun.elapsed() < LONGEST, "{what} takes for ever");
        std::thread::sleep(Duration::from_millis(2));
    };
    let out = std::fs::read_to_string(out).expect("a text");
    (ended, out, peak)
}

/// The most memory a process ever had, in bytes; 0 when it is gone.
fn high_water(status: &Path) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| {
        line.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or(0) * 1024
}

/// The headers of a genuine notification, with other ones for its content.
fn head(content: &str) -> String {
    format!(
        "Message-ID: <big@mx.example.test>\nList-Id: <buildbot-status.python.org>\n\
         From: buildbot@python.org\nTo: buildbot-status@python.org\n\
         Subject: Buildbot (Python): python/cpython - failed test (failure) (main)\n\
         Date: Sun, 22 Nov 2026 05:38:40 +0000\nMIME-Version: 1.0\n{content}\n\n"
    )
}

const NOTICE: &str = "\
The Buildbot has detected a new failure on builder AMD64 Debian root 3.x while building python/cpython.\n\
Full details are available at:\n    https://buildbot.python.org/all/#/builders/15/builds/4\n\n\
Buildbot URL: https://buildbot.python.org/all/\n\nWorker for this Build: debian\n\n\
BUILD FAILED: failed test (failure)\n\n";

/// A notification with a text and one attachment.
fn with_attachment(name: &str, kind: &str, encoding: &str, content: &str) -> String {
    let mut mail = head("Content-Type: multipart/mixed; boundary=\"xyz\"");
    mail.reserve(content.len() + 2000);
    let _ = write!(
        mail,
        "--xyz\nContent-Type: text/plain; charset=\"utf-8\"\n\n{NOTICE}\nSincerely,\n -The Buildbot\n\n\
         --xyz\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\
         Content-Disposition: attachment; filename=\"{name}\"\n\n"
    );
    mail.push_str(content);
    mail.push_str("\n--xyz--\n");
    mail
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 50 + 8);
    for (number, three) in bytes.chunks(3).enumerate() {
        if number % 19 == 18 {
            text.push('\n');
        }
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize] as char;
            text.push(if place > three.len() { '=' } else { letter });
        }
    }
    text
}

/// A text of so many bytes, made of numbered lines.
fn lines(bytes: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes + 200);
    let mut number = 0;
    while text.len() < bytes {
        text.push_str(&line(number));
        text.push('\n');
        number += 1;
    }
    text
}

#[test]
fn large_mails() {
    let filler = lines(50 * MIB, |n| format!("line {n} of a very long text"));
    replay(
        "a mail of 50 MB",
        head("Content-Type: text/plain") + NOTICE + &filler,
    );
    drop(filler);
    let log = lines(22 * MIB, |n| {
        format!("0:00:{n} load avg: 1.0 [{n}] test_{n} passed")
    });
    let mail = with_attachment(
        "test.stdio",
        "text/plain",
        "base64",
        &base64(log.as_bytes()),
    );
    replay("a log of 22 MB as base64", mail);
    let log = lines(30 * MIB, |n| {
        format!("0:00:{n} load avg: 1.0 [{n}] test_{n} passed")
    });
    let mail = with_attachment(
        "test.stdio",
        "text/plain",
        "base64",
        &base64(log.as_bytes()),
    );
    assert!(mail.len() > 40 * MIB);
    replay("40 MB of base64, over the cap", mail);
    let log = "x".repeat(30 * MIB);
    replay(
        "a body of one line",
        head("Content-Type: text/plain") + NOTICE + &log,
    );
    replay(
        "a log of one line",
        with_attachment("test.stdio", "text/plain", "8bit", &log),
    );
    let quoted = "=FF".repeat(10 * MIB);
    replay(
        "quoted-printable rubbish",
        with_attachment("t.stdio", "text/plain", "quoted-printable", &quoted),
    );
    let html = "<p><b>&amp;<td>".repeat(MIB);
    replay("a body of HTML", head("Content-Type: text/html") + &html);
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    gzip.resize(20 * MIB, 0xed);
    let gzip = base64(&gzip);
    replay(
        "something like gzip",
        with_attachment("test.log.gz", "application/gzip", "base64", &gzip),
    );
}

#[test]
fn texts_that_grow_by_decoding() {
    for (what, kind, byte) in [
        ("a log of no UTF-8", "text/plain; charset=utf-8", 0xff),
        ("a log of bytes", "application/octet-stream", 0xff),
        (
            "a log in another charset",
            "text/plain; charset=koi8-r",
            0xb0,
        ),
        ("a log in UTF-16", "text/plain; charset=utf-16le", b'N'),
    ] {
        let mail = with_attachment("t.stdio", kind, "8bit", "HERE");
        let (before, after) = mail.split_once("HERE").expect("a place");
        let log = vec![byte; 31 * MIB];
        let mail = [before.as_bytes(), &log, after.as_bytes()].concat();
        replay(what, mail);
    }
    let bytes = base64(&vec![0xff; 22 * MIB]);
    let mail = with_attachment("t.stdio", "text/plain", "base64", &bytes);
    replay("base64 of no UTF-8", mail);
    // Just below what is read whole.
    let high = "=FF".repeat(7 * MIB) + &"x".repeat(10 * MIB);
    let mail = with_attachment("t.stdio", "text/plain", "quoted-printable", &high);
    replay("some that is no UTF-8", mail);
}

#[test]
fn bombs_of_parts() {
    let mut nested = head("Content-Type: multipart/mixed; boundary=b0");
    for depth in 0..20_000 {
        let _ = write!(
            nested,
            "--b{depth}\nContent-Type: multipart/mixed; boundary=b{}\n\n",
            depth + 1
        );
    }
    replay("20,000 nested parts", nested);
    let mut messages = head("Content-Type: message/rfc822");
    for _ in 0..20_000 {
        messages.push_str("Content-Type: message/rfc822\n\n");
    }
    replay("20,000 nested messages", messages);
    let mut tiny = head("Content-Type: multipart/mixed; boundary=b");
    for _ in 0..100_000 {
        tiny.push_str("--b\n\nx\n");
    }
    replay("100,000 tiny parts", tiny);
    let mut named = head("Content-Type: multipart/mixed; boundary=b");
    for n in 0..100_000 {
        let _ = write!(
            named,
            "--b\nContent-Disposition: attachment; filename={n}.stdio\n\nx\n"
        );
    }
    replay("100,000 attachments", named);
    let mut never = head("Content-Type: multipart/mixed; boundary=b");
    for n in 0..100_000 {
        let _ = write!(
            never,
            "--b\nContent-Type: multipart/mixed; boundary=never{n}\n\nx\n"
        );
    }
    replay("100,000 boundaries that never come", never);
}

#[test]
fn bombs_of_headers() {
    let body = format!("{}{NOTICE}", head("Content-Type: text/plain"));
    let with = |headers: String| headers + &body;
    replay(
        "100,000 headers",
        with(lines(2 * MIB, |n| format!("X-{n}: y"))),
    );
    replay(
        "100,000 times Received",
        with("Received: x; y\n".repeat(100_000)),
    );
    replay(
        "a header of 30 MB",
        with(format!("X-Long: {}\n", "x".repeat(30 * MIB))),
    );
    replay(
        "a subject of 12 MB of words",
        with(format!("Subject: {}\n", "a ".repeat(6 * MIB))),
    );
    let words = "=?utf-8?q?=E2=98=A0=0A?= ".repeat(400_000);
    replay(
        "10 MB of encoded words",
        with(format!("Subject: {words}\n")),
    );
    let ids = lines(3 * MIB, |n| format!(" <{n}.aaaaaaaaaaaaaaaaa@example.org>"));
    replay("100,000 references", with(format!("References:{ids}")));
    replay(
        "100,000 authors",
        with(format!(
            "From: {}x@y\n",
            "a@example.org,\n ".repeat(100_000)
        )),
    );
    replay(
        "folded for ever",
        with(format!("Subject: x\n{}", " \n".repeat(MIB))),
    );
    replay("no end of headers", "X: y\n".repeat(2 * MIB));
    replay("no headers at all", "\n".repeat(8 * MIB));
    replay("nothing", "");
    replay("zeros", vec![0; 20 * MIB]);
    let noise: Vec<u8> = (0..10 * MIB as u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9) >> 13) as u8)
        .collect();
    replay("noise", noise);
}

#[test]
fn logs_that_say_too_much() {
    type Line = fn(usize) -> String;
    let cases: [(&str, Line); 8] = [
        ("FAIL: headers", |n| {
            format!("FAIL: test_x{n} (test.test_y.Z{n}.test_x{n})")
        }),
        ("ERROR: headers", |n| {
            format!(
                "{0}\nERROR: t{n} (test.t.Z.t{n})\n{1}\nFoo: {n}",
                "=".repeat(70),
                "-".repeat(70)
            )
        }),
        ("tracebacks", |n| {
            format!(
                "Traceback (most recent call last):\n  File \"a{n}.py\", line {n}, in f\n    x\nValueError: {n}\n"
            )
        }),
        ("one endless traceback", |n| {
            format!("  File \"a{n}.py\", line {n}, in f\n    x")
        }),
        ("test_x failed", |n| format!("test_x{n} failed")),
        ("progress lines", |n| {
            format!("0:00:00 load avg: 1.00 [{n}/1/{n}] test_x{n} failed (1 error)")
        }),
        ("Fatal Python error", |n| {
            format!(
                "Fatal Python error: Segmentation fault\n\nCurrent thread 0x{n:016x} (most recent call first):\n  File \"a.py\", line {n} in f\n"
            )
        }),
        ("compiler errors", |n| {
            format!("./a{n}.c:{n}:1: error: expected ';' before '}}' token")
        }),
    ];
    for (index, (what, line)) in cases.into_iter().enumerate() {
        // A large one; the others would cost only time.
        let size = if index == 0 { 16 * MIB } else { 3 * MIB };
        let log = lines(size, line);
        let (row, _) = replay(
            what,
            with_attachment("test.stdio", "text/plain", "8bit", &log),
        );
        assert!(
            row.to_string().len() < MIB,
            "{what}: a row of {} bytes",
            row.to_string().len()
        );
    }
}

#[test]
fn a_mail_that_breaks_the_program_is_laid_aside() {
    let desk = Desk::new("");
    desk.settle();
    let store = desk.store();
    let poison = store.take_in(
        &IncomingMail {
            mailbox: "files",
            uidvalidity: 1,
            uid: 1,
            content_key: "poison",
            message_id: None,
            raw: notice("poison").as_bytes(),
            truncated: false,
        },
        2,
        1_795_000_000,
    );
    let Ok(Taken::New(id)) = poison else {
        panic!("{poison:?}")
    };
    // Three times the program began to read it, and never came to an end.
    for attempts in 1..=3 {
        assert_eq!(store.count_attempt(id).expect("a count"), attempts);
    }
    drop(store);
    desk.take(notice("sound"));
    let row = desk.row(1);
    assert_eq!(row["stage"], "quarantined", "{row}");
    assert!(
        row["quarantined"].to_string().contains("3 attempts"),
        "{row}"
    );
    assert_eq!(desk.row(2)["stage"], "drafted");
    let listed = desk.done(&["list", "--quarantined"]);
    assert!(listed.contains("retry 1"), "{listed}");
    let raw = desk.store().raw(id).expect("the raw mail");
    assert_eq!(raw, notice("poison").into_bytes());
    // A person tries again, after the program was mended.
    desk.done(&["retry", "1"]);
    desk.settle();
    // The sound one is about the same failure, and waits for a decision.
    assert_eq!(desk.row(1)["stage"], "attached");
}
