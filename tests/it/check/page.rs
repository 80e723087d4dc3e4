//! What `check` says of the page: whether `run` will be able to serve it, and whether
//! anybody can use it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::service::{PATIENCE, PROGRAM, Ran};

/// A demo's folder with these lines of `[web]`.
struct Place {
    _temporary: tempfile::TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("demo");
        let place = Self {
            folder,
            _temporary: temporary,
        };
        assert!(place.run(&["demo"]).status.success());
        place
    }

    fn program(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .env("COLUMNS", "200")
            .env("BUILDBOT_WATCH_NAME", "root");
        command.arg("--dir").arg(&self.folder);
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        let output = self.program().args(words).stdin(Stdio::null()).output();
        let output = output.unwrap();
        Ran {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Writes the section anew.
    fn web(&self, lines: &str) {
        let file = self.folder.join("config.toml");
        let text = fs::read_to_string(&file).unwrap();
        let before = text.split("\n[web]\n").next().unwrap();
        fs::write(file, format!("{before}\n[web]\n{lines}\n")).unwrap();
    }

    /// The lines about the page, each with its remedy.
    fn check(&self) -> Vec<String> {
        let ran = self.run(&["check"]);
        let mut told: Vec<String> = Vec::new();
        let mut is_ours = false;
        for line in ran.out.lines() {
            if !line.starts_with(' ') {
                is_ours = line.split_whitespace().nth(1) == Some("web");
                if is_ours {
                    told.push(String::new());
                }
            }
            if let (true, Some(last)) = (is_ours, told.last_mut()) {
                last.push_str(line.trim());
                last.push(' ');
            }
        }
        let words = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        told.into_iter().map(words).collect()
    }

    #[track_caller]
    fn says(&self, parts: &[&str]) {
        let told = self.check();
        let found = |line: &&String| parts.iter().all(|part| line.contains(part));
        assert!(told.iter().any(|line| found(&line)), "{parts:?}: {told:#?}");
    }

    fn add_user(&self) {
        let mut child = self
            .program()
            .args(["user", "add", "Vic Stone"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "correct horse battery").unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// The page alone, once it listens.
    fn serve(&self) -> Served {
        let mut child = self
            .program()
            .args(["serve", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut first)
            .unwrap();
        Served(child)
    }
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_page_that_is_not_wanted_is_not_mentioned() {
    assert_eq!(Place::new().check(), Vec::<String>::new());
}

#[test]
fn a_port_is_free_ours_or_somebody_elses() {
    let place = Place::new();
    let port = free_port();
    let listen = format!("listen = \"127.0.0.1:{port}\"");
    place.web(&listen);
    place.says(&["ok", "is free; the service will serve the page there"]);
    place.says(&[
        "warning",
        "nobody can log in yet",
        "user add NAME",
        "trusted_header",
    ]);
    place.add_user();
    place.says(&["ok", "1 user can log in"]);
    {
        let _served = place.serve();
        place.says(&[
            "ok",
            "the page is served at",
            &format!("as 127.0.0.1:{port}"),
        ]);
        // It was started with other names.
        place.web(&format!("{listen}\nhosts = [\"watch:{port}\"]"));
        place.says(&["warning", "does not answer to", "systemctl reload"]);
    }
    let other = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").unwrap();
    });
    place.says(&["wrong", "another program listens on", "another address"]);
    answers.join().unwrap();
    place.web("listen = \"192.0.2.1:8025\"\nopen_to_network = true\nhosts = [\"a:8025\"]");
    place.says(&[
        "wrong",
        "cannot be listened on",
        "an address of this machine",
    ]);
}

/// Waits until a socket is gone or there.
fn until(path: &Path, is_there: bool) {
    let begun = Instant::now();
    while path.exists() != is_there {
        assert!(begun.elapsed() < PATIENCE, "{}", path.display());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_socket_needs_a_folder_and_a_place_of_its_own() {
    let place = Place::new();
    let hosts = "hosts = [\"watch.example.org\"]\nhttps = true";
    let socket = place.folder.join("page.sock");
    place.web(&format!("listen = \"./page.sock\"\n{hosts}"));
    place.says(&["ok", "page.sock can be made"]);
    assert!(!socket.exists(), "a check makes nothing");
    {
        let _served = place.serve();
        until(&socket, true);
        place.says(&["ok", "the page is served at", "as watch.example.org"]);
    }
    // Killed: the socket stays behind and is nobody's.
    assert!(socket.exists());
    place.says(&["ok", "page.sock can be made"]);
    let other = {
        fs::remove_file(&socket).unwrap();
        std::os::unix::net::UnixListener::bind(&socket).unwrap()
    };
    let ends = std::thread::spawn(move || drop(other.accept()));
    place.says(&["wrong", "another program listens on"]);
    ends.join().unwrap();
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "").unwrap();
    place.says(&[
        "wrong",
        "something other than a socket",
        "Remove what stands there",
    ]);
    place.web(&format!("listen = \"./nowhere/page.sock\"\n{hosts}"));
    place.says(&[
        "wrong",
        "is not a folder",
        "RuntimeDirectory=buildbot-watch",
    ]);
    let long = "x".repeat(120);
    place.web(&format!("listen = \"/tmp/{long}\"\n{hosts}"));
    place.says(&["wrong", "too long for a socket"]);
}

#[test]
fn names_and_people_are_looked_at() {
    let place = Place::new();
    let port = free_port();
    place.web(&format!(
        "listen = \"127.0.0.1:{port}\"\nhosts = [\"watch.example.org\"]"
    ));
    place.says(&[
        "warning",
        "ask on port 80, not on 127.0.0.1",
        &format!("\"watch.example.org:{port}\""),
        "https = true",
    ]);
    place.web(&format!(
        "listen = \"127.0.0.1:{port}\"\nproxy = \"127.0.0.1\"\ntrusted_header = \"X-Remote-User\""
    ));
    place.says(&["ok", "whom the proxy names in x-remote-user may decide"]);
}
