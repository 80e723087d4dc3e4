//! Many people decide on one draft in the same moment, on the command line, on the page
//! and by mail, in processes of their own: one decision is taken, and everybody else is
//! told whose.
//!
//! | variable       | what                                        | without it |
//! |----------------|---------------------------------------------|------------|
//! | `RACE_ROUNDS`  | drafts that are decided on                  | 2          |
//! | `RACE_WORDS`   | decisions on each                           | 24         |
//! | `RACE_SECONDS` | no round is begun after so many seconds     | no end     |
//!
//! `RACE_ROUNDS=1000 RACE_WORDS=100 tests/run --test it -- race::` is the
//! whole of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use buildbot_watch::store::Switch;
use mail_parser::MessageParser;

use super::{Answer, Client, LONGEST, PASSWORD, add_user, serve, unescaped};
use crate::mailflow::desk::{Desk, Notice, text_of};
use crate::service::PROGRAM;

/// Rounds on one desk: an approver is told of so many answers that decided nothing
/// within a day, and no more (20).
const ON_A_DESK: usize = 15;

/// People on the page; each has several windows open.
const ON_THE_PAGE: usize = 4;

/// Which ways were used how often.
struct Field {
    by_command: usize,
    by_page: usize,
    by_mail: usize,
}

impl Field {
    fn of(words: usize) -> Self {
        let by_command = (words / 12).max(1);
        let by_mail = (words / 3).max(1);
        Self {
            by_command,
            by_mail,
            by_page: words - by_command - by_mail,
        }
    }
}

/// What somebody said, and what they were told.
struct Told {
    way: &'static str,
    who: String,
    has_won: bool,
    words: String,
}

fn setting(name: &str, usual: usize) -> usize {
    let set = std::env::var(name).ok();
    set.map_or(usual, |text| text.parse().expect("a number"))
}

#[test]
fn of_many_words_in_one_moment_one_counts_and_all_others_learn_whose() {
    let rounds = setting("RACE_ROUNDS", 2);
    let words = setting("RACE_WORDS", 24);
    let seconds = setting("RACE_SECONDS", usize::MAX);
    let field = Field::of(words);
    let end = Duration::from_secs(seconds as u64);
    let begun = Instant::now();
    let mut wins: BTreeMap<&str, usize> = BTreeMap::new();
    let mut done = 0;
    while done < rounds && begun.elapsed() < end {
        let desk = Race::new(ON_A_DESK.min(rounds - done), &field);
        for round in 0..desk.rounds {
            if begun.elapsed() >= end {
                break;
            }
            *wins.entry(desk.round(round)).or_default() += 1;
            done += 1;
        }
        desk.assert_unharmed();
    }
    println!(
        "{done} rounds of {words} decisions in {:?}: one was taken in each, and all others \
         were told whose; taken by: {wins:?}",
        begun.elapsed()
    );
}

/// A desk with its service and its page.
struct Race<'a> {
    desk: Desk,
    field: &'a Field,
    rounds: usize,
    /// Who is logged in.
    windows: Vec<(String, Client)>,
    running: Vec<Child>,
}

impl Drop for Race<'_> {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn approver(number: usize) -> String {
    format!("Mary Mail{number}")
}

fn address(number: usize) -> String {
    format!("mary{number}@example.org")
}

fn config(field: &Field) -> String {
    let people: String = (0..field.by_mail)
        .map(|number| {
            let (name, address) = (approver(number), address(number));
            format!("\"{name}\" = {{ address = \"{address}\", may = [\"approve\", \"reject\"] }}\n")
        })
        .collect();
    format!(
        "[limits]\nreplies_an_hour = 1000\nreplies_a_day = 1000\nnew_issues_a_run = 1000\n\
         new_issues_a_day = 1000\n[log]\nlevel = \"warn\"\nformat = \"text\"\n\
         [approvers]\nanswers_to = \"decide@watch.example\"\n\
         authserv_id = \"mx.watch.example\"\nmails_an_hour = 1000\n[approvers.people]\n{people}"
    )
}

/// A notification like no other.
fn notice(number: usize) -> String {
    let letter = |at: usize| char::from(b'a' + u8::try_from(number / at % 26).expect("a letter"));
    let key: String = [1, 26, 676].map(letter).iter().collect();
    let notice = Notice {
        fixture: "bb403-single-test-method.eml",
        builder: &format!("AMD64 Racing {key} 3.x"),
        id: &format!("race{number}"),
    };
    notice
        .mail()
        .replace("test_string", &format!("test_q{key}"))
        .replace("test_capwords", &format!("test_z{key}"))
        .replace("ModuleTest", &format!("M{key}Test"))
        .replace("builds/2", &format!("builds/{}", 1000 + number))
}

