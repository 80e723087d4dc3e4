//! The page: a real `serve` on a demo's folder, asked byte by byte as any program
//! may, and driven by a real browser.

mod browser;
mod deciding;
mod expired;
mod filing;
mod forwarded;
mod mending;
mod race;
mod recovered;
mod safety;
mod slow;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;
use tempfile::TempDir;

const NAME: &str = "Vic Stone";
const PASSWORD: &str = "correct horse battery";

/// A demo's folder with its page.
struct Page {
    _temporary: TempDir,
    folder: PathBuf,
    port: u16,
    child: Child,
}

/// What the page answered.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Somebody with a browser's memory and nothing else of one.
#[derive(Clone)]
struct Client {
    port: u16,
    host: String,
    cookies: BTreeMap<String, String>,
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildbot-watch"));
    command
        .env_remove("CARGO_MANIFEST_DIR")
        .env("COLUMNS", "200")
        .env("BUILDBOT_WATCH_NAME", "root")
        .arg("--dir")
        .arg(folder);
    command
}

#[track_caller]
fn run(folder: &Path, words: &[&str]) -> String {
    let output = program(folder).args(words).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

fn add_user(folder: &Path, name: &str, password: &str) {
    let mut child = program(folder)
        .args(["user", "add", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    assert!(child.wait().unwrap().success());
}

impl Page {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A demo's folder, changed before the page is served.
    fn with(change: impl FnOnce(&Path)) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("demo");
        run(&folder, &["demo"]);
        change(&folder);
        add_user(&folder, NAME, PASSWORD);
        let (child, place) = serve(&folder, &["--listen", "127.0.0.1:0"]);
        let port = place.trim_end_matches('/').rsplit(':').next().unwrap();
        Self {
            port: port.parse().unwrap(),
            folder,
            _temporary: temporary,
            child,
        }
    }

    fn visitor(&self) -> Client {
        Client {
            port: self.port,
            host: format!("127.0.0.1:{}", self.port),
            cookies: BTreeMap::new(),
        }
    }

    fn client(&self) -> Client {
        let mut client = self.visitor();
        client.log_in(NAME, PASSWORD).leads_to("/");
        client
    }

    fn run(&self, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().collect();
        run(&self.folder, &words)
    }

    /// The replies that left, once there are as many.
    fn sent(&self, wanted: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let files = fs::read_dir(self.folder.join("sent/new"));
            let files: Vec<_> = files.into_iter().flatten().flatten().collect();
            if files.len() >= wanted {
                let read = |file: &fs::DirEntry| fs::read_to_string(file.path()).unwrap();
                return files.iter().map(read).collect();
            }
            assert!(
                begun.elapsed() < LONGEST,
                "{} of {wanted} mails left",
                files.len()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn database(&self) -> rusqlite::Connection {
        let path = self.folder.join("state/buildbot-watch.sqlite3");
        rusqlite::Connection::open(path).unwrap()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the page and tells where it is.
fn serve(folder: &Path, words: &[&str]) -> (Child, String) {
    let mut child = program(folder)
        .args(["serve", "--json"])
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.trim_end().ends_with('}') {
        assert_ne!(out.read_line(&mut text).unwrap(), 0, "it ended: {text}");
    }
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    (child, document["page"].as_str().unwrap().to_owned())
}

impl Client {
    fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, &[], None)
    }

    /// Sends what a browser would with a form of this page.
    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = format!("http://{}", self.host);
        let headers = [
            ("Origin", origin.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.post_with(path, fields, &headers)
    }

    fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        self.request("POST", path, headers, Some(&body.join("&")))
    }

    fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let host = match headers.iter().any(|(name, _)| *name == "Host") {
            true => String::new(),
            false => format!("Host: {}\r\n", self.host),
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            head.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        if let Some(body) = body {
            head.push_str(&format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        let text = format!("{head}\r\n{}", body.unwrap_or_default());
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        let answer = ask(stream, &text);
        self.keep_cookies(&answer);
        answer
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for (name, value) in &answer.headers {
            if name == "set-cookie" {
                let (pair, _) = value.split_once(';').unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn log_in(&mut self, name: &str, password: &str) -> Answer {
        let token = self.get("/login").hidden("/login", "csrf");
        let fields = [
            ("csrf", token.as_str()),
            ("name", name),
            ("password", password),
        ];
        self.post("/login", &fields)
    }

    /// Sends the form that goes to `action` from a page, with these fields besides.
    fn send(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let hidden = page.all_hidden(action);
        let mut all: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.extend(fields);
        self.post(action, &all)
    }
}

/// Nothing takes longer, on whatever machine.
const LONGEST: Duration = Duration::from_secs(60);

fn ask(mut stream: impl Read + Write, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_lowercase(), value.trim().to_owned())
    });
    Answer {
        status: status.parse().unwrap(),
        headers: headers.collect(),
        body: body.to_owned(),
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
        value
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    #[track_caller]
    fn leads_to(self, place: &str) -> Self {
        assert_eq!(self.status, 303, "{}", self.body);
        assert_eq!(self.header("location"), place);
        self
    }

    #[track_caller]
    fn says(self, words: &str) -> Self {
        assert!(self.body.contains(words), "{words:?} in {}", self.body);
        self
    }

    /// What the first form that goes there carries unseen.
    #[track_caller]
    fn all_hidden(&self, action: &str) -> Vec<(String, String)> {
        let begin = format!("method=\"post\" action=\"{action}\"");
        let (_, rest) = self
            .body
            .split_once(&begin)
            .unwrap_or_else(|| panic!("no form to {action} in {}", self.body));
        let (form, _) = rest.split_once("</form>").unwrap();
        let pattern = r#"<input type="hidden" name="([^"]*)" value="([^"]*)">"#;
        let inputs = Regex::new(pattern).unwrap();
        inputs
            .captures_iter(form)
            .map(|found| (found[1].to_owned(), found[2].to_owned()))
            .collect()
    }

    #[track_caller]
    fn hidden(&self, action: &str, name: &str) -> String {
        let all = self.all_hidden(action);
        let found = all.into_iter().find(|(known, _)| known == name);
        found.unwrap().1
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// What a page shows, as it was before it was escaped.
fn unescaped(html: &str) -> String {
    let pairs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x3D;", "="),
        ("&#x60;", "`"),
        ("&amp;", "&"),
    ];
    let mut text = html.to_owned();
    for (escaped, plain) in pairs {
        text = text.replace(escaped, plain);
    }
    text
}
