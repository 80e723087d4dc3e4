//! What is decided on the page is decided, as if it were typed.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Client, NAME, PASSWORD, Page, add_user, unescaped};

/// The text that `edit` shows on the page.
fn editable(client: &mut Client, id: u32) -> String {
    let page = client.get(&format!("/draft/{id}/edit")).is(200);
    let (_, rest) = page.body.split_once("autofocus>\n").unwrap();
    let (text, _) = rest.split_once("</textarea>").unwrap();
    unescaped(text)
}

#[test]
fn from_the_login_to_a_sent_mail() {
    let page = Page::new();
    let mut client = page.visitor();
    client.get("/").leads_to("/login");
    client.get("/draft/1").leads_to("/login");
    client.log_in("vic stone", PASSWORD).leads_to("/");
    let queue = client.get("/").is(200);
    let queue = queue.says("test_string.ModuleTest.test_capwords");
    let queue = queue.says("comment on #2").says("strong");
    assert!(queue.body.matches("href=\"/draft/").count() >= 6);
    let draft = client.get("/draft/1").is(200).says("AssertionError");
    let draft = draft.says("Committer A said that this failure belongs to it");
    let draft = draft.says("buildbot-status@python.org");
    let sent = client.send(&draft, "/draft/1/approve", &[]);
    sent.leads_to("/?said=approved&of=1");
    client.get("/?said=approved&of=1").says("1 approved");
    let mails = page.sent(1);
    assert!(mails[0].contains(NAME), "{}", mails[0]);
    client
        .get("/draft/1")
        .says("What was decided on")
        .says(NAME);
    client.get("/draft/1/history").says("approved").says(NAME);
    client.get("/history").says("logged in");
    let shown = page.run("show 1");
    assert!(shown.contains("approved by Vic Stone"), "{shown}");
    // Once is enough.
    let again = client.send(&draft, "/draft/1/approve", &[]).is(409);
    again.says("1 was approved by Vic Stone");
    assert_eq!(page.sent(1).len(), 1);
}

#[test]
fn a_stale_approval_is_refused_and_shows_what_changed() {
    let page = Page::new();
    add_user(&page.folder, "Kim", "another long one");
    let mut client = page.client();
    let mut kim = page.visitor();
    kim.log_in("Kim", "another long one").leads_to("/");
    let seen = client.get("/draft/2").is(200);
    let text = editable(&mut kim, 2);
    let changed = text.replace("Checked by", "Looked at by");
    assert_ne!(changed, text);
    let form = kim.get("/draft/2/edit");
    let crlf = changed.replace('\n', "\r\n");
    kim.send(&form, "/draft/2/edit", &[("text", &crlf)])
        .leads_to("/draft/2?said=edited&of=2");
    let refused = client.send(&seen, "/draft/2/approve", &[]).is(409);
    let refused = refused.says("Kim made revision 2 of 2");
    let refused = refused.says("<span class=\"removed\">- Checked by");
    refused.says("<span class=\"added\">+ Looked at by");
    let rest = [
        ("reject", vec![("reason", "no")]),
        ("link", vec![("issue", "2")]),
        ("edit", vec![("text", "mine")]),
        ("hold", vec![("reason", "x")]),
    ];
    for (verb, fields) in rest {
        let action = format!("/draft/2/{verb}");
        let page = match verb {
            "edit" => &form,
            _ => &seen,
        };
        let answer = client_of(verb, &mut client, &mut kim)
            .send(page, &action, &fields)
            .is(409);
        let answer = answer.says("Nothing of what you decided was done");
        if verb == "edit" {
            answer.says("mine</textarea>");
        }
    }
    let list = page.run("list");
    assert!(list.contains(" settle") || list.contains("2@"), "{list}");
    // What is there now can be approved, once.
    let now = kim.get("/draft/2").says("Looked at by");
    kim.send(&now, "/draft/2/approve", &[])
        .leads_to("/?said=approved&of=2");
    client
        .send(&seen, "/draft/2/approve", &[])
        .is(409)
        .says("2 was approved by Kim");
    assert!(page.sent(1)[0].contains("Looked at by Kim"));
}

/// Forms are their owner's: each goes back from where it came.
fn client_of<'a>(verb: &str, one: &'a mut Client, other: &'a mut Client) -> &'a mut Client {
    match verb {
        "edit" => other,
        _ => one,
    }
}