impl<'a> Race<'a> {
    fn new(rounds: usize, field: &'a Field) -> Self {
        let desk = Desk::with_sections(&config(field));
        for number in 0..rounds {
            desk.put(notice(number));
        }
        desk.settle();
        let folder = desk.path("");
        let service = Command::new(PROGRAM)
            .args(["run", "--config"])
            .arg(desk.path("config.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the service starts");
        let (page, place) = serve(&folder, &["--listen", "127.0.0.1:0"]);
        let place = place.trim_end_matches('/').to_owned();
        let port: u16 = place.rsplit(':').next().unwrap().parse().unwrap();
        let people = (0..ON_THE_PAGE).map(|number| {
            let name = format!("Pat Page{number}");
            add_user(&folder, &name, PASSWORD);
            let mut client = Client {
                port,
                host: format!("127.0.0.1:{port}"),
                cookies: BTreeMap::new(),
            };
            client.log_in(&name, PASSWORD).leads_to("/");
            (name, client)
        });
        Self {
            windows: people.collect(),
            field,
            rounds,
            running: vec![service, page],
            desk,
        }
    }

    /// All decide at once; gives the way by which it was decided.
    fn round(&self, round: usize) -> &'static str {
        let id = i64::try_from(round + 1).expect("a number");
        let mails = self.answers(id, round);
        let mut starters = self.commands(id);
        starters.extend(self.posts(id));
        // The service looks into its mailbox once a second: so that mails win, too, the
        // others begin later, another time each round.
        let head_start = Duration::from_millis(300 * (round % 5) as u64);
        let gate = Arc::new(Barrier::new(starters.len() + 1));
        let threads: Vec<_> = starters
            .into_iter()
            .map(|starter| {
                let gate = Arc::clone(&gate);
                std::thread::spawn(move || {
                    gate.wait();
                    std::thread::sleep(head_start);
                    starter()
                })
            })
            .collect();
        let names: Vec<String> = mails.iter().map(|mail| mail.name.clone()).collect();
        gate.wait();
        for mail in mails {
            std::fs::rename(&mail.from, &mail.to).expect("a mail");
        }
        let mut told: Vec<Told> = threads
            .into_iter()
            .map(|thread| thread.join().expect("a word"))
            .collect();
        told.extend(self.told_by_mail(id, round, &names));
        self.judge(id, &told)
    }

