//! Letters to approvers: what stands in them, and what becomes of those that cannot be
//! written.

use super::by_mail::{ALL, HOP, answer, desk_where, desk_with, letters, request, saying, signed};
use super::desk::{Desk, altered, notice, text_of};

/// What an operator may do with a template: it passes the sample, and gives far too
/// much for a real draft.
fn write_template(desk: &Desk, text: &str) {
    let folder = desk.path("templates");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("approval.txt.hbs"), text).expect("a template");
}

fn with_templates(mails: &str) -> Desk {
    let desk = desk_with(
        &format!("address = \"ada@example.org\", may = [{ALL}]{mails}"),
        "",
    );
    let config = desk.path("config.toml");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let text = format!("{text}\n[drafts]\ntemplates = \"templates\"\n");
    std::fs::write(config, text).expect("a configuration");
    desk
}

fn database(desk: &Desk) -> rusqlite::Connection {
    drop(desk.store());
    let path = desk.path("state/buildbot-watch.sqlite3");
    rusqlite::Connection::open(path).expect("a database")
}

/// How often a mail about a draft was tried, and when it is tried again.
fn attempts(desk: &Desk, id: i64) -> (u32, Option<i64>) {
    database(desk)
        .query_row(
            "SELECT attempts, due_at FROM unwritten_letters WHERE notification = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("it was counted")
}

/// The pause until the next attempt is over.
fn later(desk: &Desk) {
    database(desk)
        .execute_batch("UPDATE unwritten_letters SET due_at = 0 WHERE due_at IS NOT NULL")
        .expect("the pause is over");
    desk.settle();
}

#[test]
fn one_that_cannot_be_written_is_given_up_and_the_draft_is_decided_elsewhere() {
    let desk = with_templates("");
    write_template(
        &desk,
        &format!("{{{{key}}}}\n{}", "{{texts}}\n".repeat(400)),
    );
    desk.take(notice("first"));
    let (tried, due_at) = attempts(&desk, 1);
    assert_eq!(tried, 1);
    assert!(due_at.is_some_and(|at| at > 0));
    // Not again before the pause is over, whatever comes in.
    desk.settle();
    assert_eq!(attempts(&desk, 1).0, 1);
    later(&desk);
    assert_eq!(attempts(&desk, 1).0, 2);
    later(&desk);
    assert_eq!(attempts(&desk, 1), (3, None), "given up");
    let status = desk.json(&["status"]);
    assert_eq!(status["asked_by_mail"][0]["given_up"], 1, "{status}");
    let status = desk.done(&["status"]);
    let status = status.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        status.contains("1 draft could not be asked about: mend"),
        "{status}"
    );
    // A start makes one more attempt, and tells the same only once.
    later(&desk);
    assert_eq!(attempts(&desk, 1), (3, None), "given up once more");
    assert!(letters(&desk).is_empty());
    let trail = desk.json(&["history", "1"]).to_string();
    assert!(trail.contains("not asked by mail"), "{trail}");
    assert!(trail.contains("no mail to Ada Lovelace"), "{trail}");
    assert_eq!(trail.matches("not asked by mail").count(), 1, "{trail}");

    // The template is mended: the next start asks about the same revision, once.
    write_template(&desk, "TO DECIDE ON {{key}}\n{{texts}}\n{{answer_to}}\n");
    for _ in 0..2 {
        desk.settle();
        request(&desk, 1);
    }
    let status = desk.json(&["status"]);
    assert_eq!(status["asked_by_mail"][0]["given_up"], 0, "{status}");
    // So does a revision of its own.
    let number = desk.report("test_string: test_capwords fails", "It fails.");
    desk.done(&["link", &desk.key(1), &number.to_string()]);
    desk.settle();
    let fresh = request(&desk, 1);
    desk.take(signed(&answer(&fresh, "a1", "approve")));
    assert_eq!(desk.row(1)["decision"]["who"], "Ada Lovelace");
    assert_eq!(desk.comments().len(), 1);
}

#[test]
fn one_draft_that_cannot_be_written_does_not_keep_the_others_back() {
    keeps_nobody_back(&"{{texts}}\n".repeat(400));
}

#[test]
fn one_draft_that_spoils_the_mail_of_all_is_left_out_of_it() {
    keeps_nobody_back("\u{7}");
}

