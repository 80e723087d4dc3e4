//! `[approvers]`: who decides by mail.

use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::config::keys::nearest;
use crate::config::reader::{Findings, Section, Value, Wrong};
use crate::config::settings::Mailbox;
use crate::config::values;
use crate::config::web::{Listen, Web};
use crate::domain::Seconds;
use crate::domain::approvers::{
    Approvers, Believed, Mails, Person, Rhythm, Trust, Verb, is_subaddress,
};
use crate::domain::decision::Approver;
use crate::domain::delivery::TOKEN_DIGITS;

/// What can be set for each approver.
const OF_PERSON: [&str; 5] = ["address", "mails", "digest_at", "digest_every", "may"];

/// What may be decided by mail unless more is allowed: what lets nothing leave.
const USUAL: [Verb; 2] = [Verb::Reject, Verb::Hold];

/// What may stand before the @ of an address is 64 characters long; here that is also
/// a `+` and a token.
const LONGEST_LOCAL: usize = 64 - 1 - TOKEN_DIGITS;

/// Reads the section; `None` if nobody is to decide by mail. `taken` are addresses
/// that are for something else.
pub(crate) fn approvers(
    root: &DeTable<'_>,
    (mailbox, web, taken): (Option<&Mailbox>, Option<&Web>, &[String]),
    findings: &mut Findings,
) -> Option<Approvers> {
    let (people, is_anybody_named) = people(root, findings);
    let mut section = Section::open(root, "approvers", findings);
    let asked_for = section.place_of("answers_to").is_some() || is_anybody_named;
    let answers_to = answers_to(&mut section, &people, is_anybody_named, taken);
    let authserv_id = section.maybe("authserv_id", values::host);
    let received_by = section.or("received_by", Vec::new(), |v| values::list(v, values::host));
    let results = section.or("results", Believed::Topmost, |v| {
        Ok(match values::one_of(v, &["topmost", "all"])? {
            "all" => Believed::All,
            _ => Believed::Topmost,
        })
    });
    let folder = folder(&mut section, mailbox);
    let remind_after = section.or(
        "remind_after",
        Duration::from_secs(24 * 3600),
        values::duration,
    );
    let mails_an_hour = section.or("mails_an_hour", 20, |v| values::number(v, 1, 1000));
    if asked_for {
        needs(&mut section, "answers_to", "\"decide@watch.example.org\"");
        needs(&mut section, "authserv_id", "\"mx.example.org\"");
    }
    section.finish(&["people"]);
    if people.is_empty() {
        return None;
    }
    Some(Approvers {
        people,
        answers_to: answers_to?,
        folder,
        trust: Trust {
            authserv_id: authserv_id?.to_ascii_lowercase(),
            received_by: received_by
                .iter()
                .map(|it| it.to_ascii_lowercase())
                .collect(),
            results,
        },
        remind_after: Some(seconds(remind_after)),
        mails_an_hour,
        page: web.and_then(page),
    })
}

/// The further folder that answers come to, and what is wrong with it.
fn folder(section: &mut Section<'_, '_>, mailbox: Option<&Mailbox>) -> Option<String> {
    let folder = section.maybe("folder", values::text)?;
    let wrong = match mailbox {
        Some(Mailbox::Imap(imap)) if imap.folder == folder => Wrong::new(
            "is the folder that is watched anyway ([mailbox] folder)",
            "remove it, or name the one that your filter puts answers into",
        ),
        // What is wrong with it is told already.
        Some(Mailbox::Imap(_)) | None => return Some(folder),
        Some(_) => Wrong::new(
            "is for an IMAP [mailbox]: another has no folders",
            "remove it, and let the answers come to the mailbox itself",
        ),
    };
    let at = section.place_of("folder").unwrap_or_default();
    section.wrong(at, "folder", wrong);
    None
}

/// The address for answers, and what is wrong with it.
fn answers_to(
    section: &mut Section<'_, '_>,
    people: &[Person],
    is_anybody_named: bool,
    taken: &[String],
) -> Option<String> {
    let address = section.maybe("answers_to", values::address)?;
    let at = section.place_of("answers_to").unwrap_or_default();
    if !is_anybody_named {
        let wrong = Wrong::new(
            "means nothing without anybody in [approvers.people]",
            "add to [approvers.people]: \"Your Name\" = { address = \"you@example.org\" }",
        );
        section.wrong(at, "answers_to", wrong);
    }
    let others = people.iter().map(|person| &person.address).chain(taken);
    let mut others = others.filter(|other| is_subaddress(&address, other));
    if let Some(other) = others.next() {
        let wrong = Wrong::new(
            format!("is also the address {other:?}, whose mails would be taken for answers"),
            "use an address that is for nothing else",
        );
        section.wrong(at, "answers_to", wrong);
    }
    if address
        .find('@')
        .is_some_and(|length| length > LONGEST_LOCAL)
    {
        let wrong = Wrong::new(
            format!("has more than {LONGEST_LOCAL} characters before the @: no room for a token"),
            "use a shorter one",
        );
        section.wrong(at, "answers_to", wrong);
    }
    Some(address)
}

