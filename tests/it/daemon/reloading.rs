//! SIGHUP: what is new is taken over, what is broken is not.

use crate::daemon::support::{
    approve_one, builder_of, change, post, says_times, section, stops_by, template_folder,
    without_tracker,
};
use crate::service::Service;
use crate::world::run;

#[test]
fn templates_and_caps_are_taken_over() {
    run(async {
        let setup = without_tracker("reload").await;
        let mut service = Service::start(&setup);
        service.says("first start").await;
        let folder = template_folder(&setup);
        std::fs::write(folder.join("reply.txt.hbs"), "In new words.\n").expect("a template");
        section(
            &setup,
            "drafts.versions",
            "\"3.x\" = \"Python 3.15\"\n\n[drafts]\ntemplates = \"templates\"\n\n\
             [limits]\nreplies_an_hour = 1",
        );
        service.signal("HUP");
        service.says("the configuration was read again").await;
        says_times(&mut service, "ready", 2).await;
        let first = approve_one(&setup, "one").await;
        setup.stage_of(first, "delivered").await;
        let shown = setup.run(&["show", &first.to_string()]);
        assert!(shown.out.contains("In new words."), "{}", shown.out);
        // The cap as it is now.
        approve_one(&setup, "two").await;
        service.says("the cap is 1").await;

        // A template that is broken leaves the one before it in use.
        let broken = "In the newest words.\n{{#if}}\n";
        std::fs::write(folder.join("reply.txt.hbs"), broken).expect("a template");
        service.signal("HUP");
        service.says("a template is not used").await;
        says_times(&mut service, "ready", 3).await;
        let log = service.log();
        let told: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("a template is not used"))
            .collect();
        assert_eq!(told.len(), 1, "{log}");
        assert!(told[0].contains("reply.txt.hbs:3:1"), "{}", told[0]);
        assert!(setup.run(&["clear-stop", "--as", "Ada"]).status.success());
        let id = post(&setup, "three");
        let draft = setup.draft_about(&builder_of(&setup)).await;
        let number = draft["id"].as_i64().expect("a number").to_string();
        let shown = setup.run(&["show", &number]);
        assert!(shown.out.contains("In new words."), "{id}: {}", shown.out);
        stops_by(service, "TERM").await;
    });
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    run(async {
        let setup = without_tracker("broken").await;
        let good = std::fs::read_to_string(&setup.config).expect("a configuration");
        let mut service = Service::start(&setup);
        service.says("first start").await;

        // Every mistake is told, with its line.
        let bad = format!("{good}\n[limits]\nreplies_an_hour = \"many\"\n\n[tracer]\nx = 1\n");
        std::fs::write(&setup.config, &bad).expect("a configuration");
        service.signal("HUP");
        service.says("is not taken over").await;
        for wrong in ["replies_an_hour", "[tracer]"] {
            let line = bad.lines().position(|line| line.starts_with(wrong));
            let place = format!("config.toml:{}:", line.expect("a line") + 1);
            assert!(service.log().contains(&place), "{place}: {}", service.log());
        }

        // So is what only shows when it is used.
        for (what, to, words) in [
            ("ca_file = \"", "ca_file = \"/nowhere", "/nowhere"),
            ("\"state\"", "\"elsewhere\"", "needs a restart"),
        ] {
            std::fs::write(&setup.config, &good).expect("a configuration");
            change(&setup, what, to);
            let before = service.log().matches("is not taken over").count();
            service.signal("HUP");
            says_times(&mut service, "is not taken over", before + 1).await;
            assert!(service.log().contains(words), "{words}: {}", service.log());
        }
        assert!(!setup.folder.path().join("elsewhere").exists());

        // The old one is in use all the time.
        std::fs::write(&setup.config, &good).expect("a configuration");
        assert_eq!(service.log().matches("ready").count(), 1);
        let notification = approve_one(&setup, "on").await;
        setup.stage_of(notification, "delivered").await;
        stops_by(service, "TERM").await;
    });
}

#[test]
fn commands_and_the_service_share_one_database_after_it() {
    run(async {
        let setup = without_tracker("reload-shared").await;
        let mut service = Service::start(&setup);
        service.says("first start").await;
        service.signal("HUP");
        says_times(&mut service, "ready", 2).await;
        // Who closes it last takes the log away; a command is not the last.
        let log = setup.folder.path().join("state/buildbot-watch.sqlite3-wal");
        assert!(log.exists());
        assert!(setup.run(&["list"]).status.success());
        assert!(log.exists(), "the service writes where nobody reads");
        let first = approve_one(&setup, "one").await;
        setup.stage_of(first, "delivered").await;
        stops_by(service, "TERM").await;
    });
}
