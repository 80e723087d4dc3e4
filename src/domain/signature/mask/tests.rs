use super::*;
use crate::domain::untrusted::tests::hostile_texts;

fn check(text: &str, expect: &str) {
    assert_eq!(mask(text), expect, "{text}");
}

#[test]
fn each_kind_has_its_placeholder() {
    check(
        "at 2024-07-22T10:11:12.5Z and 2024-07-22 10:11:12,123",
        "at <time> and <time>",
    );
    check(
        "Mon, 22 Jul 2024 10:11:12 GMT; Mon Jul 22 10:11:12 2024",
        "<time>; <time>",
    );
    check("20240722T101112Z", "<time>");
    check("Timeout (0:20:00)!", "Timeout (<time>)!");
    check(
        "<A at 0x7f12> <B at 0x7f13> <A at 0x7F12>",
        "<A at <hex1>> <B at <hex2>> <A at <hex1>>",
    );
    check(
        "thread 00001A2B3C4D5E6F in deadbeef1",
        "thread <hex1> in <hex2>",
    );
    check("id 550e8400-e29b-41d4-a716-446655440000", "id <uuid1>");
    check("'/tmp/tmpab12cd_9/x.txt' gone", "'<tmp1>/x.txt' gone");
    check(
        r"C:\Users\bot\AppData\Local\Temp\tmpq1w2e3r4\a",
        r"<tmp1>\a",
    );
    check("/var/folders/zz/abc_1/T/tmpq1w2e3r4", "<tmp1>");
    check("@test_1234_tmp and tmpq1w2e3r4", "<tmp1> and <tmp2>");
    check("/a/build/test_python_worker_99æ/x", "<tmp1>/x");
    check(
        "('127.0.0.1', 40123) 127.0.0.1:40123 10.2.3.4:8080 port 8080",
        "('127.0.0.1', <port1>) 127.0.0.1:<port1> <ip1>:<port2> port <port2>",
    );
    check(
        "pid=12 process 13 ==14==ERROR fd=5",
        "pid=<pid1> process <pid2> ==<pid4>==ERROR fd=<pid3>",
    );
    check(
        "20 min 3 sec or 1200 seconds or 0.25s or 1 min, 2 sec",
        "<duration> or <duration> or <duration> or <duration>",
    );
    check(
        "Thread-12 (worker) ForkServerPoolWorker-42 Task-7 Process-1:2",
        "Thread-<id1> (worker) ForkServerPoolWorker-<id2> Task-<id3> Process-<id4>",
    );
    check("python3.13 Python 3.14.0a1+ x", "python<v> Python <v> x");
    check("_ssl.cpython-313-x86_64-linux-gnu.so", "_ssl<ext>");
    check(
        "File \"x.py\", line 12, in f; y.c:12:3: error",
        "File \"x.py\", line <line>, in f; y.c:<line>: error",
    );
    check("3 threads, 1234 != 1235", "<n1> threads, <n2> != <n3>");
    check(
        "int32 utf8 test_b2a b'\\x00' ISO-8859-1",
        "int32 utf8 test_b2a b'\\x00' ISO-8859-1",
    );
}

#[test]
fn the_same_value_has_the_same_placeholder_whichever_rule_met_it() {
    check("0x7f0a != 0x7f0a", "<hex1> != <hex1>");
    check("0x7f0a != 0x7f0b", "<hex1> != <hex2>");
    check("0xa != 0xa", "0xa != 0xa");
    check("port 40123 is not 40123", "port <port1> is not <port1>");
    check("port 40123 is not 40124", "port <port1> is not <n1>");
    check("pid 777, got 777 or 778", "pid <pid1>, got <pid1> or <n1>");
    check("Task-5 has fd=5", "Task-<id1> has fd=<pid1>");
    check("/tmp/abc/x is not /tmp/abc/x", "<tmp1>/x is not <tmp1>/x");
}

#[test]
fn source_paths_begin_at_their_top_folder() {
    check(
        "/home/b/3.x/build/Lib/test/test_os.py:12",
        "Lib/test/test_os.py:<line>",
    );
    check(
        r"D:\b\3.x.bot\build\lib\test\test_os.py",
        "Lib/test/test_os.py",
    );
    check(
        "/usr/lib64/python3.13/test/test_os.py",
        "Lib/test/test_os.py",
    );
    check(
        "../cpython/Objects/longobject.c:12:3: error",
        "Objects/longobject.c:<line>: error",
    );
    check("../Modules/x.c", "Modules/x.c");
    check("no/path here / there", "no/path here / there");
}

#[test]
fn numbers_that_are_causes_are_found_again() {
    let check = |text: &str, expect: &[&str]| assert_eq!(codes(&mask(text)), expect, "{text}");
    check("[Errno 13] Permission denied: '/tmp/abc/x'", &["13"]);
    check("-11 != 0", &["-11"]);
    check("exit code 0xC0000005 after 20 sec", &["0xC0000005"]);
    check("HTTP Error 404: Not Found", &["404"]);
    check("1 != 2 on port 80", &[]);
    check("a-1 and 3-4", &[]);
}

#[test]
fn masking_is_stable_on_any_text() {
    for text in hostile_texts() {
        let masked = mask(&text);
        assert!(!masked.contains(char::is_control), "{text:?}");
        assert_eq!(mask(&text), masked);
    }
}

