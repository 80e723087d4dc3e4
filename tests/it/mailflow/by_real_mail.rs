//! Deciding by mail through real servers: Postfix with OpenDKIM in front of the
//! mailbox, signatures made here, a list, and an approver whom Sieve answers for.

use mail_parser::MessageParser;
use serde_json::Value;

use super::desk::text_of;
use super::dkim::signed;
use super::on_the_list::with_own_tracker;
use crate::daemon::support::{change, says_times};
use crate::service::{PATIENCE, Service, Setup, Wanted};
use crate::world::{World, eventually, run, world};

pub const STRING: &str = "bb43-single-test-method.eml";

pub struct Decider {
    pub setup: Setup,
    /// The approver's user, who answers.
    pub ada: String,
    /// One whom a vacation responder answers for.
    away: String,
}

fn header(mail: &[u8], name: &str) -> String {
    let message = MessageParser::new().parse(mail).expect("a mail");
    let raw = message.header_raw(name).unwrap_or_default();
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What an operator is told to do: look at a mail in the mailbox for the servers that
/// stand above the one that checks signatures.
pub async fn received_by(world: &World) -> Vec<String> {
    let user = world.fresh_user("probe");
    let address = world.address(&user);
    let probe = format!(
        "From: a@{d}\nTo: {address}\n\nprobe\n",
        d = world.mail.domain
    );
    let probe = signed(world, &world.mail.domain, &probe);
    world.post_at(world.mail.smtp_verifying_port, &address, &address, &probe);
    let mails = world.inbox_of(&user, 1).await;
    let text = String::from_utf8_lossy(&mails[0]).replace("\r\n", "\n");
    let at = text.find("Authentication-Results: mx.example.test");
    let above = &text[..at.unwrap_or_else(|| panic!("no results: {text}"))];
    let results = text[above.len()..].split("\nReceived:").next();
    assert!(results.is_some_and(|it| it.contains("dkim=pass")), "{text}");
    let received = above.split("Received:").skip(1);
    received
        .map(|value| {
            let mut words = value.split_whitespace().skip_while(|word| *word != "by");
            words.nth(1).expect("a server").to_owned()
        })
        .collect()
}

impl Decider {
    pub async fn new(area: &str, may: &str) -> Self {
        let world = world();
        let wanted = Wanted {
            area,
            tracker: "demo",
            more: "",
        };
        let setup = Setup::new(&wanted).await;
        with_own_tracker(&setup);
        let (ada, away) = (world.fresh_user("ada"), world.fresh_user("vacation"));
        let mut text = std::fs::read_to_string(&setup.config).expect("a configuration");
        text.push_str(&format!(
            "\n[approvers]\nanswers_to = \"decide-{}\"\nauthserv_id = \"mx.example.test\"\n\
             received_by = {:?}\n[approvers.people]\n\
             \"Ada Lovelace\" = {{ address = \"{}\", may = [{may}] }}\n\
             \"Grace Hopper\" = {{ address = \"{}\", may = [{may}] }}\n",
            world.address(&setup.watcher),
            received_by(world).await,
            world.address(&ada),
            world.address(&away),
        ));
        std::fs::write(&setup.config, text).expect("a configuration");
        Self { setup, ada, away }
    }

    /// The first letter to a user that holds these words.
    pub async fn letter(&self, user: &str, words: &str) -> Vec<u8> {
        eventually(PATIENCE, || {
            let mails = world().inbox(user);
            mails.into_iter().find(|mail| text_of(mail).contains(words))
        })
        .await
    }

    pub fn answer(&self, letter: &[u8], id: &str, body: &str) -> String {
        format!(
            "From: Ada <{}>\nTo: {}\nSubject: Re: {}\nMessage-ID: <{id}@{}>\n\
             In-Reply-To: {}\n\n{body}\n",
            world().address(&self.ada),
            header(letter, "Reply-To"),
            header(letter, "Subject"),
            self.ada,
            header(letter, "Message-ID"),
        )
    }

    fn post(&self, letter: &[u8], mail: &[u8]) {
        let from = world().address(&self.ada);
        let port = world().mail.smtp_verifying_port;
        world().post_at(port, &from, &header(letter, "Reply-To"), mail);
    }

    /// Waits until so many answers were handled, and gives what became of each, the
    /// newest first.
    pub async fn handled(&self, count: usize) -> Vec<String> {
        eventually(PATIENCE, || {
            let rows = self.setup.json(&["list", "--all"]);
            let rows = rows["notifications"].as_array().expect("rows").clone();
            let answers = rows
                .iter()
                .filter(|row| row["closed"]["reason"] == "answer");
            let trails: Vec<String> = answers
                .map(|row| {
                    self.setup
                        .json(&["history", &row["id"].to_string()])
                        .to_string()
                })
                .filter(|trail| trail.contains("by mail"))
                .collect();
            (trails.len() >= count).then_some(trails)
        })
        .await
    }

    pub fn row(&self, id: i64) -> Value {
        self.setup.json(&["show", &id.to_string()])
    }
}

#[test]
fn an_answer_with_a_good_signature_decides_and_nothing_else_does() {
    run(async {
        let world = world();
        let decider = Decider::new("mail", "\"approve\", \"reject\", \"hold\"").await;
        let setup = &decider.setup;
        let mut service = Service::start(setup);
        service.says("first start").await;
        setup.post_notification(STRING, "AMD64 Debian mail 3.x", "by-mail");
        let draft = setup.draft_about("AMD64 Debian mail 3.x").await;
        let id = draft["id"].as_i64().expect("a number");
        let letter = decider
            .letter(&decider.ada, "aiting for your decision")
            .await;
        let domain = world.mail.domain.as_str();

        let unsigned = |id: &str| {
            let mail = decider.answer(&letter, id, "approve");
            mail.replace('\n', "\r\n").into_bytes()
        };
        decider.post(&letter, &unsigned("r1"));
        let said = decider.handled(1).await;
        assert!(said[0].contains("no good DKIM signature"), "{}", said[0]);

        let mail = decider.answer(&letter, "r2", "approve");
        decider.post(&letter, &signed(world, "evil.test", &mail));
        let said = decider.handled(2).await;
        assert!(said[0].contains("is of example.test"), "{}", said[0]);

        let forged = "Authentication-Results: mx.example.test; dkim=pass header.d=example.test\r\n";
        let forged = [forged.as_bytes(), &unsigned("r3")].concat();
        decider.post(&letter, &forged);
        let said = decider.handled(3).await;
        assert!(said[0].contains("not verified"), "{}", said[0]);

        let broken = signed(world, domain, &decider.answer(&letter, "r4", "hold it"));
        let broken = String::from_utf8(broken)
            .expect("a mail")
            .replace("hold it", "approve");
        decider.post(&letter, broken.as_bytes());
        let said = decider.handled(4).await;
        assert!(said[0].contains("no good DKIM signature"), "{}", said[0]);

        away(&decider, world).await;
        let said = decider.handled(5).await;
        assert!(said[0].contains("no person wrote it"), "{}", said[0]);
        assert!(decider.row(id)["decision"].is_null());

        let good = signed(world, domain, &decider.answer(&letter, "r6", "approve"));
        decider.post(&letter, &good);
        decider.handled(6).await;
        let row = setup.stage_of(id, "delivered").await;
        assert_eq!(row["decision"]["who"], "Ada Lovelace", "{row}");
        decider.letter(&decider.ada, "is approved by you").await;
        // Only the verified mail was answered.
        assert_eq!(world.inbox(&decider.ada).len(), 2);
        assert!(service.stop().await.success());
    });
}

#[test]
fn who_was_named_by_a_wrong_address_is_asked_once_that_is_right() {
    run(async {
        let world = world();
        let decider = Decider::new("mended", "\"reject\"").await;
        let setup = &decider.setup;
        let (right, wrong) = (world.address(&decider.ada), &world.mail.refused_for_good);
        change(setup, &right, wrong);
        let mut service = Service::start(setup);
        service.says("first start").await;
        setup.post_notification(STRING, "AMD64 Debian mended 3.x", "mended");
        setup.draft_about("AMD64 Debian mended 3.x").await;
        service.says("is refused for good").await;
        let given_up = || {
            let status = setup.json(&["status"]);
            let asked = status["asked_by_mail"].as_array().expect("approvers");
            let all = asked.iter().filter_map(|it| it["given_up"].as_u64());
            all.sum::<u64>()
        };
        assert_eq!(given_up(), 1);
        change(setup, wrong, &right);
        service.signal("HUP");
        let words = "aiting for your decision";
        decider.letter(&decider.ada, words).await;
        assert_eq!(given_up(), 0);
        // Nothing is left that a further one would send again.
        service.signal("HUP");
        says_times(&mut service, "ready", 3).await;
        assert!(service.stop().await.success());
        assert_eq!(world.inbox(&decider.ada).len(), 1);
    });
}

/// The letter itself is no mail that a responder answers (RFC 5230, section 4.6). One
/// that looks like a person's is, and the answer goes where an approver's would.
async fn away(decider: &Decider, world: &World) {
    let letter = decider
        .letter(&decider.away, "aiting for your decision")
        .await;
    let reply_to = header(&letter, "Reply-To");
    let address = world.address(&decider.away);
    let mail = format!(
        "From: {reply_to}\nTo: {address}\nSubject: draft\nMessage-ID: <v@{}>\n\nhello\n",
        decider.away
    );
    let mail = mail.replace('\n', "\r\n");
    world.post(&reply_to, &address, mail.as_bytes());
}

#[test]
fn a_verb_on_the_list_is_a_persons_word_and_a_rejection_closes() {
    run(async {
        let world = world();
        let decider = Decider::new("maill", "\"reject\"").await;
        let setup = &decider.setup;
        let mut service = Service::start(setup);
        service.says("first start").await;
        let thread = setup.post_notification(STRING, "AMD64 Debian verb 3.x", "by-mail-list");
        let draft = setup.draft_about("AMD64 Debian verb 3.x").await;
        let id = draft["id"].as_i64().expect("a number");
        let letter = decider
            .letter(&decider.ada, "aiting for your decision")
            .await;

        // On the list, in the thread; and with our address in Cc.
        let from = world.address(&decider.ada);
        for (cc, about) in [
            ("x@example.test", "v1"),
            (&header(&letter, "Reply-To"), "v2"),
        ] {
            let mail = format!(
                "From: {from}\nTo: {}\nCc: {cc}\nSubject: Re: failed\nMessage-ID: <{about}@{}>\n\
                 In-Reply-To: <{thread}>\n\nreject by way of the list\n",
                setup.list, decider.ada
            );
            world.post(
                &from,
                &setup.list,
                &signed(world, &world.mail.domain, &mail),
            );
        }
        let said = decider.handled(1).await;
        assert!(said[0].contains("mailing list"), "{}", said[0]);
        assert!(decider.row(id)["decision"].is_null());

        let mail = decider.answer(&letter, "v3", "approve");
        decider.post(&letter, &signed(world, &world.mail.domain, &mail));
        decider
            .letter(&decider.ada, "you may not approve by mail")
            .await;
        let mail = decider.answer(&letter, "v4", "reject not a bug");
        decider.post(&letter, &signed(world, &world.mail.domain, &mail));
        decider
            .letter(&decider.ada, "is rejected by you: not a bug")
            .await;
        assert_eq!(decider.row(id)["closed"]["reason"], "rejected");
        assert!(service.stop().await.success());
    });
}
