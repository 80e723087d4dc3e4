use super::*;
use crate::store::{Combine, Hit, Mirror, Order};

fn numbers(hits: &[Hit]) -> Vec<u64> {
    hits.iter().map(|hit| hit.issue.number).collect()
}

fn any(mirror: Mirror<'_>, terms: &[&str]) -> Vec<u64> {
    numbers(
        &mirror
            .full_text(terms, Combine::Any, Order::Activity, 10)
            .unwrap(),
    )
}

#[test]
fn whole_words_come_before_parts_of_longer_ones() {
    let store = store();
    let mirror = store.mirror("here");
    let mut issues: Vec<_> = (1..=30)
        .map(|n| Issue {
            updated_at: NOW + 100,
            ..issue(n, "test_os_extra is slow")
        })
        .collect();
    issues.push(issue(31, "TEST_OS: crash on AIX"));
    issues.push(Issue {
        open: false,
        updated_at: NOW + 50,
        ..issue(32, "test.test_os.FileTests fails")
    });
    issues.push(issue(33, "test_posix fails"));
    mirror.upsert(&issues, None).unwrap();

    let hits = mirror.titles_containing("test_os", 5).unwrap();
    assert_eq!(numbers(&hits), [31, 32, 30, 29, 28]);
    let whole: Vec<_> = hits.iter().map(|hit| hit.whole_words).collect();
    assert_eq!(whole, [true, true, false, false, false]);
    assert_eq!(mirror.titles_containing("test_os", 100).unwrap().len(), 32);
    assert_eq!(numbers(&mirror.titles_containing("posi", 5).unwrap()), [33]);
    assert_eq!(
        numbers(&mirror.titles_containing("FileTests", 5).unwrap()),
        [32]
    );
    assert_eq!(
        numbers(&mirror.titles_containing("test_os.FileTests", 5).unwrap()),
        [32]
    );
    assert_eq!(mirror.titles_containing("test_os", 0).unwrap(), []);
}

#[test]
fn open_ones_come_first_then_the_last_changed() {
    let store = store();
    let mirror = store.mirror("here");
    let dated = |number, open, updated_at| Issue {
        open,
        updated_at,
        ..issue(number, "walrus")
    };
    let issues = [
        dated(1, true, NOW),
        dated(2, false, NOW + 9),
        dated(3, true, NOW + 5),
        dated(4, false, NOW + 7),
    ];
    mirror.upsert(&issues, None).unwrap();
    assert_eq!(
        numbers(&mirror.titles_containing("walrus", 9).unwrap()),
        [3, 1, 2, 4]
    );
    assert_eq!(any(mirror, &["walrus"]), [3, 1, 2, 4]);
}

#[test]
fn short_terms_are_looked_for_too() {
    let store = store();
    let mirror = store.mirror("here");
    mirror
        .upsert(
            &[issue(1, "os.fork: 100 % CPU"), issue(2, "osmosis a_b")],
            None,
        )
        .unwrap();
    assert_eq!(numbers(&mirror.titles_containing("os", 9).unwrap()), [1, 2]);
    assert_eq!(numbers(&mirror.titles_containing("%", 9).unwrap()), [1]);
    assert_eq!(numbers(&mirror.titles_containing("_", 9).unwrap()), [2]);
    assert!(mirror.titles_containing("", 9).unwrap().is_empty());
    assert!(mirror.titles_containing("  ", 9).unwrap().is_empty());
}

#[test]
fn full_text_combines_terms_and_ranks() {
    let store = store();
    let mirror = store.mirror("here");
    let with_body = |number, title: &str, body: &str| Issue {
        body: body.to_owned(),
        ..issue(number, title)
    };
    mirror
        .upsert(
            &[
                with_body(1, "test_os fails", "ResourceWarning: unclosed file"),
                with_body(2, "slow", "see test_os and test_os_extra"),
                with_body(3, "leak", "ResourceWarning"),
            ],
            None,
        )
        .unwrap();
    assert_eq!(any(mirror, &["test_os"]), [2, 1]);
    assert_eq!(any(mirror, &["test_os", "resourcewarning"]), [3, 2, 1]);
    let all = mirror.full_text(
        &["test_os", "resourcewarning"],
        Combine::All,
        Order::Activity,
        9,
    );
    assert_eq!(numbers(&all.unwrap()), [1]);
    let ranked = mirror
        .full_text(&["test_os"], Combine::Any, Order::Relevance, 9)
        .unwrap();
    assert_eq!(numbers(&ranked), [1, 2], "the title weighs more");
    assert!(ranked[0].score > ranked[1].score);
    assert_eq!(any(mirror, &["unclosed file"]), [1]);
    assert_eq!(any(mirror, &["file unclosed"]), [0; 0]);
    assert_eq!(mirror.frequency("test_os", 100).unwrap(), 2);
    assert_eq!(mirror.frequency("test_os", 1).unwrap(), 1);
    assert_eq!(mirror.frequency("nowhere", 100).unwrap(), 0);
    assert_eq!(
        store.mirror("elsewhere").frequency("test_os", 100).unwrap(),
        0
    );
}

