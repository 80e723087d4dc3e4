//! Many drafts at once, and a channel that was dead for long: nobody is flooded.

use std::time::Duration;

use super::irc::{Ircd, Person};
use super::receiver::{Plan, Receiver};
use super::{a_while, desk, waiting};
use crate::daemon::support::stops_by;
use crate::mailflow::desk::{Desk, failing};
use crate::service::{PATIENCE, Service};
use crate::world::{eventually, run};

const BURST: usize = 40;

/// So often the webhook takes nothing, at first.
const DEAD: usize = 4;

/// How many drafts a message tells of, those that it only counts included.
fn drafts_in(text: &str) -> usize {
    let more = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("... and ")?;
        rest.strip_suffix(" more")?.parse::<usize>().ok()
    });
    text.matches(" waits: ").count() + more.sum::<usize>()
}

/// What was said in the channel, with the line's end.
fn words(line: &str) -> String {
    let (_, words) = line.split_once(" PRIVMSG #watch :").unwrap();
    format!("{words}\n")
}

/// A webhook, a channel on IRC, an approver who gets a mail for each draft, and one who
/// gets digests.
fn sections(receiver: &Receiver, server: &Ircd) -> String {
    format!(
        "[alerts]\nbundle = \"1s\"\n\
         [[webhook]]\nname = \"slack\"\nurl = \"{}\"\nshape = \"slack\"\n\
         events = [\"drafts\"]\n{}events = [\"drafts\"]\n\
         [approvers]\nanswers_to = \"decide@watch.example\"\n\
         authserv_id = \"mx.watch.example\"\nmails_an_hour = 2\n\
         [approvers.people]\n\
         \"Ada\" = {{ address = \"ada@example.org\" }}\n\
         \"Grace\" = {{ address = \"grace@example.org\", mails = \"digest\", \
         digest_every = \"4h\" }}\n",
        receiver.url("/slack"),
        server.section(),
    )
}

/// How many mails somebody got.
fn letters(desk: &Desk, name: &str) -> usize {
    let to = format!("{name}@example.org");
    let is_to = |mail: &Vec<u8>| {
        let text = String::from_utf8_lossy(mail);
        let mut to_lines = text.lines().filter(|line| line.starts_with("To: "));
        to_lines.any(|line| line.contains(&to))
    };
    desk.sent().iter().filter(|mail| is_to(mail)).count()
}

#[test]
fn a_burst_of_drafts_is_one_message_on_each_channel_also_where_nobody_listened() {
    let server = Ircd::start();
    let mut ada = Person::on(&server, "ada");
    let receiver = Receiver::start();
    // It takes nothing, for as long as the program tries so often.
    for _ in 0..DEAD {
        receiver.plan(Plan::Answer(503, vec![]));
    }
    let (desk, setup) = desk(&sections(&receiver, &server));
    for n in 0..BURST {
        desk.put(failing(&format!("burst{n}"), &format!("test_number_{n}")));
    }
    desk.settle();
    let store = desk.store();
    assert_eq!(waiting(&store), BURST);

    run(async {
        let mut service = Service::start(&setup);
        service.says("people cannot be told here").await;
        // What comes while nobody listens is told with the rest.
        desk.put(failing("late", "test_late"));
        // A few lines, and how many more there are.
        let mut said = words(&ada.hears(" PRIVMSG ").await);
        while drafts_in(&said) < BURST {
            said.push_str(&words(&ada.hears(" PRIVMSG ").await));
        }
        assert_eq!(said.lines().count(), 6, "{said}");
        eventually(PATIENCE, || (waiting(&store) > BURST).then_some(())).await;
        let taken = eventually(PATIENCE, || receiver.taken("/slack").pop()).await;
        assert_eq!(drafts_in(taken.text()), BURST + 1, "{}", taken.text());
        a_while().await;
        assert_eq!(receiver.taken("/slack").len(), 1);
        assert_eq!(receiver.asked("/slack").len(), DEAD + 1);
        let more = ada.hears_for(Duration::from_secs(1));
        let more: String = more.iter().map(|line| words(line)).collect();
        assert_eq!(
            drafts_in(&said) + drafts_in(&more),
            BURST + 1,
            "{said}{more}"
        );
        assert!(more.lines().count() <= 1, "{more}");
        let log = stops_by(service, "TERM").await;
        assert_eq!(
            log.matches("people cannot be told here").count(),
            1,
            "{log}"
        );

        // One digest, and of single mails no more than an hour may have.
        assert_eq!((letters(&desk, "grace"), letters(&desk, "ada")), (1, 2));
    });
}
