//! Answers that a filter puts into a folder of their own: a real Dovecot, and mails
//! whose signatures a real OpenDKIM has looked at.

use super::by_real_mail::{Decider, STRING};
use super::dkim::signed;
use crate::imap::{meddler, settings};
use crate::service::{PATIENCE, Service};
use crate::world::{eventually, run, world};

const FOLDER: &str = "Decisions";

/// The answer as the receiving server would put it into a folder: by way of another
/// user's INBOX, so that it comes to ours nowhere else.
async fn received(decider: &Decider, letter: &[u8], id: &str, body: &str) -> Vec<u8> {
    let world = world();
    let user = world.fresh_user("filtered");
    let mail = decider.answer(letter, id, body);
    let mail = signed(world, &world.mail.domain, &mail);
    let from = world.address(&decider.ada);
    let port = world.mail.smtp_verifying_port;
    world.post_at(port, &from, &world.address(&user), &mail);
    world.inbox_of(&user, 1).await.remove(0)
}

async fn append(decider: &Decider, mail: &[u8]) {
    let mut session = meddler(&settings(world(), &decider.setup.watcher)).await;
    session
        .append(FOLDER, None, None, mail)
        .await
        .expect("APPEND");
    session.logout().await.expect("LOGOUT");
}

/// The folder is gone, and another of its name is there.
async fn make_anew(decider: &Decider) {
    let mut session = meddler(&settings(world(), &decider.setup.watcher)).await;
    session.delete(FOLDER).await.expect("DELETE");
    session.create(FOLDER).await.expect("CREATE");
    session.logout().await.expect("LOGOUT");
}

#[test]
fn answers_in_a_folder_of_their_own_are_taken_each_once() {
    run(async {
        let decider = Decider::new("folder", "\"hold\", \"reject\"").await;
        let setup = &decider.setup;
        let config = std::fs::read_to_string(&setup.config).expect("a configuration");
        let config = config.replace(
            "authserv_id",
            &format!("folder = \"{FOLDER}\"\nauthserv_id"),
        );
        std::fs::write(&setup.config, config).expect("a configuration");

        // Without the folder that is told, and everything else goes on.
        let mut service = Service::start(setup);
        service.says("the mailbox cannot be read").await;
        setup.post_notification(STRING, "AMD64 Debian folder 3.x", "by-folder");
        let draft = setup.draft_about("AMD64 Debian folder 3.x").await;
        let id = draft["id"].as_i64().expect("a number");
        let letter = decider
            .letter(&decider.ada, "aiting for your decision")
            .await;
        let status = setup.run(&["status"]).out;
        assert!(
            status.contains("The folder of answers cannot be read"),
            "{status}"
        );
        assert!(service.stop().await.success());

        let mut session = meddler(&settings(world(), &setup.watcher)).await;
        session.create(FOLDER).await.expect("CREATE");
        session.logout().await.expect("LOGOUT");
        let service = Service::start(setup);
        // Of the mailbox itself it was when the service was started before.
        let begun = || service.log().matches("first start: ").count();
        eventually(PATIENCE, || (begun() == 2).then_some(())).await;
        let hold = received(&decider, &letter, "f1", "hold until Monday").await;
        append(&decider, &hold).await;
        let said = decider.handled(1).await;
        assert!(
            said[0].contains("is held by you: until Monday"),
            "{}",
            said[0]
        );
        assert!(setup.run(&["release", &id.to_string()]).status.success());
        assert!(service.stop().await.success());

        // While it was stopped the folder was made anew, with the old mail and another.
        make_anew(&decider).await;
        append(&decider, &hold).await;
        let late = received(&decider, &letter, "f2", "reject too late").await;
        append(&decider, &late).await;
        let service = Service::start(setup);
        let said = decider.handled(2).await;
        assert_eq!(said.len(), 2, "the old one is not taken again");
        assert!(
            said[0].contains("you answered this mail before"),
            "{}",
            said[0]
        );
        let row = decider.row(id);
        assert!(row["held"].is_null() && row["stage"] == "drafted", "{row}");
        let checked = setup.run(&["check"]).out;
        assert!(
            checked.contains(&format!("open the folder \"{FOLDER}\"")),
            "{checked}"
        );
        drop(service);
    });
}