#[test]
fn texts_that_cannot_be_read_come_back_with_what_was_typed() {
    let page = Page::new();
    let mut client = page.client();
    let form = client.get("/draft/1/edit");
    let mine = [("text", "no marker line <b>at all</b>")];
    let again = client.send(&form, "/draft/1/edit", &mine).is(422);
    let again = again.says("the marker line");
    let again = again.says("no marker line &lt;b&gt;at all&lt;/b&gt;</textarea>");
    let text = editable(&mut client, 1);
    client
        .send(&again, "/draft/1/edit", &[("text", &text)])
        .leads_to("/draft/1?said=unchanged&of=1");
}

#[test]
fn a_report_is_found_and_linked() {
    let page = Page::new();
    let mut client = page.client();
    let found = client.get("/draft/2/link?words=capwords").is(200);
    let found = found.says("#9 test_capwords is missing for bytes");
    client
        .send(&found, "/draft/2/link", &[("issue", "9")])
        .leads_to("/draft/2?said=linked&of=2");
    client.get("/draft/2").says("Comment on #9");
    client.get("/draft/2/link?words=9").is(200).says("#9");
    client.get("/draft/2/link?words=zzzz").says("No report");
    let history = page.run("history 2");
    assert!(history.contains("link 9"), "{history}");
    // One failure of several, and back to a new one.
    let draft = client.get("/draft/4");
    let form = client.get("/draft/4/link?words=");
    client
        .send(&form, "/draft/4/link", &[("issue", "9")])
        .is(422);
    client
        .send(
            &form,
            "/draft/4/link",
            &[("issue", "no number"), ("failure", "1")],
        )
        .is(422);
    client
        .send(&form, "/draft/4/link", &[("issue", "9"), ("failure", "99")])
        .is(422);
    client
        .send(&draft, "/draft/4/link", &[("issue", "9"), ("failure", "1")])
        .leads_to("/draft/4?said=linked&of=4");
    client
        .get("/draft/4")
        .says("Comment on #9")
        .says("Comment on #3");
}

#[test]
fn held_released_rejected() {
    let page = Page::new();
    let mut client = page.client();
    let draft = client.get("/draft/2");
    client
        .send(&draft, "/draft/2/hold", &[("reason", "wait for <Kim>")])
        .leads_to("/draft/2?said=held&of=2");
    let held = client
        .get("/draft/2")
        .says("held by Vic Stone: wait for &lt;Kim&gt;");
    assert!(!held.body.contains("action=\"/draft/2/approve\""));
    client
        .send(&draft, "/draft/2/approve", &[])
        .is(409)
        .says("release it first");
    client.get("/underway").says("Held");
    client
        .send(&held, "/draft/2/release", &[])
        .leads_to("/draft/2?said=released&of=2");
    let draft = client.get("/draft/2");
    client
        .send(&draft, "/draft/2/reject", &[("reason", " ")])
        .is(422);
    client
        .send(&draft, "/draft/2/reject", &[("reason", "not a bug")])
        .leads_to("/?said=rejected&of=2");
    client
        .get("/draft/2")
        .says("rejected by Vic Stone")
        .says("not a bug");
    let list = page.run("list --closed");
    assert!(list.contains("not a bug"), "{list}");
}

#[test]
fn all_drafts_of_an_incident_are_approved_together() {
    let page = Page::new();
    let mut client = page.client();
    let incidents = client.get("/incidents").is(200).says("<svg").says("<rect");
    incidents
        .says("test_sched.HangTests.test_lock_timeout")
        .says("<th>Branch</th>")
        .says("<td>3.x</td>");
    let (id, form) = (1..20)
        .map(|id| (id, client.get(&format!("/incident/{id}"))))
        .find(|(_, page)| page.body.contains("test_lock_timeout"))
        .unwrap();
    let (_, rest) = form.body.split_once("name=\"draft\" value=\"").unwrap();
    let choice = rest.split_once('"').unwrap().0.to_owned();
    let stale = choice.replacen(":1:", ":1:0", 1);
    let action = format!("/incident/{id}");
    client
        .send(&form, &action, &[("draft", &stale)])
        .says("not approved");
    client
        .send(&form, &action, &[("draft", &choice)])
        .says(": approved");
    client
        .send(&form, &action, &[("draft", &choice)])
        .says("not approved");
    page.sent(1);
    client.get("/incident/9999").is(404);
}