    /// One has won, the store says so, too, and all others name whoever it was.
    fn judge(&self, id: i64, told: &[Told]) -> &'static str {
        let winners: Vec<&Told> = told.iter().filter(|it| it.has_won).collect();
        let [winner] = winners.as_slice() else {
            let all: Vec<_> = winners.iter().map(|it| (it.way, &it.who)).collect();
            panic!("{} decisions were taken on {id}: {all:?}", winners.len());
        };
        for it in told.iter().filter(|it| !it.has_won) {
            let (way, words) = (it.way, &it.words);
            assert!(
                words.contains(&winner.who),
                "{way}, not {}: {words}",
                winner.who
            );
        }
        let row = self.desk.row(id);
        let who = match row["closed"]["reason"].as_str() {
            Some("rejected") => row["closed"]["note"].as_str().unwrap_or_default(),
            _ => row["decision"]["who"].as_str().unwrap_or_default(),
        };
        assert!(who.contains(&winner.who), "{} has won: {row}", winner.who);
        winner.way
    }

    fn commands(&self, id: i64) -> Vec<Starter> {
        let key = self.desk.key(id);
        let starter = |number: usize| -> Starter {
            let who = format!("Cleo Command{number}");
            let mut words = vec!["approve", &key, "--as", &who];
            if number % 3 == 2 {
                words = vec!["reject", &key, "--reason", "no bug", "--as", &who];
            }
            let mut command = self.desk.command(&words);
            Box::new(move || {
                let output = command.output().expect("the program runs");
                let words = [output.stdout, output.stderr].concat();
                Told {
                    way: "command",
                    who,
                    has_won: output.status.success(),
                    words: String::from_utf8_lossy(&words).into_owned(),
                }
            })
        };
        (0..self.field.by_command).map(starter).collect()
    }

    fn posts(&self, id: i64) -> Vec<Starter> {
        let mut pages: Vec<Answer> = Vec::new();
        for (_, client) in &self.windows {
            let mut client = client.clone();
            pages.push(client.get(&format!("/draft/{id}")).is(200));
        }
        let starter = |number: usize| -> Starter {
            let at = number % self.windows.len();
            let (who, client) = &self.windows[at];
            let (who, mut client) = (who.clone(), client.clone());
            let verb = if number % 3 == 2 { "reject" } else { "approve" };
            let action = format!("/draft/{id}/{verb}");
            let mut fields = pages[at].all_hidden(&action);
            if verb == "reject" {
                fields.push(("reason".to_owned(), "no bug".to_owned()));
            }
            Box::new(move || {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let answer = client.post(&action, &fields);
                let status = answer.status;
                assert!([303, 409].contains(&status), "{status}: {}", answer.body);
                Told {
                    way: "page",
                    who,
                    has_won: status == 303,
                    words: unescaped(&answer.body),
                }
            })
        };
        (0..self.field.by_page).map(starter).collect()
    }

    /// Everybody's answer to the letter about a draft, ready to be put into the mailbox.
    fn answers(&self, id: i64, round: usize) -> Vec<Mail> {
        let key = self.desk.key(id);
        let subject = format!("{key}: ");
        let letters = self.letters("Subject", self.field.by_mail, |value| {
            value.starts_with(&subject)
        });
        let folder = self.desk.path("mailbox");
        let answer = |(number, letter): (usize, Letter)| {
            let verb = if number % 3 == 2 {
                "reject no bug"
            } else {
                "approve"
            };
            let from = letter.header("To");
            let mail = format!(
                "Return-Path: <{from}>\n\
                 Authentication-Results: mx.watch.example; dkim=pass header.d=example.org\n\
                 Received: from x by mx.watch.example (Postfix); Sun, 22 Nov 2026\n\
                 From: {from}\nTo: {}\nSubject: Re: {}\nMessage-ID: <{}>\nIn-Reply-To: {}\n\n{verb}\n",
                letter.header("Reply-To"),
                letter.header("Subject"),
                answer_id(round, &from),
                letter.header("Message-ID"),
            );
            let name = format!("race.{round}.{number}");
            let from_path = folder.join("tmp").join(&name);
            std::fs::write(&from_path, mail).expect("a mail");
            Mail {
                name: from,
                from: from_path,
                to: folder.join("new").join(name),
            }
        };
        letters.into_iter().enumerate().map(answer).collect()
    }

    /// What everybody who answered by mail was told.
    fn told_by_mail(&self, id: i64, round: usize, addresses: &[String]) -> Vec<Told> {
        let ids: Vec<String> = addresses
            .iter()
            .map(|address| format!("<{}>", answer_id(round, address)))
            .collect();
        let is_one = |value: &str| ids.iter().any(|id| id == value);
        let letters = self.letters("In-Reply-To", addresses.len(), is_one);
        let told = letters.into_iter().map(|letter| {
            let words = text_of(&letter.0);
            let to = letter.header("To");
            let of = |number: &usize| address(*number) == to;
            let number = (0..self.field.by_mail).find(of).expect("an approver");
            let won = ["approved", "rejected"].map(|verb| format!("{id} is {verb} by you"));
            Told {
                way: "mail",
                who: approver(number),
                has_won: won.iter().any(|won| words.contains(won)),
                words,
            }
        });
        told.collect()
    }

    /// Waits for so many letters of which a header is as wanted.
    fn letters(&self, name: &str, count: usize, is_wanted: impl Fn(&str) -> bool) -> Vec<Letter> {
        let begun = Instant::now();
        loop {
            let all = self.desk.sent().into_iter().map(Letter);
            let wanted = all.filter(|letter| {
                is_wanted(&letter.header(name)) && letter.header("To").starts_with("mary")
            });
            let found: Vec<Letter> = wanted.collect();
            if found.len() >= count {
                assert_eq!(found.len(), count, "a letter too many");
                return found;
            }
            let patience = begun.elapsed() < LONGEST * 4;
            assert!(patience, "{} of {count} letters with {name}", found.len());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Every draft has one decision, and nothing stopped.
    fn assert_unharmed(&self) {
        let store = self.desk.store();
        assert_eq!(store.switch(Switch::Stop).expect("the store"), None);
        assert_eq!(
            store.quick_check().expect("the store"),
            Vec::<String>::new()
        );
    }
}

/// Says its word when it is called.
type Starter = Box<dyn FnOnce() -> Told + Send>;

/// An answer that lies beside the mailbox.
struct Mail {
    /// The approver's address.
    name: String,
    from: PathBuf,
    to: PathBuf,
}

struct Letter(Vec<u8>);

impl Letter {
    fn header(&self, name: &str) -> String {
        let head = MessageParser::new().parse_headers(self.0.as_slice());
        let head = head.expect("a mail");
        let raw = head.header_raw(name).unwrap_or_default();
        raw.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn answer_id(round: usize, address: &str) -> String {
    format!("race{round}.{address}")
}
