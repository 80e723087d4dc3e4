//! `read` on everything that people may point it at.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::hostile::bounds::{MOST_MEMORY, watched};
use crate::service::PROGRAM;

const MAIL: &str = "fixtures/mails/bb403-single-test-method.eml";
const LOG: &str = "fixtures/logs/single.stdio.txt";

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// One object a line.
    fn objects(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

fn read(arguments: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(PROGRAM)
        .arg("read")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // It may end without reading.
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("an output");
    let _ = writing.join().expect("a thread");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn file(path: &str) -> Vec<u8> {
    std::fs::read(path).expect(path)
}

#[test]
fn a_mail_and_a_log_of_the_same_build() {
    let said = read(&["--json", MAIL, LOG], b"");
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let [mail, log] = said.objects().try_into().expect("two objects");
    assert_eq!(mail["input"], MAIL);
    assert_eq!(mail["kind"], "failure");
    assert_eq!(mail["reason"], Value::Null);
    let build = &mail["builds"][0];
    assert_eq!(build["ci"], "buildbot");
    assert_eq!(build["branch"], "3.x");
    assert!(
        build["number"].is_u64() && build["url"].is_string(),
        "{build}"
    );
    let of_log = &log["builds"][0];
    assert_eq!(of_log["builder"], Value::Null);
    assert_eq!(of_log["ci"], Value::Null);
    for failure in [&build["failures"][0], &of_log["failures"][0]] {
        assert_eq!(failure["kind"], "failure");
        assert_eq!(failure["module"], "test_string");
        assert_eq!(failure["class"], "ModuleTest");
        assert_eq!(failure["method"], "test_capwords");
        assert_eq!(failure["subtest"], Value::Null);
        assert_eq!(failure["flaky"], false);
        assert_eq!(failure["exception"], "AssertionError");
        assert!(
            failure["line"]
                .as_str()
                .unwrap()
                .starts_with("AssertionError: ")
        );
        assert!(
            failure["excerpt"]
                .as_str()
                .unwrap()
                .contains("test_capwords")
        );
        assert!(failure["details"]["frames"].is_array());
    }
    let signature = &build["failures"][0]["signature"];
    assert_eq!(*signature, of_log["failures"][0]["signature"]);
    let line = &of_log["failures"][0]["details"]["log_line"];
    let log = String::from_utf8(file(LOG)).unwrap();
    let at = usize::try_from(line.as_u64().unwrap()).unwrap();
    assert!(
        log.lines()
            .nth(at - 1)
            .unwrap()
            .contains("FAIL: test_capwords")
    );
}

#[test]
fn standard_input_may_be_each_of_them() {
    for (arguments, input, kind) in [
        (&["--json", "-"][..], file(MAIL), "failure"),
        (&["--json", "-"], file(LOG), "failure"),
        (&["--json", "--as", "log", "-"], file(LOG), "failure"),
        (&["--json", "--as", "mail", "-"], file(MAIL), "failure"),
        // As a log a mail says nothing, or what its text says.
        (
            &["--json", "--as", "mail", "-"],
            b"no mail\n".to_vec(),
            "other",
        ),
    ] {
        let said = read(arguments, &input);
        let objects = said.objects();
        assert_eq!(objects.len(), 1, "{}", said.out);
        assert_eq!(objects[0]["kind"], kind, "{}", said.out);
    }
    let mut mbox = b"From a@b Sat Nov 21 09:15:00 2026\n".to_vec();
    mbox.extend(file(MAIL));
    mbox.extend(b"\nFrom a@b Sat Nov 21 09:16:00 2026\n");
    mbox.extend(file("fixtures/mails/default-plain-4.x-recovery.eml"));
    let said = read(&["--json", "-"], &mbox);
    let kinds: Vec<Value> = said.objects().iter().map(|it| it["kind"].clone()).collect();
    assert_eq!(kinds, ["failure", "recovery"]);
    assert!(
        said.objects()[1]["input"]
            .as_str()
            .unwrap()
            .contains("mail 2")
    );
}

#[test]
fn every_kind_of_mail_has_its_name() {
    for (name, kind) in [
        ("default-plain-4.x-recovery", "recovery"),
        ("nonprod-warnings-flaky", "warning"),
        ("bb403-worker-missing", "worker_missing"),
        ("mailman-post-human-reply", "reply"),
        ("nonprod-exception", "other"),
    ] {
        let path = format!("fixtures/mails/{name}.eml");
        let said = read(&["--json", &path], b"");
        let object = &said.objects()[0];
        assert_eq!(object["kind"], kind, "{name}");
        assert!(object["reason"].is_string(), "{name}");
        assert_eq!(said.code, Some(0), "{name}");
    }
    let own = b"From: a@b\nTo: c@d\nX-Buildbot-Watch-Loop: x\nSubject: Re: y\n\nz\n";
    assert_eq!(read(&["--json", "-"], own).objects()[0]["kind"], "own");
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let said = read(&["--json", folder, "/dev/null", "no-such-file", MAIL], b"");
    assert_eq!(said.code, Some(1));
    let objects = said.objects();
    let kinds: Vec<&Value> = objects.iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["other", "other", "other", "failure"]);
    for (object, words) in objects
        .iter()
        .zip(["folder without mails", "is empty", "No such file"])
    {
        let reason = object["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        assert!(said.err.contains(words), "{}", said.err);
    }
    let garbage: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8)
        .collect();
    let said = read(&["-"], &garbage);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.contains("no form of log that is known"),
        "{}",
        said.out
    );
    let said = read(&["--as", "log", "-"], b"");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("standard input is empty"), "{}", said.err);
    assert_eq!(read(&[], b"").code, Some(2));
}

