//! The line to the mail server breaks while a reply leaves (I4).

use std::time::Duration;

use serde_json::Value;

use super::smtp_line::{Break, SmtpLine};
use crate::service::{PATIENCE, Service, Setup, Wanted};
use crate::world::{eventually, run, world};

/// A service whose mails go through a line that breaks, with one draft.
struct Scene {
    setup: Setup,
    line: SmtpLine,
    service: Service,
    key: String,
}

/// Replaces the sections for outgoing mail and the tracker: no login and no TLS
/// to a relay on this machine, and a tracker in a file.
fn rewrite(setup: &Setup, port: u16) {
    let text = std::fs::read_to_string(&setup.config).expect("a configuration");
    let (head, rest) = text.split_once("[outgoing]").expect("a section");
    let (_, tail) = rest.split_once("[drafts.versions]").expect("a section");
    let address = world().address(&setup.watcher);
    let text = format!(
        "{head}[outgoing]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\n\
         security = \"none\"\nfrom_address = \"{address}\"\n\
         [tracker]\nkind = \"embedded\"\npath = \"tracker.sqlite3\"\n[drafts.versions]{tail}"
    );
    std::fs::write(&setup.config, text).expect("a configuration");
}

impl Scene {
    async fn new(area: &str, at: Break) -> Self {
        let setup = Setup::new(&Wanted {
            area,
            tracker: "demo",
            more: "",
        })
        .await;
        let line = SmtpLine::to(world().mail.smtp_port, at).await;
        rewrite(&setup, line.port);
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let builder = format!("AMD64 {} 3.x", setup.watcher);
        setup.post_notification("bb43-single-test-method.eml", &builder, area);
        let draft = setup.draft_about(&builder).await;
        let key = draft["draft"].as_str().expect("a key").to_owned();
        Self {
            setup,
            line,
            service,
            key,
        }
    }

    fn approve(&self) {
        let ran = self
            .setup
            .run(&["approve", &self.key, "--as", "Ada Lovelace"]);
        assert!(ran.status.success(), "{}{}", ran.out, ran.err);
    }

    /// The reply's delivery.
    fn reply(&self) -> Value {
        let row = self.setup.json(&["show", "1"]);
        let deliveries = row["deliveries"].as_array().expect("deliveries");
        deliveries.last().expect("a delivery").clone()
    }

    async fn reply_is(&self, state: &str) -> Value {
        eventually(PATIENCE, || {
            Some(self.reply()).filter(|reply| reply["state"] == state)
        })
        .await
    }

    async fn reached(&self) {
        eventually(PATIENCE, || (self.line.reached() > 0).then_some(())).await;
    }

    /// Waits a while and counts the replies that the list gave to its reader.
    async fn replies_after(&self, pause: Duration) -> usize {
        tokio::time::sleep(pause).await;
        let inbox = world().inbox(&self.setup.reader);
        let is_reply = |mail: &&Vec<u8>| {
            String::from_utf8_lossy(mail).contains("Auto-Submitted: auto-replied")
        };
        inbox.iter().filter(is_reply).count()
    }
}

const A_WHILE: Duration = Duration::from_secs(3);

#[test]
fn the_lists_copy_ends_a_doubt() {
    run(async {
        let scene = Scene::new("doubt-copy", Break::AfterTheDot).await;
        scene.approve();
        scene.reached().await;
        let reply = scene.reply_is("done").await;
        assert!(
            reply["receipt"].to_string().contains("copy came back"),
            "{reply}"
        );
        assert_eq!(scene.setup.stage_of(1, "delivered").await["id"], 1);
        let trail = scene.setup.run(&["history", "1"]).out;
        assert!(trail.contains("in doubt"), "{trail}");
        assert_eq!(scene.replies_after(A_WHILE).await, 1);
        assert_eq!(scene.line.mails(), 1);
        assert!(scene.setup.json(&["status"])["stop"].is_null());
    });
}