#[test]
fn stop_is_set_and_cleared() {
    let page = Page::new();
    let mut client = page.client();
    let status = client.get("/status").is(200).says("off");
    client
        .send(&status, "/switch/stop", &[("reason", "a loop")])
        .leads_to("/status?said=stopped");
    let stopped = client.get("/").says("STOP is on: a loop (by Vic Stone)");
    assert!(stopped.body.contains("role=\"alert\""));
    client
        .send(&status, "/switch/stop", &[])
        .is(409)
        .says("a loop");
    let draft = client.get("/draft/2");
    client.send(&draft, "/draft/2/approve", &[]).is(303);
    let said = page.run("status");
    assert!(said.contains("a loop"), "{said}");
    assert!(page.sent(0).is_empty());
    let status = client.get("/status");
    client.send(&status, "/switch/clear-stop", &[]).is(303);
    page.sent(1);
}

/// A port that nobody listens on any more.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_service_serves_it_and_does_what_is_decided() {
    let page = Page::new();
    let port = free_port();
    let file = page.folder.join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = format!("{text}\n[web]\nlisten = \"127.0.0.1:{port}\"\n");
    std::fs::write(&file, text).unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_buildbot-watch"))
        .arg("--config")
        .arg(&file)
        .arg("run")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let answers = || {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "no page");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    answers();
    let mut client = Client {
        port,
        host: format!("localhost:{port}"),
        cookies: BTreeMap::new(),
    };
    client.log_in(NAME, PASSWORD).leads_to("/");
    client.get("/status").says("running");
    let draft = client.get("/draft/2");
    client.send(&draft, "/draft/2/approve", &[]).is(303);
    page.sent(1);
    // The page of the same folder that runs alone sees it as well.
    page.client().get("/draft/2").says("approved by Vic Stone");
    let pid = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    answers();
    client.get("/").is(200);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(service.wait().unwrap().success());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_build_is_filed_in_the_box() {
    let base = crate::filing::buildbot();
    let page = Page::with(|folder| crate::filing::configure(folder, &base));
    let mut client = page.client();
    let queue = client
        .get("/")
        .is(200)
        .says("A build that nobody mailed about");
    let address = format!("{base}#/builders/1/builds/2");
    let fields = [("address", address.as_str())];
    client.post("/file", &fields).is(403);
    client
        .send(&queue, "/file", &fields)
        .leads_to("/draft/10?said=filed&of=10");
    let draft = client.get("/draft/10?said=filed&of=10").says("10 filed");
    let draft = draft.says("nobody: Vic Stone filed this build");
    let draft = draft.says("test_nozzle.HeatTests.test_heat_2");
    assert!(!draft.body.contains("Then reply to the list"));
    client
        .send(&queue, "/file", &fields)
        .leads_to("/draft/10?said=known&of=10");
    let green = format!("{base}#/builders/1/builds/4");
    let answer = client.send(&queue, "/file", &[("address", &green)]).is(422);
    answer.says("Nothing was filed: the build did not fail");
    let other = [("address", "https://evil.example/#/builders/1/builds/2")];
    let answer = client.send(&queue, "/file", &other).is(422);
    answer.says("none of the configured CI systems");
    client
        .send(&draft, "/draft/10/approve", &[])
        .leads_to("/?said=approved&of=10");
    let list = page.run("list --all");
    assert!(list.contains("test_heat_2"), "{list}");
}

#[test]
fn what_automatic_rules_would_do_is_told() {
    let page = Page::with(|folder| {
        let file = folder.join("config.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let rule = "\n[[auto]]\nname = \"known\"\nactions = [\"comment\", \"reply\"]\n";
        std::fs::write(&file, format!("{text}{rule}confirmed = 0\n")).unwrap();
    });
    let mut client = page.client();
    let draft = client.get("/draft/1").is(200);
    draft.says("the rule known (in shadow) would approve this");
    let other = client.get("/draft/5").is(200);
    other.says("the rule known (in shadow) would not: ");
    client.get("/status").says("known is in shadow");
}
