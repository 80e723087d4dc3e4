use expect_test::expect;

use super::*;
use crate::domain::decision::{Reason, Target};
use crate::domain::draft::{Action, Along, NewIssue, Reply};
use crate::domain::issue::IssueRef;
use crate::domain::untrusted::tests::{HOSTILE, hostile_texts};
use crate::parsing::property_tests::Chance;

fn draft(title: &str, body: &str, reply: &str) -> Draft {
    let issue = IssueRef {
        number: 12,
        url: "https://bugs.example.org/issue12".into(),
        title: title.into(),
    };
    let mail = |body: &str| Reply {
        subject: "Re: x".into(),
        body: body.into(),
        in_reply_to: None,
        references: Vec::new(),
    };
    Draft {
        actions: vec![
            Action::Open(NewIssue {
                title: title.into(),
                body: body.into(),
                versions: Vec::new(),
                components: Vec::new(),
            }),
            Action::Comment {
                issue,
                body: body.into(),
            },
        ],
        reply: Some(mail(reply)),
        along: vec![Along {
            notification: 7,
            reply: Some(mail(reply)),
        }],
        incidents: Vec::new(),
        warnings: Vec::new(),
    }
}

fn plain() -> Draft {
    draft(
        "test_os: test_popen() fails",
        "# What\n\n```\n====== no marker\n\tindented\n```\n",
        "Known: <<new issue 1>>\n\n<<approver>>\n",
    )
}

fn undecided() -> Draft {
    Draft {
        actions: vec![Action::Choose {
            about: "test_io".into(),
            candidates: Vec::new(),
        }],
        reply: None,
        along: Vec::new(),
        incidents: Vec::new(),
        warnings: Vec::new(),
    }
}

fn entry<'a>(key: &str, draft: &'a Draft, evidence: &str) -> Entry<'a> {
    Entry {
        key: key.into(),
        evidence: vec![evidence.into()],
        failures: 2,
        draft,
    }
}