#[test]
fn parts_of_words_are_the_whole_term_in_any_case() {
    let store = store();
    let mirror = store.mirror("here");
    let titles = [
        "mytest_Sendfile2 hangs",
        "fil end ile nd_ sen ndf: all the pieces of sendfile",
        "a 100%_sure\\thing",
        "Überprüfung",
    ];
    let issues: Vec<_> = (1..).zip(titles).map(|(n, it)| issue(n, it)).collect();
    mirror.upsert(&issues, None).unwrap();
    for (term, expected) in [
        ("test_sendfile", &[1][..]),
        ("SENDFILE", &[2, 1]),
        ("test_", &[1]),
        ("est", &[1]),
        ("Tests", &[]),
        ("pieces of send", &[2]),
        ("0%_s", &[3]),
        ("_sure\\th", &[3]),
        ("0__s", &[]),
        ("prüf", &[4]),
        ("test_sendfile_and_more", &[]),
    ] {
        let hits = mirror.titles_containing(term, 9).unwrap();
        assert_eq!(numbers(&hits), expected, "{term}");
    }
}

#[test]
fn of_very_many_the_ones_that_came_last_are_found() {
    let store = store();
    let mirror = store.mirror("here");
    let issues: Vec<_> = (1..=1200)
        .map(|number| Issue {
            open: number % 1000 == 0,
            updated_at: NOW - i64::try_from(number).unwrap(),
            ..issue(number, "walrus")
        })
        .collect();
    mirror.upsert(&issues, None).unwrap();
    // All of the last three hundred are in order: the open ones, then by their change.
    let hits = mirror.titles_containing("walrus", 4).unwrap();
    assert_eq!(numbers(&hits), [1000, 901, 902, 903]);
    assert_eq!(any(mirror, &["walrus"])[..4], [1000, 901, 902, 903]);
}

#[test]
fn terms_that_say_something_are_told_from_those_that_do_not() {
    let store = store();
    let mirror = store.mirror("here");
    let texts = ["otter seal walrus", "otter seal", "otter"];
    let issues: Vec<_> = (1..).zip(texts).map(|(n, it)| issue(n, it)).collect();
    mirror.upsert(&issues, None).unwrap();
    let terms = [
        "otter",
        "stoat",
        "seal",
        "walrus",
        "seal",
        "",
        "seal walrus",
    ];
    let selective = mirror.selective(&terms, 2).unwrap();
    assert_eq!(selective, [("seal walrus", 1), ("walrus", 1), ("seal", 2)]);
    // Another tracker's reports do not count, whichever has more.
    let other = store.mirror("elsewhere");
    other.upsert(&[issue(1, "otter seal")], None).unwrap();
    assert_eq!(mirror.frequency("seal", 9).unwrap(), 2);
    assert_eq!(other.frequency("seal", 9).unwrap(), 1);
    assert_eq!(other.frequency("walrus", 9).unwrap(), 0);
    assert_eq!(other.selective(&terms, 2).unwrap().len(), 2);
}

const HOSTILE: &[&str] = &[
    "\"",
    "\"\"",
    "'",
    "*",
    "harm*",
    "^ harmless OR thing",
    "harmless NOT zzz",
    "title:harmless",
    "NOT",
    "AND OR",
    "NEAR(a b, 2)",
    "harmless\" OR \"hi",
    "{title}: harmless",
    "-title",
    "(",
    ")",
    "a + b",
    "\0",
    "harmless\0\" OR",
    "; DROP TABLE issues; --",
    "%",
    "\\",
    "\u{202e}x",
    "\u{301}",
    "?1",
    ":name",
    "@name",
    "$x",
];

#[test]
fn hostile_terms_are_never_read_as_a_query() {
    let store = store();
    let mirror = store.mirror("here");
    mirror
        .upsert(
            &[issue(1, "harmless thing"), issue(2, "say \"hi\" NEAR(me)")],
            None,
        )
        .unwrap();
    for term in HOSTILE {
        let titles = mirror.titles_containing(term, 9).expect(term);
        let texts = mirror
            .full_text(&[term, "zzz"], Combine::Any, Order::Relevance, 9)
            .expect(term);
        assert!(!numbers(&texts).contains(&1), "{term:?} found it by syntax");
        assert!(
            !numbers(&titles).contains(&1),
            "{term:?} found it by syntax"
        );
        mirror
            .full_text(&[term, term], Combine::All, Order::Activity, 9)
            .expect(term);
        mirror.frequency(term, 9).expect(term);
    }
    assert_eq!(
        numbers(&mirror.titles_containing("\"hi\"", 9).unwrap()),
        [2]
    );
    assert_eq!(
        numbers(&mirror.titles_containing("NEAR(me)", 9).unwrap()),
        [2]
    );
    assert_eq!(mirror.count().unwrap(), 2);
}

#[test]
fn endless_terms_are_cut() {
    let store = store();
    let mirror = store.mirror("here");
    mirror
        .upsert(&[issue(1, &"word ".repeat(39))], None)
        .unwrap();
    let long = "word ".repeat(100_000);
    assert!(mirror.titles_containing(&long, 9).unwrap().is_empty());
    let many = vec!["word"; 10_000];
    assert_eq!(any(mirror, &many), [1]);
    assert!(any(mirror, &[&"x".repeat(100_000)]).is_empty());
}
