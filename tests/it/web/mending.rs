//! The ways out of what is in doubt, refused or suspicious, by the page's own forms.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::{Answer, Client, LONGEST, NAME, Page, program};
use crate::cli::refuse;

/// A delivery of a notification, by its kind.
fn delivery(page: &Page, notification: i64, kind: &str) -> i64 {
    page.database()
        .query_row(
            "SELECT id FROM deliveries
             WHERE notification = ?1 AND kind = ?2 AND withdrawn_at IS NULL",
            (notification, kind),
            |row| row.get(0),
        )
        .unwrap()
}

fn state(page: &Page, id: i64, kind: &str) -> String {
    let shown: serde_json::Value =
        serde_json::from_str(&page.run(&format!("show {id} --json"))).unwrap();
    let deliveries = shown["deliveries"].as_array().unwrap().clone();
    let mut found = deliveries.into_iter().filter(|it| it["kind"] == kind);
    found.next().unwrap()["state"].as_str().unwrap().to_owned()
}

/// The reply is complete and was asked to leave, and nobody knows what became of it:
/// its bytes are those that the program made when it could not write them.
fn replies_in_doubt(page: &Page, client: &mut Client) {
    // Where the folder for replies should be there is a file.
    let sent = page.folder.join("sent");
    let aside = page.folder.join("aside");
    if sent.exists() {
        fs::rename(&sent, &aside).unwrap();
    }
    fs::write(&sent, "").unwrap();
    for id in [1, 2] {
        let draft = client.get(&format!("/draft/{id}"));
        client
            .send(&draft, &format!("/draft/{id}/approve"), &[])
            .is(303);
    }
    let begun = Instant::now();
    let frozen = "SELECT count(*) FROM deliveries
                  WHERE kind = 'reply' AND frozen IS NOT NULL AND last_error IS NOT NULL";
    while page
        .database()
        .query_row(frozen, [], |row| row.get::<_, i64>(0))
        .unwrap()
        < 2
    {
        assert!(begun.elapsed() < LONGEST, "nothing was tried");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let changed = page.database().execute(
        "UPDATE deliveries
         SET claimed_at = 1, in_doubt_since = 1, due_at = NULL,
             last_error = 'the connection broke'
         WHERE kind = 'reply'",
        [],
    );
    assert_eq!(changed, Ok(2));
    fs::remove_file(&sent).unwrap();
}

/// Sends the form that says this of a delivery.
fn resolve(client: &mut Client, delivery: i64, finding: &str, proof: &str) -> Answer {
    let action = format!("/delivery/{delivery}/resolve");
    let page = client.get("/underway").is(200);
    let fields = [
        ("csrf", page.hidden(&action, "csrf")),
        ("finding", finding.to_owned()),
        ("proof", proof.to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    client.post(&action, &fields)
}

#[test]
fn what_is_in_doubt_is_resolved_on_the_page() {
    let page = Page::new();
    let mut client = page.client();
    replies_in_doubt(&page, &mut client);
    let (first, second) = (delivery(&page, 1, "reply"), delivery(&page, 2, "reply"));
    let underway = client.get("/underway").is(200);
    let underway = underway
        .says("In doubt: did these arrive?")
        .says("the connection broke")
        .says("It arrived")
        .says("It did not: deliver it again");
    assert!(underway.body.contains("<b>2</b>"), "the number in the head");
    client.get("/draft/1").says("It arrived");
    assert!(page.sent(0).is_empty());

    // Nobody says what became of it, or something that there is not.
    for finding in ["", "nonsense"] {
        resolve(&mut client, first, finding, "")
            .is(409)
            .says("Say what became of it");
    }
    assert_eq!(state(&page, 1, "reply"), "in_doubt");

    // It was not sent: it is sent now, once, in the very bytes.
    resolve(&mut client, first, "try-again", "").leads_to("/draft/1?said=resolved");
    client.get("/draft/1?said=resolved").says("resolved.");
    let mails = page.sent(1);
    assert!(mails[0].contains(NAME), "{}", mails[0]);
    assert_eq!(state(&page, 1, "reply"), "done");

    // It was found: it is not sent, and the rest is done.
    let seen = "seen in the <b>archive</b>";
    resolve(&mut client, second, "happened", seen).leads_to("/draft/2?said=resolved");
    assert_eq!(state(&page, 2, "reply"), "done");
    client
        .get("/draft/2")
        .says("seen in the &lt;b&gt;archive&lt;/b&gt;");
    assert_eq!(page.sent(1).len(), 1);
    for (id, said) in [(1, "try again"), (2, "it happened")] {
        let history = client.get(&format!("/draft/{id}/history")).is(200);
        history.says("<td>resolved</td>").says(NAME).says(said);
    }
    client.get("/underway").says("Nothing is on its way");

    // Whoever was slower is told.
    let late = client.post(
        &format!("/delivery/{first}/resolve"),
        &[("csrf", "x"), ("finding", "give-up")],
    );
    late.is(403);
}

#[test]
fn what_was_refused_is_found_given_up_or_started_over() {
    let page = Page::new();
    let mut client = page.client();
    let status = client.get("/status");
    client
        .send(&status, "/switch/pause", &[("reason", "trying")])
        .is(303);
    for id in [1, 2] {
        let draft = client.get(&format!("/draft/{id}"));
        client
            .send(&draft, &format!("/draft/{id}/approve"), &[])
            .is(303);
    }
    let (first, second) = (delivery(&page, 1, "comment"), delivery(&page, 2, "comment"));
    refuse(&page.database(), first);
    refuse(&page.database(), second);
    client
        .get("/underway")
        .says("Refused for good")
        .says("403 Forbidden");

    // Somebody made the comment by hand: the reply goes on with it.
    resolve(&mut client, second, "happened", "nonsense")
        .is(409)
        .says("That is not a report of");
    resolve(&mut client, second, "happened", "#4").leads_to("/draft/2?said=resolved");
    let status = client.get("/status");
    client.send(&status, "/switch/resume", &[]).is(303);
    let mails = page.sent(1);
    assert!(
        mails[0].contains("https://tracker.invalid/issue/4"),
        "{}",
        mails[0]
    );

    // The other one shall not be made: the draft can be made anew.
    resolve(&mut client, first, "give-up", "").leads_to("/draft/1?said=resolved");
    let over = client.get("/draft/1").says("Start over: read and match it");
    client
        .send(&over, "/draft/1/retry", &[])
        .leads_to("/draft/1?said=retried&of=1");
    let anew = client.get("/draft/1?said=retried&of=1");
    anew.says("1 starts over: it is read and matched again");
    let begun = Instant::now();
    let draft = loop {
        let draft = client.get("/draft/1");
        if draft.body.contains("action=\"/draft/1/approve\"") {
            break draft;
        }
        assert!(begun.elapsed() < LONGEST, "{}", draft.body);
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(page.sent(1).len(), 1, "nobody approved the new draft");
    client
        .send(&draft, "/draft/1/approve", &[])
        .leads_to("/?said=approved&of=1");
    page.sent(2);
    let history = client.get("/draft/1/history").is(200);
    history
        .says("<td>started over</td>")
        .says("given up")
        .says(NAME);
}

/// Half of the reports are open no more without a word in the tracker, and a failure
/// comes in that no report is about.
fn vanish(folder: &Path) {
    let tracker = rusqlite::Connection::open(folder.join("state/tracker.sqlite3")).unwrap();
    let changed = tracker.execute(
        "UPDATE issues SET is_open = 0
         WHERE number IN (SELECT number FROM issues WHERE is_open ORDER BY number DESC LIMIT 4)",
        [],
    );
    assert_eq!(changed, Ok(4));
    let mail = crate::mailflow::desk::Notice {
        fixture: "bb43-env-changed.eml",
        builder: "PPC64 Moon 3.x",
        id: "vanished",
    };
    fs::write(folder.join("mailbox/new/1795400000.vanished"), mail.mail()).unwrap();
    settle(folder);
}

/// Does what is due; that something cannot be done yet is no matter.
fn settle(folder: &Path) {
    program(folder).arg("demo").output().unwrap();
}

#[test]
fn a_suspicious_copy_of_the_tracker_is_trusted_on_the_page() {
    let page = Page::with(vanish);
    let mut client = page.client();
    let waits = client
        .get("/draft/10")
        .is(200)
        .says("open reports were listed");
    assert!(!waits.body.contains("action=\"/draft/10/approve\""));
    let asked = client.get("/status").says("suspicious");
    client
        .send(&asked, "/switch/trust-mirror", &[])
        .leads_to("/status?said=trusted");
    // Somebody else who saw the same is told that it is done.
    client
        .send(&asked, "/switch/trust-mirror", &[])
        .is(409)
        .says("nothing to trust");
    let status = client.get("/status?said=trusted");
    let status = status.says("The copy of the tracker is trusted again");
    assert!(!status.body.contains("/switch/trust-mirror"));
    client.get("/history").says("mirror accepted").says(NAME);
    // What waited for it goes on.
    let begun = Instant::now();
    loop {
        settle(&page.folder);
        let draft = client.get("/draft/10");
        if draft.body.contains("action=\"/draft/10/approve\"") {
            draft.says("Open a new report");
            break;
        }
        assert!(begun.elapsed() < LONGEST, "{}", draft.body);
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}
