//! The page in the service as the unit shuts it in. There is no systemd here; so the
//! lines are read as systemd reads them, and the system calls that they forbid are
//! forbidden by strace.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{CONFIG, UNIT, systemd_analyze};
use crate::service::{PATIENCE, PROGRAM};

/// The values of a setting, in order.
fn settings(name: &str) -> Vec<String> {
    let unit = fs::read_to_string(UNIT).unwrap();
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
        .collect()
}

/// What the example says of a setting of `[web]`, also where it is only a suggestion.
fn examples(name: &str) -> Vec<String> {
    let text = fs::read_to_string(CONFIG).unwrap();
    let (_, section) = text.split_once("\n[web]\n").unwrap();
    let (section, _) = section.split_once("\n[").unwrap();
    let begin = format!("#{name} = \"");
    let lines = section.lines().filter_map(|line| line.strip_prefix(&begin));
    lines
        .map(|rest| rest.trim_end_matches('"').to_owned())
        .collect()
}

#[test]
fn the_unit_lets_the_page_listen_where_the_example_says() {
    assert_eq!(settings("SocketBindDeny"), ["any"]);
    let families = settings("RestrictAddressFamilies").join(" ");
    let listen = examples("listen");
    assert_eq!(listen, ["127.0.0.1:8025", "/run/buildbot-watch/page.sock"]);
    let port = listen[0].rsplit(':').next().unwrap();
    let allowed = settings("SocketBindAllow");
    assert_eq!(allowed, [format!("ipv4:tcp:{port}")]);
    assert!(families.contains("AF_INET ") && families.contains("AF_UNIX"));
    let folder = Path::new(&listen[1]).parent().unwrap();
    let made = settings("RuntimeDirectory");
    assert_eq!(
        made,
        [folder.strip_prefix("/run").unwrap().to_str().unwrap()]
    );
    // A proxy in the service's group gets to the socket, nobody else.
    assert_eq!(settings("RuntimeDirectoryMode"), ["0750"]);
    assert_eq!(settings("Group"), ["buildbot-watch"]);
}

/// The system calls of a group.
fn group(name: &str) -> BTreeSet<String> {
    let output = systemd_analyze(&["syscall-filter", name]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(str::trim);
    let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#') && *line != name);
    names
        .flat_map(|name| match name.starts_with('@') {
            true => group(name),
            false => BTreeSet::from([name.to_owned()]),
        })
        .collect()
}

/// What the unit lets the service call.
fn allowed_calls() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for line in settings("SystemCallFilter") {
        let (names, is_denied) = match line.strip_prefix('~') {
            Some(names) => (names, true),
            None => (line.as_str(), false),
        };
        for name in names.split_whitespace() {
            let calls = group(name);
            assert!(calls.len() > 5, "{name}");
            match is_denied {
                true => allowed.retain(|call| !calls.contains(call)),
                false => allowed.extend(calls),
            }
        }
    }
    allowed
}

/// A service of a demo's folder with a page, confined as the unit confines it.
struct Confined {
    child: Child,
    _temporary: tempfile::TempDir,
    folder: PathBuf,
}

impl Confined {
    fn start(listen: &str, calls: &BTreeSet<String>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("demo");
        let made = Command::new(PROGRAM)
            .args(["demo", "--dir"])
            .arg(&folder)
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let config = folder.join("config.toml");
        let text = fs::read_to_string(&config).unwrap();
        let listen = listen.replace("RUN", folder.to_str().unwrap());
        let web = format!("\n[web]\nlisten = \"{listen}\"\nhosts = [\"watch\"]\n");
        fs::write(&config, format!("{text}{web}")).unwrap();
        let calls: Vec<String> = calls.iter().map(|call| format!("?{call}")).collect();
        let [umask, files] = ["UMask", "LimitNOFILE"].map(|name| settings(name).join(""));
        let calls = calls.join(",");
        // Only what is traced can be refused.
        let line = format!(
            "umask {umask}; ulimit -n {files}; exec strace -f -qq -o \"$0\" \
             -e 'trace=!{calls}' -e 'inject=!{calls}:error=EPERM' \"$@\""
        );
        let child = Command::new("sh")
            .args(["-c", &line])
            .arg(folder.join("trace"))
            .args([PROGRAM, "run", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            folder,
            _temporary: temporary,
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Waits for one of these words in the log; gives which.
    fn says<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let begun = Instant::now();
        loop {
            let log = self.log();
            if let Some(found) = words.iter().find(|words| log.contains(**words)) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{log}");
            assert!(self.child.try_wait().unwrap().is_none(), "{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // strace ends with what it traces.
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        for program in children.unwrap_or_default().split_whitespace() {
            let pid = program
                .parse()
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
        let _ = self.child.wait();
    }
}

const SERVED: &str = "the page is served";
const NOT_SERVED: &str = "the page is not served";

/// What whoever wants to log in gets.
fn answer(mut stream: impl Read + Write) -> String {
    let request = "GET /login HTTP/1.1\r\nHost: watch\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_page_is_served_with_the_calls_that_the_unit_leaves() {
    let allowed = allowed_calls();
    let port = free_port();
    let mut service = Confined::start(&format!("127.0.0.1:{port}"), &allowed);
    assert_eq!(service.says(&[NOT_SERVED, SERVED]), SERVED);
    let told = answer(TcpStream::connect(("127.0.0.1", port)).unwrap());
    assert!(told.starts_with("HTTP/1.1 200 OK"), "{told}");
    drop(service);

    let mut service = Confined::start("RUN/page.sock", &allowed);
    assert_eq!(service.says(&[NOT_SERVED, SERVED]), SERVED);
    let socket = service.folder.join("page.sock");
    let told = answer(UnixStream::connect(&socket).unwrap());
    assert!(told.starts_with("HTTP/1.1 200 OK"), "{told}");
    // In spite of the umask the group gets in.
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o660);
    drop(service);

    // What is forbidden is: without one call the same fails, and says what to do.
    let port = free_port();
    let without = allowed.iter().filter(|call| *call != "bind").cloned();
    let mut service = Confined::start(&format!("127.0.0.1:{port}"), &without.collect());
    assert_eq!(service.says(&[NOT_SERVED, SERVED]), NOT_SERVED);
    let log = service.log();
    assert!(log.contains("SocketBindAllow="), "{log}");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
