//! What is told, in words.

use crate::config::{Listen, Web};
use crate::desk::mails::with_summary;
use crate::desk::summary;
use crate::desk::words::{age, count};
use crate::domain::Seconds;
use crate::domain::alert::{Event, Item, Line, Matter, Message, Piece};
use crate::store::{ListFilter, NotificationId, NotificationRow, Store, Switch};

/// How the addresses of the page begin, if others than this machine can open it.
pub(super) fn page_of(web: &Web) -> Option<String> {
    let scheme = if web.https { "https" } else { "http" };
    let is_here = |host: &&String| {
        let name = host.split(':').next().unwrap_or_default();
        ["localhost", "127.0.0.1"].contains(&name) || host.starts_with('[')
    };
    let local = matches!(&web.listen, Listen::Tcp(address) if address.ip().is_loopback());
    // A name without TLS, of a port that nobody else reaches, is nobody's address.
    let host = web.hosts.iter().find(|host| !is_here(host))?;
    (web.https || !local).then(|| format!("{scheme}://{host}/"))
}

/// A message that tells of these matters.
pub(super) fn message(
    store: &Store,
    matters: &[Matter],
    page: Option<&str>,
    now: Seconds,
) -> Message {
    let items = matters.iter().map(|matter| {
        let mut item = item(store, matter, now);
        item.link = page.map(|page| format!("{page}{}", place(matter)));
        if let Some(link) = &item.link {
            item.line.0.push(own(" "));
            item.line.0.push(Piece::Link(link.clone()));
        }
        item
    });
    Message {
        items: items.collect(),
    }
}

/// What `check --send-test` sends.
pub fn test_message(now: Seconds) -> Message {
    let words = "A test: here buildbot-watch will tell when something waits for you.";
    let item = Item {
        event: Event::Person,
        line: Line(vec![own(words)]),
        since: now,
        notification: None,
        builders: Vec::new(),
        failures: Vec::new(),
        certainty: None,
        link: None,
    };
    Message { items: vec![item] }
}

/// Where on the page it is.
fn place(matter: &Matter) -> String {
    match (matter.event, matter.notification) {
        (_, Some(id)) => format!("draft/{id}"),
        (Event::Stop | Event::Service, None) => "status".to_owned(),
        (Event::Person | Event::Drafts | Event::Reminder, None) => String::new(),
    }
}

fn item(store: &Store, matter: &Matter, now: Seconds) -> Item {
    let plain = |line: Vec<Piece>| Item {
        event: matter.event,
        line: Line(line),
        since: matter.since,
        notification: matter.notification,
        builders: Vec::new(),
        failures: Vec::new(),
        certainty: None,
        link: None,
    };
    match matter.event {
        Event::Stop => {
            let stop = store.switch(Switch::Stop).ok().flatten();
            let reason = stop.map_or(String::new(), |stop| stop.reason);
            plain(vec![
                own("STOP is on: "),
                Piece::Foreign(reason),
                own(". Nothing leaves until a person clears it."),
            ])
        }
        Event::Person => plain(vec![own(&person(matter))]),
        Event::Service => plain(vec![own(&service(matter, now))]),
        Event::Reminder => {
            let waiting = store.count(ListFilter::ToDecide).unwrap_or_default();
            let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
            let verb = if waiting == 1 { "waits" } else { "wait" };
            plain(vec![own(&format!(
                "{} {verb} for a decision, the oldest for {}.",
                count(waiting, "draft"),
                age(matter.since, now)
            ))])
        }
        Event::Drafts => {
            let id = NotificationId(matter.notification.unwrap_or_default());
            match store.load(id) {
                Ok(row) => draft(plain(Vec::new()), &with_summary(store, row)),
                Err(_) => plain(vec![own(&format!("Draft {id} waits; it cannot be read."))]),
            }
        }
    }
}

/// `Draft 12: test_os.X.test_y, failed on B 3.x (strong: comment on #3)`.
fn draft(mut item: Item, row: &NotificationRow) -> Item {
    item.line = Line(vec![
        own(&format!("Draft {} waits: ", row.id)),
        Piece::Foreign(summary::what_failed(row)),
        own(" "),
        Piece::Foreign(summary::how_and_where(row)),
        own(&format!(
            " ({}: {})",
            summary::how_sure(row),
            summary::would(row)
        )),
    ]);
    let builds = row.reading.iter().flat_map(|it| &it.notification.builds);
    item.builders = builds.map(|build| build.builder.clone()).collect();
    let failures = summary::failures(row);
    item.failures = failures
        .iter()
        .map(|(_, failure)| summary::failure(failure))
        .collect();
    item.certainty = Some(summary::tier(row)).filter(|tier| !tier.is_empty());
    item
}

/// Of `doubt 5 ...` of draft 12.
fn person(matter: &Matter) -> String {
    let mut words = matter.key.split(' ');
    let kind = words.next().unwrap_or_default();
    let number = words.next().unwrap_or_default();
    let draft = matter.notification.unwrap_or_default();
    match kind {
        "doubt" => format!(
            "Delivery {number} of draft {draft} is in doubt: a person has to look whether it \
             arrived."
        ),
        "failed" => format!("Delivery {number} of draft {draft} was refused for good."),
        _ => format!("Mail {draft} broke the program and is laid aside."),
    }
}

/// Its own words may hold anything: they are in `status`.
fn service(matter: &Matter, now: Seconds) -> String {
    let rest = matter.key.strip_prefix("service ").unwrap_or_default();
    let name = rest.rsplit_once(' ').map_or(rest, |(name, _)| name);
    let what = match name {
        "mailbox" => "The mailbox cannot be read".to_owned(),
        "answers" => "The folder of answers cannot be read".to_owned(),
        "outgoing" => "Mails cannot leave".to_owned(),
        "tracker" => "The tracker cannot be read".to_owned(),
        "ci" => "The CI system does not answer".to_owned(),
        "irc" => "Nothing can be said on IRC".to_owned(),
        other => format!("The {other} takes nothing"),
    };
    format!(
        "{what}, since {} ago: see `status`.",
        age(matter.since, now)
    )
}

fn own(words: &str) -> Piece {
    Piece::Own(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_an_address_where_others_can_open_it() {
        let page = |listen: &str, hosts: &[&str], https| {
            page_of(&Web {
                listen: match listen.parse() {
                    Ok(address) => Listen::Tcp(address),
                    Err(_) => Listen::Unix(listen.into()),
                },
                hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
                https,
                proxy: None,
                trusted_header: None,
            })
        };
        let here = ["127.0.0.1:8025", "localhost:8025"];
        assert_eq!(page("127.0.0.1:8025", &here, false), None);
        let named = ["localhost:8025", "watch.example.org"];
        assert_eq!(page("127.0.0.1:8025", &named, false), None);
        let found = page("127.0.0.1:8025", &named, true);
        assert_eq!(found.as_deref(), Some("https://watch.example.org/"));
        let found = page("/run/x.sock", &["watch.example.org:8443"], true);
        assert_eq!(found.as_deref(), Some("https://watch.example.org:8443/"));
        let found = page("10.0.0.1:80", &["watch.example.org"], false);
        assert_eq!(found.as_deref(), Some("http://watch.example.org/"));
    }
}