#[test]
fn what_breaks_before_the_mail_is_sent_again() {
    run(async {
        let scene = Scene::new("doubt-before", Break::AtRecipient).await;
        scene.approve();
        scene.reached().await;
        let reply = eventually(PATIENCE, || {
            Some(scene.reply()).filter(|reply| !reply["last_error"].is_null())
        })
        .await;
        assert_eq!(reply["state"], "queued", "{reply}");
        assert_eq!(scene.replies_after(Duration::ZERO).await, 0);
        scene.line.set(Break::Never);
        scene.reply_is("done").await;
        scene.setup.stage_of(2, "closed").await;
        assert_eq!(scene.replies_after(A_WHILE).await, 1);
        assert_eq!(scene.line.mails(), 1);
    });
}

#[test]
fn what_breaks_in_the_mail_never_makes_two() {
    run(async {
        let scene = Scene::new("doubt-within", Break::InTheMail).await;
        scene.approve();
        scene.reached().await;
        scene.line.set(Break::Never);
        // Whether the dot had left is for the network to know: if so it is in
        // doubt, if not it is sent again.
        let reply = eventually(PATIENCE, || {
            let reply = scene.reply();
            (reply["state"] == "in_doubt" || reply["state"] == "done").then_some(reply)
        })
        .await;
        if reply["state"] == "in_doubt" {
            assert_eq!(scene.replies_after(A_WHILE).await, 0);
            assert_eq!(scene.reply()["state"], "in_doubt");
        } else {
            assert_eq!(scene.replies_after(A_WHILE).await, 1);
        }
        assert!(scene.line.mails() <= 1);
    });
}

#[test]
fn after_a_silence_and_a_crash_a_person_says_what_happened() {
    run(async {
        let mut scene = Scene::new("doubt-silent", Break::SilentDot).await;
        scene.approve();
        scene.reached().await;
        assert_eq!(scene.reply()["state"], "claimed");
        scene.service.signal("KILL");
        scene.service.ended().await;
        scene.line.set(Break::Never);
        scene.service = Service::start(&scene.setup);
        let reply = scene.reply_is("in_doubt").await;
        assert_eq!(scene.replies_after(A_WHILE).await, 0);
        assert_eq!(scene.line.mails(), 0);
        let number = reply["delivery"].to_string();
        let status = scene.setup.run(&["status"]).out;
        assert!(status.contains("in doubt"), "{status}");
        // A person saw that it is not on the list.
        let ran = scene.setup.run(&["resolve", &number, "--try-again"]);
        assert!(ran.status.success(), "{}{}", ran.out, ran.err);
        scene.reply_is("done").await;
        scene.setup.stage_of(2, "closed").await;
        assert_eq!(scene.replies_after(A_WHILE).await, 1);
        assert!(scene.setup.json(&["status"])["stop"].is_null());
    });
}

#[test]
fn a_switch_that_is_set_while_the_server_waits_is_seen() {
    run(async {
        let switches = [
            (["pause", "--reason", "wait"], "resume"),
            (["stop", "--reason", "wait"], "clear-stop"),
        ];
        let scene = Scene::new("doubt-switch", Break::HeldBeforeTheMail).await;
        scene.approve();
        for (number, (on, _)) in switches.iter().enumerate() {
            eventually(PATIENCE, || (scene.line.reached() > number).then_some(())).await;
            let ran = scene.setup.run(on);
            assert!(ran.status.success(), "{}{}", ran.out, ran.err);
            scene.line.let_go();
            let word = if number == 0 { "paused" } else { "STOP" };
            eventually(PATIENCE, || {
                let reply = scene.reply();
                let why = reply["last_error"].as_str().unwrap_or_default().to_owned();
                (reply["state"] == "queued" && why.contains(word)).then_some(())
            })
            .await;
            assert_eq!(scene.line.mails(), 0);
            if number == 0 {
                assert!(scene.setup.run(&[switches[0].1]).status.success());
            }
        }
        scene.line.set(Break::Never);
        assert_eq!(scene.replies_after(Duration::from_secs(1)).await, 0);
        assert!(scene.setup.run(&["clear-stop"]).status.success());
        scene.reply_is("done").await;
        assert_eq!(scene.line.mails(), 1);
    });
}