#[test]
fn a_log_without_failures_is_no_mistake() {
    let said = read(
        &["--json", "-"],
        b"0:00:01 [1/1] test_os passed\n\nResult: SUCCESS\n",
    );
    assert_eq!(said.code, Some(0));
    assert_eq!(said.objects()[0]["reason"], "the log tells of no failure");
}

#[test]
fn people_see_what_matters() {
    let said = read(&["fixtures/mails/bb403-many-files-subtests.eml"], b"");
    for words in [
        "mail, failure",
        "PPC64LE RHEL8 LTO + PGO 3.x",
        "test_textwrap: 6 tests (failed)",
        "    | ",
        "signature ",
    ] {
        assert!(said.out.contains(words), "no {words} in {}", said.out);
    }
    let hostile = b"FAIL: test_x (test.test_os.T.test_x)\n\
        ----------------------------------------------------------------------\n\
        Traceback (most recent call last):\n\
        \x20 File \"/b/Lib/test/test_os.py\", line 1, in test_x\n\
        AssertionError: a\xe2\x80\xaeb\x07\n\n";
    let said = read(&["-"], hostile);
    assert!(said.out.contains("test_os.T.test_x"), "{}", said.out);
    assert!(!said.out.contains(['\u{202e}', '\u{7}']), "{:?}", said.out);
}

/// Of a long log in a file the end is read, of one that comes as a stream
/// everything, in bounded memory.
#[test]
fn a_huge_log_takes_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.txt");
    let mut log = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let line = format!(
        "o{} test_x (test.test_os.T.test_x) ... ok\n",
        "x".repeat(3000)
    );
    while log.get_ref().metadata().unwrap().len() < 300 << 20 {
        log.write_all(line.repeat(300).as_bytes()).unwrap();
    }
    log.write_all(&file(LOG)).unwrap();
    drop(log);
    let mut command = Command::new(PROGRAM);
    command.args(["read", "--json"]).arg(&path);
    let (ended, out, peak) = watched("a huge log", &mut command, &folder.path().join("out"));
    assert!(ended.success());
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        object["builds"][0]["failures"][0]["method"],
        "test_capwords"
    );
    let remark = object["remarks"][0].as_str().unwrap();
    assert!(remark.contains("left out"), "{remark}");
    assert!(peak < MOST_MEMORY / 4, "{} MiB", peak >> 20);
}
