//! The page in a real browser without a screen: Chromium, spoken to over a pipe in
//! its DevTools protocol. What it showed is kept in target/tests/screenshots.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{NAME, PASSWORD, Page};

/// Seconds after which a browser that hangs is ended.
const LONGEST: &str = "240";

/// For what a page's script does.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Browser {
    _profile: TempDir,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
    session: Option<String>,
    events: Vec<Value>,
    page: String,
}

impl Browser {
    fn on(page: &Page) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The protocol is spoken on the descriptors 3 and 4.
        let line = "exec chromium-headless-shell --no-sandbox --disable-gpu \
                    --disable-dev-shm-usage --remote-debugging-pipe \"--user-data-dir=$1\" \
                    about:blank 3<&0 4>&1 0</dev/null 1>&2 2>\"$1/errors\"";
        let mut child = Command::new("timeout")
            .args([LONGEST, "sh", "-c", line, "browser"])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut browser = Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            _profile: profile,
            child,
            asked: 0,
            session: None,
            events: Vec::new(),
            page: format!("http://127.0.0.1:{}", page.port),
        };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for part in ["Page", "Runtime", "Log"] {
            browser.ask(&format!("{part}.enable"), json!({}));
        }
        browser
    }

    fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.output.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser ended");
        serde_json::from_slice(&bytes).unwrap()
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.input, "{message}\0").unwrap();
        self.input.flush().unwrap();
        loop {
            let mut answer = self.next();
            if answer["id"] == json!(id) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Waits until the next page is there; nothing may have been refused on it.
    pub(super) fn loaded(&mut self) {
        loop {
            for event in std::mem::take(&mut self.events) {
                let is_bad = event["method"] == "Runtime.exceptionThrown"
                    || event["params"]["entry"]["source"] == "security";
                assert!(!is_bad, "{event}");
                if event["method"] == "Page.loadEventFired" {
                    return;
                }
            }
            let event = self.next();
            self.events.push(event);
        }
    }

    pub(super) fn go(&mut self, path: &str) {
        let url = format!("{}{path}", self.page);
        self.ask("Page.navigate", json!({ "url": url }));
        self.loaded();
    }

    pub(super) fn run(&mut self, script: &str) -> Value {
        let params = json!({ "expression": script, "returnByValue": true });
        let mut result = self.ask("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{script}: {result}");
        result["result"]["value"].take()
    }

    fn path(&mut self) -> String {
        self.run("location.pathname").as_str().unwrap().to_owned()
    }

    pub(super) fn text(&mut self) -> String {
        let text = self.run("document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    /// Presses a key as a person does.
    pub(super) fn press(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { key };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({ "type": kind, "key": key, "text": text });
            if key == "Enter" {
                params["windowsVirtualKeyCode"] = json!(13);
                params["code"] = json!("Enter");
            }
            self.ask("Input.dispatchKeyEvent", params);
        }
    }

    fn type_in(&mut self, field: &str, text: &str) {
        self.run(&format!("document.querySelector({field:?}).focus()"));
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// Clicks on what is found so, in the middle, as a person does.
    pub(super) fn click(&mut self, what: &str) {
        let place = self.run(&format!(
            "(() => {{ const it = document.querySelector({what:?}); it.scrollIntoView({{block: 'center'}}); \
             const b = it.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.ask("Input.dispatchMouseEvent", params);
        }
    }

    /// Waits until something that is found so is there.
    fn appears(&mut self, what: &str) {
        let is_there = format!("document.querySelector({what:?}) !== null");
        let end = Instant::now() + PATIENCE;
        while self.run(&is_there) != true {
            assert!(Instant::now() < end, "no {what}: {}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn looks(&mut self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1,
                           "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.ask("Emulation.setEmulatedMedia", scheme);
    }

    pub(super) fn shoot(&mut self, name: &str) {
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.ask("Page.captureScreenshot", params);
        let png =
            mail_parser::decoders::base64::base64_decode(shot["data"].as_str().unwrap().as_bytes());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../tests/screenshots");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), png.unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser of somebody who logged in.
pub(super) fn logged_in(page: &Page) -> Browser {
    let mut browser = Browser::on(page);
    browser.looks(1300, 900, "light");
    browser.go("/");
    assert_eq!(browser.path(), "/login");
    browser.type_in("[name=name]", NAME);
    browser.type_in("[name=password]", PASSWORD);
    browser.press("Enter");
    browser.loaded();
    assert_eq!(browser.path(), "/");
    assert_eq!(browser.run("document.cookie"), json!(""));
    browser
}

#[test]
fn a_watcher_decides_in_a_browser() {
    let page = Page::new();
    let mut browser = logged_in(&page);
    browser.shoot("queue");

    // Look, and approve by two keys.
    browser.click("a[href='/draft/1']");
    browser.loaded();
    assert!(
        browser
            .text()
            .contains("AssertionError: 'Abc-Def Def-Ghi Ghi'")
    );
    browser.shoot("draft");
    browser.press("a");
    let focused = browser.run("document.activeElement.innerText");
    assert_eq!(focused, json!("Approve: let exactly this leave"));
    browser.press("Enter");
    browser.loaded();
    assert_eq!(browser.path(), "/");
    assert!(
        browser
            .text()
            .contains("1 approved: it leaves as soon as it can.")
    );
    page.sent(1);

    // The draft changes while somebody looks at it.
    browser.go("/draft/2");
    page.run("link 2 9");
    browser.click("button.main");
    browser.loaded();
    assert!(
        browser
            .text()
            .contains("Nothing of what you decided was done")
    );
    browser.shoot("stale");
    browser.click("a.button.main");
    browser.loaded();
    assert!(browser.text().contains("Comment on #9"));

    browser.go("/status");
    browser.shoot("status");
    browser.type_in("form[action='/switch/stop'] [name=reason]", "a loop");
    browser.press("Enter");
    browser.loaded();
    assert!(browser.text().contains("STOP is on: a loop"));
    assert!(page.run("status").contains("a loop"));
}

#[test]
fn a_watcher_changes_a_draft_in_a_browser() {
    let page = Page::new();
    let mut browser = logged_in(&page);
    browser.go("/draft/2");

    // Other words.
    browser.press("e");
    browser.loaded();
    assert_eq!(browser.path(), "/draft/2/edit");
    browser.run(
        "document.querySelector('textarea').setRangeText('Looked at', \
                 document.querySelector('textarea').value.lastIndexOf('Checked'), \
                 document.querySelector('textarea').value.lastIndexOf('Checked') + 7)",
    );
    browser.shoot("edit");
    browser.click("button.main");
    browser.loaded();
    assert_eq!(browser.path(), "/draft/2");
    assert!(browser.text().contains("Looked at by <<approver>>"));

    // Another report, found by its words.
    browser.press("l");
    browser.loaded();
    browser.run("document.querySelector('[name=words]').value = ''");
    browser.run("document.querySelector('ul.hits').replaceChildren()");
    browser.type_in("[name=words]", "non-ASCII separator");
    // It was looked for while the person typed, without the button.
    browser.appears("button[name=issue][value='2']");
    assert_eq!(browser.path(), "/draft/2/link");
    browser.press("Enter");
    browser.loaded();
    browser.shoot("link");
    browser.click("button[name=issue][value='2']");
    browser.loaded();
    assert!(browser.text().contains("Comment on #2: test_string"));
}

#[test]
fn three_keys_decide_and_lead_to_the_next() {
    let page = Page::new();
    let mut browser = logged_in(&page);
    for id in [1, 2] {
        browser.press("n");
        browser.loaded();
        assert_eq!(browser.path(), format!("/draft/{id}"));
        browser.press("a");
        browser.press("Enter");
        browser.loaded();
        assert_eq!(browser.path(), "/");
    }
    page.sent(2);
    // The keys stand where they act.
    let key = "getComputedStyle(document.querySelector('ul.rows a'), '::after').content";
    assert_eq!(browser.run(key), json!("\"n\""));
    // Down and up the list.
    for (key, wanted) in [("j", "3"), ("j", "4"), ("k", "3"), ("k", "3")] {
        browser.press(key);
        let focused = browser.run("document.activeElement.getAttribute('href')");
        assert_eq!(focused, json!(format!("/draft/{wanted}")), "{key}");
    }
    browser.press("Enter");
    browser.loaded();
    assert_eq!(browser.path(), "/draft/3");
    // From draft to draft without the queue, and round.
    for id in [4, 5, 6, 3] {
        browser.press("n");
        browser.loaded();
        assert_eq!(browser.path(), format!("/draft/{id}"));
    }
    // What is typed is text, and no key.
    browser.press("e");
    browser.loaded();
    browser.press("n");
    assert_eq!(browser.path(), "/draft/3/edit");
    let params = json!({ "type": "keyDown", "key": "Enter", "modifiers": 2,
                         "windowsVirtualKeyCode": 13, "code": "Enter" });
    browser.ask("Input.dispatchKeyEvent", params);
    browser.loaded();
    assert_eq!(browser.path(), "/draft/3");
}

/// Everything that can be looked at.
const PAGES: [(&str, &str); 11] = [
    ("queue", "/"),
    ("draft", "/draft/1"),
    ("long-draft", "/draft/4"),
    ("edit", "/draft/4/edit"),
    ("link", "/draft/4/link?words=test"),
    ("history-of-one", "/draft/2/history"),
    ("underway", "/underway"),
    ("incidents", "/incidents"),
    ("incident", "/incident/1"),
    ("history", "/history"),
    ("status", "/status"),
];

#[test]
fn every_page_fits_by_day_and_by_night_on_a_desk_and_on_a_phone() {
    let page = Page::new();
    let mut browser = logged_in(&page);
    // Something is under way, and something is held.
    page.run("hold 3");
    page.run("pause");
    page.run("approve 2 --yes");
    for (look, width, height, scheme) in [
        ("light", 1300, 900, "light"),
        ("dark", 1300, 900, "dark"),
        ("dark-phone", 390, 844, "dark"),
    ] {
        browser.looks(width, height, scheme);
        for (name, path) in PAGES {
            browser.go(path);
            let shown = browser.run("document.documentElement.scrollWidth");
            assert!(
                shown.as_u64().unwrap() <= u64::from(width),
                "{path} is {shown} wide"
            );
            browser.shoot(&format!("{name}-{look}"));
        }
    }
    // On a phone the way to the buttons is short.
    browser.go("/draft/4");
    browser.click("a.jump");
    let seen = "(() => { const b = document.querySelector('#decide button').getBoundingClientRect(); \
                return b.top >= 0 && b.bottom <= innerHeight })()";
    assert_eq!(browser.run(seen), json!(true));
    assert_eq!(browser.path(), "/draft/4");
}