/// Numbers without any order, the same ones in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn letters(&mut self, count: usize) -> String {
        let alphabet: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789_".chars().collect();
        (0..count)
            .map(|_| alphabet[usize::try_from(self.below(37)).unwrap()])
            .collect()
    }

    fn hex(&mut self, count: usize) -> String {
        // One digit and one letter at least, as nearly every such number has.
        let digits: String = (2..count)
            .map(|_| format!("{:x}", self.below(16)))
            .collect();
        format!("7{digits}f")
    }

    /// What stands at a hole of that name in one run.
    fn value(&mut self, hole: &str) -> String {
        match hole {
            "addr" => format!("0x{}", self.hex(12)),
            "addr32" => format!("0x{:08X}", 0x1000_0000 + self.below(0xef00_0000)),
            "pid" => (1 + self.below(99_999)).to_string(),
            "ident" => (140_000_000_000_000 + self.below(99_999_999_999)).to_string(),
            "port" => (1024 + self.below(64_000)).to_string(),
            "small" => self.below(40).to_string(),
            "count" => self.below(5000).to_string(),
            "secs" => format!("{}.{:03}", self.below(300), self.below(1000)),
            "hms" => format!(
                "{}:{:02}:{:02}",
                self.below(9),
                self.below(60),
                self.below(60)
            ),
            "iso" => format!(
                "20{:02}-{:02}-{:02}T{:02}:{:02}:{:02}",
                self.below(100),
                1 + self.below(12),
                1 + self.below(28),
                self.below(24),
                self.below(60),
                self.below(60)
            ),
            "ctime" => format!(
                "Mon Jul {:2} {:02}:{:02}:{:02} 2024",
                1 + self.below(28),
                self.below(24),
                self.below(60),
                self.below(60)
            ),
            "uuid" => format!(
                "{}-{}-{}-{}-{}",
                self.hex(8),
                self.hex(4),
                self.hex(4),
                self.hex(4),
                self.hex(12)
            ),
            "sha1" => self.hex(40),
            "sha256" => self.hex(64),
            "tmp" => self.temporary_path(),
            "testfn" => format!("@test_{}_tmp", self.below(99_999)),
            "build" => match self.below(3) {
                0 => format!("/home/{}/3.x/build", self.letters(5)),
                1 => format!("D:\\buildarea\\3.x.{}\\build", self.letters(5)),
                _ => "/Users/buildbot/buildarea/3.13".to_owned(),
            },
            "line" => (1 + self.below(4000)).to_string(),
            other => panic!("{other}"),
        }
    }

    fn temporary_path(&mut self) -> String {
        let name = self.letters(8);
        match self.below(6) {
            0 => format!("/tmp/tmp{name}"),
            1 => format!("/private/var/folders/zz/{name}0000gn/T/tmp{name}"),
            2 => format!("/var/tmp/{name}"),
            3 => format!("C:\\Users\\Some Bot\\AppData\\Local\\Temp\\tmp{name}"),
            4 => format!("d:\\\\temp\\\\tmp{name}"),
            _ => format!("/home/bot/tmp/tmp{name}"),
        }
    }

    fn fill(&mut self, template: &str) -> String {
        let mut parts = template.split(['{', '}']);
        let mut text = parts.next().unwrap_or_default().to_owned();
        while let (Some(hole), Some(rest)) = (parts.next(), parts.next()) {
            text += &self.value(hole);
            text += rest;
        }
        text
    }
}

/// Each filled in many times masks to one text.
const TEMPLATES: &[&str] = &[
    "<test.test_gc.Foo object at {addr}> is not None",
    "<_io.TextIOWrapper object at {addr32}> was never closed",
    "<Task pending name='Task-{small}' coro=<f() running at {build}/Lib/test/test_x.py:{line}>>",
    "<Thread(Thread-{small} (worker), started daemon {ident})> is alive",
    "<ForkServerProcess name='ForkServerProcess-{small}' pid={pid} parent={pid} started>",
    "<SpawnProcess(SpawnPoolWorker-{count}, stopped[SIGTERM])>",
    "unclosed <socket.socket fd={small}, laddr=('127.0.0.1', {port}), raddr=('127.0.0.1', {port})>",
    "unclosed <socket.socket fd={small}, laddr=('::1', {port}, 0, 0)>",
    "[Errno 98] Address already in use: ('localhost', {port})",
    "Multiple exceptions: [Errno 111] Connect call failed ('::1', {port}, 0, 0)",
    "http://127.0.0.1:{port}/x refused",
    "http://localhost:{port}/x refused",
    "[Errno 2] No such file or directory: '{tmp}'",
    "[Errno 2] No such file or directory: '{tmp}/a.txt'",
    "'{testfn}' still exists",
    "test took {secs} seconds",
    "timed out after {secs} s",
    "timed out (20 min {small} sec)",
    "Timeout ({hms})!",
    "modified {iso}, now {iso}",
    "modified {ctime}",
    "uuid {uuid} is not unique",
    "commit {sha1} is gone",
    "hash {sha256} differs",
    "{count} references leaked",
    "seed={count}",
    "Using random seed: {count}",
    "process {pid} died",
    "child {pid} exited with code 1",
    "=={pid}==ERROR: AddressSanitizer: heap-use-after-free on address {addr}",
    "{build}/Modules/_ssl.c:{line}:{small}: warning: unused",
    "cannot open {build}/Lib/test/data.txt",
    "File \"{build}/Lib/test/test_x.py\", line {line}, in test_y",
    "{secs} not less than or equal to {secs}",
    "{count} not greater than {count}",
    "Dangling threads, count: {small}",
    "{small} items in queue",
];

#[test]
fn what_changes_from_run_to_run_does_not_count() {
    let mut chance = Chance(20_240_722);
    for template in TEMPLATES {
        let filled: Vec<String> = (0..200).map(|_| chance.fill(template)).collect();
        let first = mask(&filled[0]);
        for text in &filled {
            // Two holes may by chance hold the same value, which is told.
            let masked = mask(text);
            let alike = |text: &str| text.replace('2', "1");
            assert_eq!(alike(&masked), alike(&first), "{text}\n{}", filled[0]);
        }
    }
}