fn words(document: &str, entries: &[Entry<'_>]) -> Vec<Word> {
    match from_document(document, entries) {
        Ok(Saved::Words(words)) => words,
        other => panic!("{other:?}\n{document}"),
    }
}

/// The document with another line in place of the entry's own.
fn decided(document: &str, key: &str, line: &str) -> String {
    let said = document
        .lines()
        .find(|line| line.starts_with("# Leave the ="));
    let mark = said.unwrap().split(' ').nth(3).unwrap();
    let marker = format!("\n{mark} draft {key}\n");
    let (before, after) = document.split_once(&marker).unwrap();
    let after = after.replacen("\nleave\n", &format!("\n{line}\n"), 1);
    format!("{before}{marker}{after}")
}

#[test]
fn the_document_is_plain_to_read() {
    let (one, two) = (plain(), undecided());
    let entries = [
        entry("12@1a2b3c4d", &one, "3h ago"),
        entry("13@ffffffff", &two, "2h ago"),
    ];
    expect![[r#"
        # 2 drafts wait.
        #
        # Each draft has one line that says: leave. Turn it into one of
        #   approve          the texts below it leave, exactly as they stand here
        #   reject REASON    nothing of it leaves, for good
        #   hold REASON      it is laid aside until somebody releases it
        #   link 4711        its failures belong to that report; "link new": to a new one;
        #                    "link 2 4711": failure 2 alone
        # Change the texts in place: what you save becomes a new revision, and approve is
        # for that one. <<new issue N>> and <<approver>> are filled in when it leaves.
        # Lines with # in front are comments, but not within the texts.
        # Leave the ======= lines as they are.
        # A draft that you delete whole is left as it is.
        # Nothing is done before you save and close; delete everything to give up.

        ======= draft 12@1a2b3c4d
        # 3h ago
        leave

        ======= 12@1a2b3c4d action 1: title of the new issue
        test_os: test_popen() fails
        ======= end

        ======= 12@1a2b3c4d action 1: text of the new issue
        # What

        ```
        ====== no marker
        	indented
        ```
        ======= end

        ======= 12@1a2b3c4d action 2: comment on issue 12
        # What

        ```
        ====== no marker
        	indented
        ```
        ======= end

        ======= 12@1a2b3c4d mail to the list
        Known: <<new issue 1>>

        <<approver>>
        ======= end

        ======= 12@1a2b3c4d mail to the list in answer to 7
        Known: <<new issue 1>>

        <<approver>>
        ======= end

        ======= draft 13@ffffffff
        # 2h ago
        leave
    "#]]
    .assert_eq(&to_document(&entries, &["2 drafts wait.".to_owned()]));
}

#[test]
fn unchanged_decides_nothing_also_after_a_windows_editor() {
    let (one, two) = (plain(), undecided());
    let entries = [entry("1@a", &one, "x"), entry("2@b", &two, "y")];
    let document = to_document(&entries, &[]);
    let nothing = vec![Word::default(), Word::default()];
    for saved in [
        document.clone(),
        format!("\u{feff}{}\r\n\r\n", document.replace('\n', "\r\n")),
        document.replace("======= end\n", "\n\n======= end  \n"),
        document.trim_end().to_owned(),
        document.replace("\nleave\n", "\n\n  # mine\n LEAVE \n"),
        document.replace("\nleave\n", "\nedit\n"),
    ] {
        assert_eq!(words(&without_notes(&saved, &[]), &entries), nothing);
    }
    let (_, second) = document.split_once("======= draft 2@b").unwrap();
    let first_deleted = format!("======= draft 2@b{second}");
    assert_eq!(words(&first_deleted, &entries), nothing);
    for emptied in ["", "\n \n", "# approve\n"] {
        assert_eq!(from_document(emptied, &entries), Ok(Saved::Emptied));
    }
}

#[test]
fn drafts_are_decided_on_and_changed() {
    let (one, two) = (plain(), undecided());
    let entries = [entry("1@a", &one, "x"), entry("2@b", &two, "y")];
    let document = to_document(&entries, &[]);
    let check = |saved: &str, first: Option<Decision>, second: Option<Decision>| {
        let words = words(saved, &entries);
        let decisions: Vec<_> = words.iter().map(|word| word.decision.clone()).collect();
        assert_eq!(decisions, [first, second], "{saved}");
        words
    };
    let reason = |text: &str| Reason::new(text).unwrap();
    let approved = decided(&document, "1@a", "  Approve ");
    check(&approved, Some(Decision::Approve), None);
    let rejected = decided(&approved, "2@b", "reject leave # it");
    let reject = Decision::Reject {
        reason: reason("leave # it"),
    };
    check(&rejected, Some(Decision::Approve), Some(reject));
    let link = Decision::Link {
        failure: Some(1),
        issue: Target::Issue(4711),
    };
    let linked = decided(&document, "2@b", "link 2 #4711");
    check(&linked, None, Some(link));
    let held = decided(&document, "1@a", "hold why");
    let hold = Decision::Hold {
        reason: reason("why"),
    };
    check(&held, Some(hold), None);
    // An edit alone, and one that is approved.
    let longer = "\n# What\nunderlined\n==========\n====== no marker\nleave\n";
    for (document, decision) in [(&document, None), (&approved, Some(Decision::Approve))] {
        let (begin, rest) = document.split_once("comment on issue 12\n").unwrap();
        let (_, end) = rest.split_once("======= end").unwrap();
        let saved = format!("{begin}comment on issue 12\n{longer}======= end{end}");
        let found = check(&saved, decision, None);
        let edited = found[0].edited.as_ref().unwrap();
        let mut expected = one.clone();
        let Some(Action::Comment { body, .. }) = expected.actions.get_mut(1) else {
            panic!()
        };
        *body = longer.trim_start().to_owned();
        assert_eq!(*edited, expected);
    }
}

/// The notes of a document with mistakes, each with the line below it. Without them
/// the document is what was saved.
fn told(saved: &str, entries: &[Entry<'_>]) -> String {
    let mistakes = from_document(saved, entries).unwrap_err();
    let (marked, notes) = with_notes(saved, entries, &mistakes);
    assert_eq!(notes.len(), mistakes.len() + 1, "{marked}");
    assert_eq!(without_notes(&marked, &notes).trim_end(), saved.trim_end());
    let lines: Vec<&str> = marked.lines().skip(1).collect();
    let mut places = Vec::new();
    for pair in lines.windows(2) {
        if pair[0].starts_with("=======! ") {
            places.push(format!("{}\n    {}\n", pair[0], terminal(pair[1])));
        }
    }
    places.concat()
}

#[test]
fn wrong_decisions_are_told_at_their_place() {
    let (one, two) = (plain(), undecided());
    let entries = [entry("1@a", &one, "x"), entry("2@b", &two, "y")];
    let document = to_document(&entries, &[]);
    let told = |saved: &str| told(saved, &entries);
    let several = decided(&decided(&document, "1@a", "aprove"), "2@b", "link 3 1");
    let edited = document.replacen("fails\n", "breaks\n", 1);
    let all = [
        told(&several),
        told(&decided(&document, "2@b", "approve")),
        told(&decided(&document, "1@a", "release")),
        told(&decided(&document, "1@a", "approve\nreject no")),
        told(&decided(&document, "1@a", "# leave")),
        told(&decided(&document, "1@a", "approve all")),
        told(&decided(&edited, "1@a", "link 1")),
    ];
    expect![[r#"
        =======! "aprove" is no decision; the decisions are: approve, reject REASON, hold REASON, release, link [FAILURE] ISSUE, edit; mend it, or write: leave
            aprove
        =======! there is no failure 3 here; see the numbers above this line
            link 3 1
        =======! the report has to be chosen first; write: link N (or link new); approve what is then drafted
            approve
        =======! it is not held; write: leave
            release
        =======! a draft is decided on in one line, and this is another one; remove one of them
            reject no
        =======! the line is gone in which this draft is decided on; write below it: leave
            ======= draft 1@a
        =======! nothing may follow "approve"; mend it, or write: leave
            approve all
        =======! linking writes the texts anew: what you changed would be lost; link it now and change the new texts, or undo your changes
            link 1
    "#]]
    .assert_eq(&all.concat());
}

#[test]
fn damage_is_told_at_its_place() {
    let (one, two) = (plain(), undecided());
    let entries = [entry("1@a", &one, "x"), entry("2@b", &two, "y")];
    let document = to_document(&entries, &[]);
    let told = |from: &str, to: &str| {
        assert!(document.contains(from), "{from}");
        told(&document.replacen(from, to, 1), &entries)
    };
    let last = "======= draft 2@b\n# y\nleave\n";
    let all = [
        told("======= end", "====== end"),
        told("======= 1@a action 1: t", "======= 1@a action 2: t"),
        told("======= draft 1@a\n", ""),
        told("fails\n", "\u{1b}\n"),
        told("# ", "approve\n# "),
        told("end\n", "end\napprove\n"),
        told("======= end\n", "=======! mended\n======= end\n"),
        told(last, &format!("{last}======= draft 1@a\napprove\n")),
    ];
    expect![[r#"
        =======! the marker line "======= end" is expected here or before; put the marker lines back as they were, or edit anew
            ======= 1@a action 1: text of the new issue
        =======! the marker line "======= 1@a action 1: title of the new issue" is expected here or before; put the marker lines back as they were, or edit anew
            ======= 1@a action 2: title of the new issue
        =======! this stands before the first draft; remove it, or write it in place of a draft's own line
            leave
        =======! there is a control character; remove it
            test_os: test_popen() \u{1b}
        =======! this stands before the first draft; remove it, or write it in place of a draft's own line
            approve
        =======! this stands between the texts; move it above the line before it, or remove it
            approve
        =======! this was a note about a mistake; remove it
            =======! mended
        =======! mended
            ======= end
        =======! this marker line is not expected here; put the marker lines back as they were, or remove a whole draft
            ======= draft 1@a
    "#]].assert_eq(&all.concat());
}

/// Lines that mean something in the document, besides those that attack other readers.
const MARKERS: &[&str] = &[
    "approve",
    "reject x",
    "leave",
    "# comment",
    "======= end",
    "======= draft 1@a",
    "======= draft 2@b",
    "======= 1@a mail to the list",
    "=======! a note",
    "======== end",
    "==============================",
    "x\r======= end\rapprove\r",
    "x\u{2028}======= end\u{2028}approve",
    "x\u{85}======= end\u{b}approve\u{c}",
    "======= end\r\napprove\r\n",
];

/// A text of several lines by chance.
fn text(chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..chance.below(8) {
        let pieces = if chance.below(2) == 0 {
            HOSTILE
        } else {
            MARKERS
        };
        text.push_str(pieces[chance.below(pieces.len())]);
        if chance.below(4) > 0 {
            text.push('\n');
        }
    }
    text
}

#[test]
fn whatever_the_texts_hold_nothing_is_decided_by_them() {
    let mut chance = Chance(0x5eed);
    let mut texts: Vec<String> = hostile_texts().collect();
    texts.extend((0..500).map(|_| text(&mut chance)));
    for one in &texts {
        let other = text(&mut chance);
        let drafts = [draft(one, &other, one), draft(&other, one, &other)];
        let entries = [
            entry("1@a", &drafts[0], one),
            entry("2@b", &drafts[1], &other),
        ];
        let document = to_document(&entries, std::slice::from_ref(&other));
        let acts = |char: char| char.is_control() && char != '\t';
        assert!(
            !document.lines().any(|line| line.chars().any(acts)),
            "{one:?}"
        );
        let nothing = vec![Word::default(), Word::default()];
        assert_eq!(words(&document, &entries), nothing, "{one:?} {other:?}");
        let approved = decided(&document, "2@b", "approve");
        let word = Word {
            decision: Some(Decision::Approve),
            edited: None,
        };
        let expected = vec![Word::default(), word];
        assert_eq!(words(&approved, &entries), expected, "{one:?} {other:?}");
    }
}

#[test]
fn whatever_is_pasted_into_a_text_decides_nothing() {
    let mut chance = Chance(0xfeed);
    let drafts = [plain(), plain()];
    let entries = [entry("1@a", &drafts[0], "x"), entry("2@b", &drafts[1], "y")];
    let document = to_document(&entries, &[]);
    let lines: Vec<&str> = document.lines().collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].starts_with("======= ") && lines[*at].contains("@"))
        .filter(|at| !lines[*at].contains("draft "))
        .collect();
    let mut edits = 0;
    for _ in 0..2000 {
        let at = starts[chance.below(starts.len())];
        let pasted = text(&mut chance);
        let mut saved: Vec<&str> = lines[..=at].to_vec();
        saved.extend(pasted.lines());
        saved.extend(&lines[at + 1..]);
        let saved = without_notes(&saved.join("\n"), &[]);
        let Ok(Saved::Words(words)) = from_document(&saved, &entries) else {
            continue;
        };
        assert!(words.iter().all(|word| word.decision.is_none()), "{saved}");
        edits += words.iter().filter(|word| word.edited.is_some()).count();
        // What is kept is what stands there, line for line.
        for (word, draft) in words.iter().zip(&drafts) {
            let edited = word.edited.as_ref().unwrap_or(draft);
            let again = [entry("1@a", edited, "x")];
            let shown = to_document(&again, &[]);
            assert_eq!(super::tests::words(&shown, &again), [Word::default()]);
        }
    }
    assert!(edits > 100, "{edits}");
}