/// A digest of two drafts, one of which brings this into it.
fn keeps_nobody_back(bad: &str) {
    let desk = with_templates(", mails = \"digest\", digest_every = \"1s\"");
    write_template(
        &desk,
        &format!(
            "TO DECIDE ON {{{{key}}}}\n{{{{texts}}}}\n\
             {{{{#if (eq what \"test_string.ModuleTest.test_capwords\")}}}}{bad}{{{{/if}}}}"
        ),
    );
    desk.put(notice("first"));
    desk.put(altered("second"));
    desk.settle();
    assert_eq!(attempts(&desk, 1).0, 1);
    let all = letters(&desk);
    assert_eq!(all.len(), 1);
    let text = text_of(&all[0]);
    assert!(
        text.contains(&desk.key(2)) && !text.contains("no room"),
        "{text}"
    );
    for _ in 0..2 {
        // The next digest is due a second after the last.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        later(&desk);
    }
    assert_eq!(attempts(&desk, 1), (3, None));
    assert_eq!(letters(&desk).len(), 1, "the other was asked about once");
    // Whoever is not asked can still decide.
    desk.approve(1);
    desk.settle();
    assert_eq!(desk.reports().len(), 1);
}

#[test]
fn attempts_that_broke_the_program_off_come_to_an_end_too() {
    let desk = desk_where(ALL);
    desk.settle();
    desk.done(&["pause", "--reason", "a test"]);
    desk.take(notice("first"));
    database(&desk)
        .execute_batch("INSERT INTO unwritten_letters VALUES ('Ada Lovelace', 1, 1, 3, 0)")
        .expect("three attempts were begun");
    desk.done(&["resume"]);
    desk.settle();
    assert!(letters(&desk).is_empty());
    assert_eq!(attempts(&desk, 1), (4, None));
    desk.settle();
    assert_eq!(attempts(&desk, 1), (4, None), "no start tries that again");
    let trail = desk.json(&["history", "1"]).to_string();
    assert!(trail.contains("the program broke off"), "{trail}");
}

#[test]
fn what_is_too_long_for_a_mail_is_shown_shorter() {
    let desk = with_templates("");
    let line = format!(
        "{{{{#each excerpt}}}}{}\n{{{{/each}}}}",
        "{{this}}".repeat(300)
    );
    write_template(
        &desk,
        &format!(
            "TO DECIDE ON {{{{key}}}}\n{{{{#each warnings}}}}{{{{this}}}}\n{{{{/each}}}}\
             {{{{#each groups}}}}{{{{#each failures}}}}{line}{{{{/each}}}}{{{{/each}}}}"
        ),
    );
    desk.take(notice("first"));
    let text = text_of(&request(&desk, 1));
    assert!(
        text.contains("are left out: the mail would be too long"),
        "{text}"
    );
}

#[test]
fn a_builder_that_passes_again_is_told_in_the_mail() {
    let desk = desk_where(ALL);
    desk.settle();
    desk.done(&["pause", "--reason", "a test"]);
    desk.put(notice("first"));
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/default-plain-4.x-recovery.eml"
    );
    let recovery = std::fs::read_to_string(path).expect("a fixture");
    let recovery = recovery
        .replace("RISC-V 64-bit Ubuntu Clang 3.x", "AMD64 Debian root 3.x")
        .replace("/builders/2/builds/3", "/builders/15/builds/99");
    desk.put(format!(
        "Message-ID: <passes@mx.example.test>\nList-Id: <buildbot-status.python.org>\n{recovery}"
    ));
    desk.settle();
    desk.done(&["resume"]);
    desk.settle();
    let text = text_of(&request(&desk, 1));
    let words = "! AMD64 Debian root 3.x has recovered: build 99 passed";
    assert!(text.contains(words), "{text}");
}

#[test]
fn an_operator_learns_why_no_answer_counts() {
    let desk = desk_where(ALL);
    desk.take(notice("first"));
    let letter = request(&desk, 1);
    let dmarc = "Authentication-Results: mx.watch.example; dmarc=pass header.from=example.org\n";
    let two = format!("{dmarc}{}", signed(&answer(&letter, "a1", "approve")));
    desk.take(&two);
    assert!(desk.row(1)["decision"].is_null());
    let trail = desk.json(&["history", "2"]).to_string();
    assert!(
        trail.contains("another one below it does (see results"),
        "{trail}"
    );
    let hop = HOP.replace("mx.watch", "store.watch");
    desk.take(format!(
        "{hop}{}",
        signed(&answer(&letter, "a2", "approve"))
    ));
    let trail = desk.json(&["history", "3"]).to_string();
    let words = "below the Received header by store.watch.example, which received_by";
    assert!(trail.contains(words), "{trail}");

    // The server's own lines stand on top of them: all of them may count.
    let config = desk.path("config.toml");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let text = text.replace("authserv_id", "results = \"all\"\nauthserv_id");
    std::fs::write(config, text).expect("a configuration");
    desk.take(two.replace("<a1@", "<a3@"));
    assert_eq!(desk.row(1)["decision"]["who"], "Ada Lovelace");
    assert_eq!(saying(&desk, "1 is approved by you").len(), 1);
}
