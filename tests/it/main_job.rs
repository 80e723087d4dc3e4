//! The main job, end to end, on real servers: list, mailbox, tracker, reply.

use crate::service::{PATIENCE, Service, Setup, Wanted};
use crate::world::{eventually, run, world};

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    mail.lines()
        .take_while(|line| !line.trim().is_empty())
        .find_map(|line| line.strip_prefix(&prefix))
        .unwrap_or_else(|| panic!("no {name} in {mail}"))
        .trim()
}

#[test]
fn a_failure_is_reported_and_answered_and_the_next_one_commented_on() {
    run(async {
        let setup = Setup::new(&Wanted {
            area: "main-job",
            tracker: "t8",
            more: "",
        })
        .await;
        setup.empty_tracker().await;
        let mut service = Service::start(&setup);
        service.says("first start").await;

        let builder = format!("AMD64 {} 3.x", setup.watcher);
        let id = setup.post_notification("bb43-single-test-method.eml", &builder, "first");
        let draft = setup.draft_about(&builder).await;
        assert_eq!(draft["actions"][0]["do"], "open", "{draft}");
        assert!(setup.issues_titled(&setup.watcher).await.is_empty());
        let shown = setup.run(&["show", "1"]);
        assert!(shown.out.contains("test_capwords"), "{}", shown.out);

        let key = draft["draft"].as_str().expect("a key");
        let approved = setup.run(&["approve", key, "--as", "Ada Lovelace"]);
        assert!(
            approved.status.success(),
            "{}{}",
            approved.out,
            approved.err
        );
        setup.stage_of(1, "delivered").await;

        let issues = setup.issues_titled(&setup.watcher).await;
        assert_eq!(issues.len(), 1);
        let title = issues[0]["title"].as_str().expect("a title");
        assert!(title.starts_with("test_string: "), "{title}");
        let texts = setup.messages_of(&issues[0]).await;
        assert_eq!(texts.len(), 1);
        assert!(texts[0].contains("AssertionError"), "{}", texts[0]);

        // The post and the reply, at the subscriber, in the archive, and back here.
        let mails = world().inbox_of(&setup.reader, 2).await;
        let reply = String::from_utf8_lossy(&mails[1]).into_owned();
        assert_eq!(header(&reply, "In-Reply-To"), format!("<{id}>"));
        assert_eq!(header(&reply, "Auto-Submitted"), "auto-replied");
        let number = issues[0]["id"].as_str().expect("a number");
        assert!(reply.contains(&format!("issue{number}")), "{reply}");
        assert!(reply.contains("Ada Lovelace"), "{reply}");
        let archived = || Some(world().archive(&setup.list)).filter(|mails| mails.len() >= 2);
        assert_eq!(eventually(PATIENCE, archived).await.len(), 2);
        let copy = setup.stage_of(2, "closed").await;
        assert_eq!(copy["closed"]["reason"], "own_mail", "{copy}");

        // The same failure again: now there is a report to comment on.
        setup.post_notification("bb43-single-test-method.eml", &builder, "second");
        let draft = setup.draft_about(&builder).await;
        assert_eq!(draft["actions"][0]["do"], "comment", "{draft}");
        let key = draft["draft"].as_str().expect("a key");
        assert!(setup.run(&["approve", key]).status.success());
        setup.stage_of(3, "delivered").await;
        assert_eq!(setup.issues_titled(&setup.watcher).await.len(), 1);
        assert_eq!(setup.messages_of(&issues[0]).await.len(), 2);
        world().inbox_of(&setup.reader, 4).await;
        assert!(service.stop().await.success());
    });
}