/// Of two settings each means nothing without the other.
fn needs(section: &mut Section<'_, '_>, key: &'static str, example: &str) {
    if section.place_of(key).is_none() {
        section.miss(key, example);
    }
}

fn seconds(duration: Duration) -> Seconds {
    Seconds::try_from(duration.as_secs()).unwrap_or(Seconds::MAX)
}

/// How links to the page begin.
fn page(web: &Web) -> Option<String> {
    let scheme = match (&web.listen, web.https) {
        (_, true) => "https",
        (Listen::Tcp(_), false) => "http",
        // Nobody knows how browsers reach the proxy in front.
        (Listen::Unix(_), false) => return None,
    };
    Some(format!("{scheme}://{}", web.hosts.first()?))
}

/// The approvers without mistakes, and whether any are named at all.
fn people(root: &DeTable<'_>, findings: &mut Findings) -> (Vec<Person>, bool) {
    let mut section = Section::open(root, "approvers.people", findings);
    let mut people: Vec<Person> = Vec::new();
    let is_anybody_named = !section.is_empty();
    for (name, mut person) in section.pairs(person) {
        let wrong = match Approver::new(&name) {
            Ok(name) => {
                person.name = name;
                let mut others = people.iter();
                others
                    .any(|other| other.address == person.address || other.name == person.name)
                    .then(|| {
                        let what = "has the address of another approver";
                        Wrong::new(what, "give each an address of their own")
                    })
            }
            Err(why) => Some(Wrong::new(
                format!("is not a name: {why}"),
                "write the name that replies show: \"Ada Lovelace\"",
            )),
        };
        match wrong {
            None => people.push(person),
            Some(wrong) => {
                let at = section.place_of_pair(&name);
                section.wrong(at, &name, wrong);
            }
        }
    }
    (people, is_anybody_named)
}

/// One approver; the name is set by the caller.
fn person(value: &Value<'_>) -> Result<Person, Wrong> {
    let form = "{ address = \"ada@example.org\" }";
    let DeValue::Table(table) = value.get_ref() else {
        return Err(Wrong::new("is not a table", format!("write it as {form}")));
    };
    let unknown = table
        .keys()
        .map(|key| key.get_ref().as_ref())
        .find(|key| !OF_PERSON.contains(key));
    if let Some(key) = unknown {
        return Err(Wrong::new(
            format!("has no setting {key:?}"),
            match nearest(key, OF_PERSON.into_iter()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("remove it; there are: {}", OF_PERSON.join(", ")),
            },
        ));
    }
    let Some(address) = table.get("address") else {
        return Err(Wrong::new("has no address", format!("write it as {form}")));
    };
    let placeholder = |why| Wrong::new(format!("is not a name: {why}"), "write a name");
    Ok(Person {
        name: Approver::new("approver").map_err(placeholder)?,
        address: within("address", values::address(address))?,
        mails: mails(table)?,
        may: match table.get("may") {
            None => USUAL.to_vec(),
            Some(listed) => within("may", values::list(listed, verb))?,
        },
    })
}

fn verb(value: &Value<'_>) -> Result<Verb, Wrong> {
    let names = Verb::ALL.map(Verb::name);
    let name = values::one_of(value, &names)?;
    let found = Verb::ALL.into_iter().find(|verb| verb.name() == name);
    found.ok_or_else(|| Wrong::new("is not a verb", "write \"reject\""))
}

fn mails(table: &DeTable<'_>) -> Result<Mails, Wrong> {
    let is_digest = match table.get("mails") {
        Some(word) => within("mails", values::one_of(word, &["each", "digest"]))? == "digest",
        None => false,
    };
    let at = table.get("digest_at").map(|it| values::number(it, 0, 23));
    let every = table.get("digest_every").map(values::duration);
    let at = within("digest_at", at.transpose())?;
    let every = within("digest_every", every.transpose())?;
    match (is_digest, at, every) {
        (false, None, None) => Ok(Mails::Each),
        (true, Some(hour), None) => Ok(Mails::Digest(Rhythm::At(hour))),
        (true, None, Some(pause)) => Ok(Mails::Digest(Rhythm::Every(seconds(pause)))),
        (false, ..) => Err(Wrong::new(
            "has a time for digests, and no digests",
            "add mails = \"digest\"",
        )),
        (true, ..) => Err(Wrong::new(
            "needs to know when digests are written",
            "add digest_at = 7 (the hour, UTC) or digest_every = \"4h\"",
        )),
    }
}

fn within<T>(key: &str, read: Result<T, Wrong>) -> Result<T, Wrong> {
    read.map_err(|wrong| Wrong {
        what: format!("{key} {}", wrong.what),
        ..wrong
    })
}
