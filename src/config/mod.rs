//! The configuration: one TOML file as written, read into a [`Config`] as meant.
//!
//! Whatever is wrong is collected and told at once, each mistake with its line
//! and its remedy, so that a person mends a file in one go. Reading order:
//! `settings` (what the program gets), `sections` (how it is read from the
//! file), `keys` (every setting there is), `reader` and `values` (one
//! table, one value), `rules` (the file of rules), `secrets` (passwords, which
//! never stand in the file).

mod alerts;
mod approvers;
mod auto;
mod ci;
mod connections;
mod keys;
mod mistake;
mod places;
mod reader;
mod rules;
mod secrets;
mod sections;
mod settings;
#[cfg(test)]
mod testing;
mod values;
mod web;

use std::path::Path;

pub use crate::config::alerts::{Address, Alerts, Irc, IrcLogin, Webhook};
pub use crate::config::keys::{KEYS, SectionKeys, nearest};
pub use crate::config::mistake::{Mistake, Mistakes, Place, Warning};
pub use crate::config::places::place_of;
pub use crate::config::rules::rules_of;
pub use crate::config::secrets::{Environment, Form, SecretSource, Secrets, Way};
pub use crate::config::settings::{
    AfterRecovery, Ci, Config, Credential, Drafts, GitHub, HostedCi, Imap, Limits, Log, LogFormat,
    Mailbox, MailingList, Matching, Outgoing, Proof, Roundup, Security, Sender, Smtp, Store,
    Tracker, TrackerKind,
};
pub use crate::config::web::{Listen, Web};

/// What [`Config::inspect`] finds.
#[derive(Debug)]
pub struct Inspected {
    /// Absent where the file itself has mistakes.
    pub config: Option<Config>,
    /// Those that could be had.
    pub secrets: Secrets,
    /// Everything that is wrong, by line.
    pub mistakes: Vec<Mistake>,
}

impl Config {
    /// Reads the file and leaves the secrets alone: for verbs that only look
    /// at the store, so that `list` never asks a password manager.
    ///
    /// # Errors
    ///
    /// Every mistake of the file.
    pub fn read(path: &Path) -> Result<Self, Mistakes> {
        let read = sections::read(path);
        match read.config {
            Some(config) if read.mistakes.is_empty() => Ok(config),
            _ => Err(Mistakes::sorted(read.mistakes)),
        }
    }

    /// Reads as much of the file and of its secrets as can be had, for `check`.
    /// Without mistakes of the file itself there is always a configuration.
    pub fn inspect(path: &Path, environment: &Environment) -> Inspected {
        let read = sections::read(path);
        let resolved = secrets::resolve_all(&read.secrets, environment);
        let mut mistakes = read.mistakes;
        let config = read.config.filter(|_| mistakes.is_empty());
        mistakes.extend(resolved.mistakes);
        let config = config.map(|mut config| {
            config.warnings.extend(resolved.warnings);
            config
        });
        Inspected {
            config,
            secrets: resolved.secrets,
            mistakes: Mistakes::sorted(mistakes).0,
        }
    }

    /// Reads the file and every secret it names. Runs the commands that print
    /// secrets, each for at most 30 seconds: call it where blocking is no harm.
    ///
    /// # Errors
    ///
    /// Every mistake of the file and of the secrets, all at once.
    pub fn load(path: &Path, environment: &Environment) -> Result<(Self, Secrets), Mistakes> {
        let mut read = sections::read(path);
        let resolved = secrets::resolve_all(&read.secrets, environment);
        read.mistakes.extend(resolved.mistakes);
        match read.config {
            Some(mut config) if read.mistakes.is_empty() => {
                config.warnings.extend(resolved.warnings);
                Ok((config, resolved.secrets))
            }
            _ => Err(Mistakes::sorted(read.mistakes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use expect_test::expect;

    use super::testing::{SMALL, check, read, write};
    use super::*;

    const EXAMPLE: &str = include_str!("../../systemd/config.example.toml");

    /// Every `key = value` of the example by section, also behind a `#`.
    fn explained() -> BTreeMap<String, BTreeMap<String, String>> {
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut name = String::new();
        for line in EXAMPLE.lines() {
            // There is no automatic rule in the example.
            let header = line.strip_prefix('[').or_else(|| line.strip_prefix("#[["));
            if let Some(header) = header {
                name = header.trim_matches(['[', ']']).to_owned();
                sections.entry(name.clone()).or_default();
            }
            let line = line.strip_prefix('#').unwrap_or(line);
            let Some((key, value)) = line.split_once(" = ") else {
                continue;
            };
            if key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let section = sections.get_mut(&name).unwrap();
                section.entry(key.to_owned()).or_insert(value.to_owned());
            }
        }
        sections
    }

    #[test]
    fn the_example_is_good_and_means_what_it_says() {
        let written = write(EXAMPLE);
        let config = Config::read(&written.file).unwrap_or_else(|told| panic!("{told}"));
        assert_eq!(config.warnings, []);
        assert_eq!(config.list.address, "buildbot-status@python.org");
        let Mailbox::Imap(imap) = &config.mailbox else {
            panic!("{:?}", config.mailbox);
        };
        assert_eq!((imap.port, imap.security), (993, Security::Tls));
        assert_eq!(
            imap.login.secret.way,
            Way::Credential("imap-password".into())
        );
        assert_eq!(
            config.outgoing.sender().bounce,
            "buildbot-watch@example.org"
        );
        assert_eq!(config.drafts.components, ["tests"]);
        assert_eq!(config.limits.doubt_checks[3], Duration::from_secs(600));
    }

    #[test]
    fn the_example_explains_exactly_what_the_code_knows() {
        let explained = explained();
        let sections: Vec<&str> = explained.keys().map(String::as_str).collect();
        let known: BTreeSet<&str> = KEYS.iter().map(|section| section.name).collect();
        assert_eq!(sections, known.into_iter().collect::<Vec<_>>());
        for section in KEYS.iter().filter(|section| !section.keys.is_empty()) {
            let shown: Vec<&str> = explained[section.name].keys().map(String::as_str).collect();
            let mut known = section.keys.to_vec();
            known.sort_unstable();
            assert_eq!(shown, known, "[{}]", section.name);
        }
    }

    /// The defaults that the example shows behind a `#` are those of the code.
    #[test]
    fn the_example_shows_the_defaults() {
        let defaults = read(EXAMPLE).unwrap();
        // Channels are examples, not defaults.
        let (before, rest) = EXAMPLE.split_once("\n[[webhook]]\n").unwrap();
        let (_, after) = rest.split_once("\n[log]\n").unwrap();
        let without_channels = format!("{before}\n[log]\n{after}");
        let shown: String = without_channels
            .lines()
            .map(|line| {
                let setting = line.strip_prefix('#').unwrap_or(line);
                if setting.starts_with("[[") {
                    return format!("{setting}\n");
                }
                let (key, value) = setting.split_once(" = ").unwrap_or_default();
                let other_way = ["path", "oauth2_token", "ca_file", "hello", "bounce_address"]
                    .contains(&key)
                    || ["user", "password", "closed_statuses"].contains(&key)
                    || ["templates", "rules", "mirror_from", "projects", "token"].contains(&key)
                    || ["listen", "hosts", "trusted_header", "proxy"].contains(&key)
                    || ["answers_to", "authserv_id", "received_by"].contains(&key)
                    || ["builder", "branch", "kind"].contains(&key)
                    || key.starts_with('"');
                let is_key = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                match is_key && !other_way && !value.is_empty() {
                    true => format!("{setting}\n"),
                    false => format!("{line}\n"),
                }
            })
            .collect();
        let mut all = read(&shown).unwrap_or_else(|told| panic!("{told}"));
        // Lines move and folders differ; nothing else may.
        all.file = defaults.file.clone();
        assert_eq!(
            format!("{all:#?}"),
            format!("{:#?}", with_places_of(&defaults, &all))
        );
    }

    fn with_places_of(config: &Config, other: &Config) -> Config {
        let mut config = config.clone();
        config.auto = other.auto.clone();
        if let (Mailbox::Imap(one), Mailbox::Imap(two)) = (&mut config.mailbox, &other.mailbox) {
            one.login.secret.place = two.login.secret.place.clone();
        }
        if let (Outgoing::Smtp(one), Outgoing::Smtp(two)) = (&mut config.outgoing, &other.outgoing)
        {
            one.login = two.login.clone();
        }
        if let (TrackerKind::GitHub(one), TrackerKind::GitHub(two)) =
            (&mut config.tracker.kind, &other.tracker.kind)
        {
            one.token = two.token.clone();
        }
        config
    }

    /// Each known setting has a meaning with some kind: none is dead.
    #[test]
    fn every_known_setting_is_read() {
        let explained = explained();
        for (name, kinds) in [
            ("mailbox", &["imap", "maildir", "mbox"][..]),
            ("outgoing", &["smtp", "maildir"]),
            ("tracker", &["embedded", "roundup", "github"]),
        ] {
            let mut dead: BTreeSet<&str> = keys::of(name).iter().copied().collect();
            for kind in kinds {
                let mut text = format!("[{name}]\nkind = \"{kind}\"\n");
                for (key, value) in explained[name].iter().filter(|(key, _)| *key != "kind") {
                    text.push_str(&format!("{key} = {value}\n"));
                }
                let told = read(&text).unwrap_err();
                assert!(!told.contains("has no setting"), "{told}");
                dead.retain(|key| told.contains(&format!("] {key} has no meaning")));
            }
            assert!(dead.is_empty(), "[{name}] {dead:?}");
        }
    }

    #[test]
    fn a_small_one_is_enough() {
        let config = read(SMALL).unwrap_or_else(|told| panic!("{told}"));
        assert_eq!(config.store.state_dir, Path::new("/var/lib/buildbot-watch"));
        assert_eq!(config.list.address, "buildbot-status@python.org");
        assert_eq!(config.mailbox.poll(), Duration::from_secs(30));
        assert_eq!(config.drafts.components, ["Tests"]);
        let Mailbox::Maildir { path, .. } = &config.mailbox else {
            panic!("{:?}", config.mailbox);
        };
        assert!(path.is_absolute() && path.ends_with("in"), "{path:?}");
        assert_eq!(
            config.tracker.kind,
            TrackerKind::Embedded {
                path: "/var/lib/buildbot-watch/tracker.sqlite".into()
            }
        );
    }

    #[test]
    fn five_mistakes_are_five_messages() {
        check(
            r#"
[list]
id = "<buildbot-status.python.org>"
adress = "buildbot-status@python.org"
notifiers = "buildbot@python.org"
max_action_age = "7 days"
[mailbox]
kind = "imap"
host = "imap.example.org"
user = "me"
password = "hunter2"
poll = 30
path = "/var/mail"
[outgoing]
kind = "smtp"
host = "smtp.example.org"
security = "none"
from_address = "watch@example"
port = 70000
ca_file = "gone.pem"
[traker]
kind = "github"
"#,
            expect![[r#"
                config.toml:3: [list] id = "<buildbot-status.python.org>" is not a List-Id
                    copy what stands between < and > in the List-Id header of a mail of the list: "buildbot-status.python.org"
                config.toml:4: [list] has no setting "adress"
                    did you mean "address"?
                config.toml:5: [list] notifiers is a text, not a list
                    write it as ["..."]
                config.toml:6: [list] max_action_age = "7 days" is not a duration
                    write a number and a unit: "30s", "5m", "6h" or "2d"
                config.toml:11: [mailbox] password stands in the file itself, where everybody may read it
                    write password = { file = "/etc/buildbot-watch/password" }, { credential = "password" } or { command = ["pass", "show", "password"] }
                config.toml:12: [mailbox] poll is a number, not a text such as "5m"
                    write it as "5m"
                config.toml:13: [mailbox] path has no meaning with kind = "imap"
                    remove it, or choose another kind
                config.toml:17: [outgoing] security = "none" would send everything in the clear
                    write "tls" or "starttls" ("none" is allowed to 127.0.0.1 and localhost alone)
                config.toml:19: [outgoing] port = 70000 is out of range
                    write a number from 1 to 65535
                config.toml:20: [outgoing] ca_file = gone.pem cannot be read: No such file or directory (os error 2)
                    create it, correct the path, or let the user that runs buildbot-watch read it
                config.toml:21: there is no section [traker]
                    did you mean "tracker"?
                config.toml:21: [tracker] repository is missing (kind = "github" needs it)
                    add to that section: repository = "python/cpython"
                12 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn several_webhooks_have_names_of_their_own() {
        let alerts = |text: &str| read(&format!("{SMALL}\n{text}")).map(|config| config.alerts);
        let none = alerts("[[webhook]]\n[irc]\n").unwrap();
        assert_eq!((none.webhooks, none.irc), (Vec::new(), None));
        let two = alerts(
            "[[webhook]]\nname = \"a\"\nshape = \"slack\"\nurl = \"https://a.example/x?y=1\"\n\
             events = [\"stop\"]\n\
             [[webhook]]\nname = \"b\"\nshape = \"json\"\nurl = { file = \"u\" }\n\
             secret = { file = \"s\" }\n\
             [irc]\nserver = \"irc.example.org\"\nchannel = \"#x\"\n",
        )
        .unwrap();
        let [a, b] = two.webhooks.as_slice() else {
            panic!("{two:?}");
        };
        assert_eq!(a.address, Address::Plain("https://a.example/x?y=1".into()));
        assert_eq!((a.events.len(), b.events.len()), (1, 5));
        let signed = b.secret.as_ref().map(|it| it.setting.as_str());
        assert_eq!(signed, Some("[webhook.b] secret"));
        let irc = two.irc.unwrap();
        assert_eq!((irc.port, irc.nick.as_str()), (6697, "buildbot-watch"));
    }

    #[test]
    fn what_is_wrong_with_a_channel_is_told() {
        check(
            &format!(
                "{SMALL}\n{}",
                r##"
[webhook]
name = "x"
[irc]
server = "irc.example.org"
channel = "buildbots"
nick = "1st"
user = "me"
"##
            ),
            expect![[r##"
                config.toml:17: of [webhook] there may be several
                    write a line [[webhook]] for each, and its settings below it
                config.toml:21: [irc] channel = "buildbots" is not a channel
                    write its name with the sign in front: "#buildbots"
                config.toml:22: [irc] nick = "1st" is not a nick
                    write at most 30 letters, digits, - and _, and a letter first: "buildbot-watch"
                config.toml:23: [irc] user is given, but no password
                    add password or certificate, or remove user
                4 mistakes in the configuration"##]],
        );
        check(
            &format!(
                "{SMALL}\n{}",
                r#"
[[webhook]]
name = "a"
url = "http://chat.example.org/hook/secret"
shape = "teams"
evens = ["stop"]
[[webhook]]
name = "a"
shape = "discord"
events = ["stop", "everything"]
secret = "hunter2"
"#
            ),
            expect![[r#"
                config.toml:19: [webhook] url would be asked in the clear
                    write https:// (http:// is allowed to 127.0.0.1 and localhost alone)
                config.toml:20: [webhook] shape = "teams" is not known
                    write one of "json", "discord", "slack", "zulip", "matrix"
                config.toml:21: [webhook] has no setting "evens"
                    did you mean "events"?
                config.toml:22: [webhook] url is missing
                    add to that section: url = { file = "/etc/buildbot-watch/webhook" }
                config.toml:25: [webhook] events item 2 = "everything" is not known
                    write one of "stop", "person", "service", "drafts", "reminder"
                config.toml:26: [webhook] secret stands in the file itself, where everybody may read it
                    write secret = { file = "/etc/buildbot-watch/secret" }, { credential = "secret" } or { command = ["pass", "show", "secret"] }
                config.toml:26: [webhook] secret has no meaning with this shape: its receivers look at no signature
                    remove it, or write shape = "json"
                7 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn there_is_one_way_to_log_in_on_irc() {
        check(
            &format!(
                "{SMALL}\n{}",
                r##"
[irc]
server = "irc.example.org"
channel = "#buildbots"
user = "me"
password = { file = "p" }
certificate = "/etc/irc.pem"
"##
            ),
            expect![[r#"
                config.toml:22: [irc] certificate stands in the file itself, where everybody may read it
                    write certificate = { file = "/etc/buildbot-watch/certificate" }, { credential = "certificate" } or { command = ["pass", "show", "certificate"] }
                config.toml:22: [irc] certificate is given, and a password as well: there is one way to log in
                    remove password, or remove certificate
                2 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn who_decides_by_mail() {
        use crate::domain::approvers::{Believed, Mails, Rhythm, Verb};
        let with = |text: &str| read(&format!("{SMALL}\n{text}"));
        assert_eq!(
            with("[approvers]\n[approvers.people]\n").unwrap().approvers,
            None
        );
        let config = with(
            "[approvers]\nanswers_to = \"Decide@watch.example\"\nauthserv_id = \"MX.watch.example\"\n\
             [approvers.people]\nAda = { address = \"Ada@example.org\" }\n\
             \"Grace Hopper\" = { address = \"g@example.org\", mails = \"digest\", digest_at = 7, \
             may = [\"approve\"] }\n[web]\nlisten = \"127.0.0.1:8025\"\n",
        );
        let found = config.unwrap().approvers.unwrap();
        assert_eq!(found.answers_to, "decide@watch.example");
        assert_eq!(found.trust.authserv_id, "mx.watch.example");
        assert_eq!(found.page.as_deref(), Some("http://127.0.0.1:8025"));
        let [ada, grace] = found.people.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(
            (ada.name.as_str(), ada.address.as_str()),
            ("Ada", "ada@example.org")
        );
        assert_eq!(ada.may, [Verb::Reject, Verb::Hold]);
        assert_eq!(found.trust.results, Believed::Topmost);
        assert_eq!(found.folder, None);
        assert_eq!(grace.mails, Mails::Digest(Rhythm::At(7)));
        assert_eq!(grace.may, [Verb::Approve]);
    }

    #[test]
    fn mistakes_about_approvers_are_told() {
        let check = |text: &str, part: &str| {
            let told = read(&format!("{SMALL}\n{text}")).unwrap_err();
            assert!(told.contains(part), "{told}");
        };
        let base = "[approvers]\nanswers_to = \"decide@x.example\"\nauthserv_id = \"mx\"\n\
                    [approvers.people]\n";
        let person = |more: &str| format!("{base}Ada = {{ address = \"a@b.example\"{more} }}\n");
        check(
            "[approvers.people]\nAda = { address = \"a@b\" }",
            "answers_to is missing",
        );
        check(base, "means nothing without anybody");
        check(&format!("{base}Ada = 1"), "is not a table");
        check(&format!("{base}Ada = {{}}"), "has no address");
        check(
            &format!("{base}\"<a>\" = {{ address = \"a@b.example\" }}"),
            "is not a name",
        );
        check(&person(", adress = \"x\""), "did you mean \"address\"");
        check(&person(", may = [\"aprove\"]"), "did you mean \"approve\"");
        check(&person(", mails = \"digest\""), "when digests are written");
        check(&person(", digest_at = 7"), "no digests");
        check(
            &person(", mails = \"digest\", digest_at = 24"),
            "out of range",
        );
        let two = format!("{}Bob = {{ address = \"A@b.example\" }}\n", person(""));
        check(&two, "address of another approver");
        let long = "x".repeat(44);
        check(
            &person("").replace("decide@", &format!("{long}@")),
            "no room for a token",
        );
        let more =
            |setting: &str| person("").replace("authserv_id", &format!("{setting}\nauthserv_id"));
        check(&more("results = \"any\""), "did you mean \"all\"");
        check(&more("folder = \"Answers\""), "is for an IMAP [mailbox]");
        let imap = "kind = \"imap\"\nhost = \"h\"\nuser = \"u\"\npassword = { file = \"p\" }";
        let small = SMALL.replace("kind = \"maildir\"\npath = \"in\"", imap);
        let told = read(&format!("{small}\n{}", more("folder = \"INBOX\""))).unwrap_err();
        assert!(told.contains("is watched anyway"), "{told}");
        let own = person("").replace("decide@x.example", "watch@example.org");
        check(&own, "would be taken for answers");
    }

    #[test]
    fn hosted_systems_are_asked_about_named_projects_alone() {
        let ci = |text: &str| read(&format!("{SMALL}\n{text}")).map(|config| config.ci.hosted);
        assert_eq!(ci("[ci.github_actions]\n[ci.travis]\n").unwrap(), []);
        let named = ci("[ci.azure]\nprojects = [\"Python/c python\"]\n").unwrap();
        let azure = &named[0];
        assert_eq!(azure.url, "https://dev.azure.com/");
        assert_eq!(azure.projects, ["Python/c python"]);
        let config = read(&format!(
            "{SMALL}\n[ci]\nbuildbots = [\"https://b.example\"]\n[ci.azure]\n\
             projects = [\"Python/c python\"]\n[ci.appveyor]\nprojects = [\"a/b\"]\n"
        ));
        assert_eq!(
            config.unwrap().draft_settings().trusted_links,
            [
                "https://b.example/",
                "https://dev.azure.com/Python/c%20python/",
                "https://ci.appveyor.com/project/a/b/",
            ]
        );
        check(
            &format!(
                "{SMALL}\n[ci.github_actions]\nprojects = [\"cpython\"]\ntoken = \"hunter2\"\n\
                 [ci.travis]\ntoken = {{ file = \"t\" }}\nurl = \"http://travis.example/\"\n\
                 [ci.azur]\nprojects = [\"a/b\"]\n"
            ),
            expect![[r#"
                config.toml:17: [ci.github_actions] projects item 1 = "cpython" is not a project
                    write "owner/name" as in the links of its mails: "python/cpython"
                config.toml:18: [ci.github_actions] token stands in the file itself, where everybody may read it
                    write token = { file = "/etc/buildbot-watch/token" }, { credential = "token" } or { command = ["pass", "show", "token"] }
                config.toml:20: [ci.travis] token is given, but no project to ask about
                    add projects = ["owner/name"], or remove token
                config.toml:21: [ci.travis] url = "http://travis.example/" would send everything in the clear
                    write https:// (http:// is allowed to 127.0.0.1 and localhost alone)
                config.toml:22: [ci] has no setting "azur"
                    did you mean "azure"?
                5 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn there_is_a_page_where_it_is_configured() {
        let web = |text: &str| read(&format!("{SMALL}\n{text}")).map(|config| config.web);
        assert_eq!(web("[web]\n").unwrap(), None);
        let page = web("[web]\nlisten = \"[::1]:8025\"\n").unwrap().unwrap();
        assert_eq!(page.hosts, ["[::1]:8025", "localhost:8025"]);
        assert!(!page.https && page.trusted_header.is_none());
        let page = web(
            "[web]\nlisten = \"/run/x/page.sock\"\nhosts = [\"Watch.example.org\"]\n\
             https = true\ntrusted_header = \"X-Remote-User\"\n",
        );
        let page = page.unwrap().unwrap();
        assert_eq!(page.listen, Listen::Unix("/run/x/page.sock".into()));
        assert_eq!(page.hosts, ["watch.example.org"]);
        assert_eq!(page.trusted_header.as_deref(), Some("x-remote-user"));
        let open = "[web]\nlisten = \"0.0.0.0:80\"\nopen_to_network = true\nhosts = [\"a\"]\n";
        assert!(web(open).unwrap().is_some());
        check(
            &format!(
                "{SMALL}\n[web]\nlisten = \"0.0.0.0:80\"\nhosts = [\"https://a/\"]\n\
                 trusted_header = \"X-Remote-User: x\"\nproxy = \"localhost\"\nhttp = true\n"
            ),
            expect![[r#"
                config.toml:17: [web] listen = "0.0.0.0:80" can be reached by others than this machine
                    listen on "127.0.0.1:8025" behind a proxy that speaks TLS, or add open_to_network = true
                config.toml:18: [web] hosts item 1 = "https://a/" is not a host
                    write what stands behind https:// in the browser: "watch.example.org"
                config.toml:19: [web] trusted_header = "X-Remote-User: x" is not the name of a header
                    write the name alone: "X-Remote-User"
                config.toml:20: [web] proxy = "localhost" is not an address
                    write the address that the proxy connects from: "127.0.0.1"
                config.toml:21: [web] has no setting "http"
                    did you mean "https"?
                5 mistakes in the configuration"#]],
        );
        check(
            &format!(
                "{SMALL}\n[web]\nlisten = \"127.0.0.1:80\"\nhttps = true\n\
                 trusted_header = \"X-Remote-User\"\n"
            ),
            expect![[r#"
                config.toml:17: [web] listen needs hosts: the names that browsers call the page by
                    add hosts = ["watch.example.org"]
                config.toml:19: [web] trusted_header needs proxy on a port: else everybody who reaches it may claim to be anybody
                    add proxy = "127.0.0.1", the address that the proxy connects from
                2 mistakes in the configuration"#]],
        );
        check(
            &format!("{SMALL}\n[web]\nlisten = \"8025\"\n"),
            expect![[r#"
                config.toml:17: [web] listen = "8025" is not an address with a port
                    write "127.0.0.1:8025", or the path of a Unix socket
                1 mistake in the configuration"#]],
        );
        check(
            &format!("{SMALL}\n[web]\nhosts = [\"a\"]\n"),
            expect![[r#"
                line 17: [web] hosts means nothing without listen: there is no page
            "#]],
        );
    }

    #[test]
    fn broken_toml_is_told_with_its_line_and_the_rest_still() {
        check(
            &format!("{SMALL}\n[log]\nlevel = info\nformat = \"tekst\"\nlevl = 1\n[log]\n"),
            expect![[r#"
                config.toml:17: this is not TOML: invalid float, expected `inf`
                    a text stands in "quotes", a list in [brackets]; see systemd/config.example.toml
                config.toml:18: [log] format = "tekst" is not known
                    did you mean "text"?
                config.toml:19: [log] has no setting "levl"
                    did you mean "level"?
                config.toml:20: this is not TOML: duplicate key
                    it is there twice: keep one
                4 mistakes in the configuration"#]],
        );
        check(
            "[list\n",
            expect![[r#"
                config.toml:1: this is not TOML: unclosed table, expected `]`
                    a text stands in "quotes", a list in [brackets]; see systemd/config.example.toml
                1 mistake in the configuration"#]],
        );
        check(
            "kind = 3\nlist = 4\n",
            expect![[r#"
                config.toml:1: kind stands outside of any section
                    put it below the [section] it belongs to
                config.toml:2: list is a section, not a setting
                    write a line [list], and its settings below it
                config.toml:2: the section [mailbox] is missing
                    add it, with kind = "imap" or "maildir" or "mbox"
                config.toml:2: the section [outgoing] is missing
                    add it, with kind = "smtp" or "maildir", from_address = "buildbot-watch@example.org"
                config.toml:2: the section [tracker] is missing
                    add it, with kind = "embedded" or "roundup" or "github"
                5 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn secrets_are_named_never_written() {
        let with = |secret: &str| {
            let imap = "kind = \"imap\"\nhost = \"h\"\nuser = \"u\"\n";
            SMALL.replace(
                "kind = \"maildir\"\npath = \"in\"\n",
                &format!("{imap}{secret}\n"),
            )
        };
        let told: Vec<String> = [
            "password = \"hunter2\"",
            "password = 12345",
            "password = { }",
            "password = { flie = \"x\" }",
            "password = { file = \"x\", credential = \"y\" }",
            "password = { credential = \"../x\" }",
            "password = { command = \"pass show x\" }",
            "password = { command = [] }",
            "",
            "password = { file = \"x\" }\noauth2_token = { file = \"y\" }",
        ]
        .iter()
        .map(|secret| read(&with(secret)).unwrap_err())
        .collect();
        let told = told
            .join("\n")
            .replace("\n1 mistake in the configuration", "");
        assert!(!told.contains("hunter2"));
        expect![[r#"
            config.toml:10: [mailbox] password stands in the file itself, where everybody may read it
                write password = { file = "/etc/buildbot-watch/password" }, { credential = "password" } or { command = ["pass", "show", "password"] }
            config.toml:10: [mailbox] password is a number, not where to find a secret
                write password = { file = "/etc/buildbot-watch/password" }, { credential = "password" } or { command = ["pass", "show", "password"] }
            config.toml:10: [mailbox] password has to name exactly one source
                write password = { file = "/etc/buildbot-watch/password" }, { credential = "password" } or { command = ["pass", "show", "password"] }
            config.toml:10: [mailbox] password has no source "flie"
                write password = { file = "/etc/buildbot-watch/password" }, { credential = "password" } or { command = ["pass", "show", "password"] }
            config.toml:10: [mailbox] password has to name exactly one source
                write password = { file = "/etc/buildbot-watch/password" }, { credential = "password" } or { command = ["pass", "show", "password"] }
            config.toml:10: [mailbox] password credential "../x" is not a plain name
                write the name that LoadCredential= gives it
            config.toml:10: [mailbox] password is a text, not a list
                write it as ["..."]
            config.toml:10: [mailbox] password is an empty list
                name at least one
            config.toml:6: [mailbox] password is missing (kind = "imap" needs it)
                add to that section: password = { file = "..." }
            config.toml:11: [mailbox] oauth2_token and password are both given
                remove one of the two"#]].assert_eq(&told);
    }

    #[test]
    fn settings_that_depend_on_each_other() {
        let smtp = |more: &str| {
            let smtp = format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\n{more}\n");
            SMALL.replace("kind = \"maildir\"\npath = \"out\"\n", &smtp)
        };
        assert!(read(&smtp("security = \"none\"")).is_ok());
        check(
            &smtp("user = \"me\""),
            expect![[r#"
            config.toml:12: [outgoing] user is given without a password
                add password = { file = "..." }, or remove user
            1 mistake in the configuration"#]],
        );
        check(
            &smtp("password = { file = \"x\" }"),
            expect![[r#"
            config.toml:12: [outgoing] password is given without a user
                add user = "..."
            1 mistake in the configuration"#]],
        );
        let tracker = |more: &str| SMALL.replace("kind = \"embedded\"\n", more);
        check(
            &tracker("kind = \"roundup\"\nurl = \"http://bugs.example.org/\"\n"),
            expect![[r#"
                config.toml:15: [tracker] url = "http://bugs.example.org/" would send everything in the clear
                    write https:// (http:// is allowed to 127.0.0.1 and localhost alone)
                1 mistake in the configuration"#]],
        );
        check(
            &tracker("kind = \"roundup\"\nurl = \"http://localhost:8917/t\"\nuser = \"x\"\n"),
            expect![[r#"
                config.toml:16: [tracker] user is given without a password
                    add password = { file = "..." }, or remove user
                1 mistake in the configuration"#]],
        );
        check(
            &tracker("kind = \"github\"\nrepository = \"cpython\"\n"),
            expect![[r#"
            config.toml:15: [tracker] repository = "cpython" is not a repository
                write "owner/name", for example "python/cpython"
            1 mistake in the configuration"#]],
        );
        check(
            &tracker("kind = \"gihub\"\nrepository = \"a/b\"\n"),
            expect![[r#"
            config.toml:14: [tracker] kind = "gihub" is not known
                did you mean "github"?
            1 mistake in the configuration"#]],
        );
        check(
            &tracker(""),
            expect![[r#"
            config.toml:13: [tracker] kind is missing
                add to that section: kind = "embedded" or "roundup" or "github"
            1 mistake in the configuration"#]],
        );
    }

    #[test]
    fn every_bad_item_is_told_and_a_port_is_no_host() {
        check(
            &format!("{SMALL}\n[ci]\nbuildbots = [\n  \"ftp://x\",\n  5,\n]\n"),
            expect![[r#"
                config.toml:18: [ci] buildbots item 1 = "ftp://x" does not begin with https://
                    write an address that a browser opens: "https://example.org/"
                config.toml:19: [ci] buildbots item 2 is a number, not a text
                    write it as "..."
                2 mistakes in the configuration"#]],
        );
        let smtp = "kind = \"smtp\"\nhost = \"smtp.example.org:25\"\n";
        check(
            &SMALL.replace("kind = \"maildir\"\npath = \"out\"\n", smtp),
            expect![[r#"
                config.toml:11: [outgoing] host = "smtp.example.org:25" has a port in it
                    write the name alone; the port has a setting of its own: port = 465
                1 mistake in the configuration"#]],
        );
    }

    #[test]
    fn a_broken_section_name_is_one_mistake_and_hides_no_other() {
        let text = format!("{SMALL}\n[log]\nlevle = \"info\"\n");
        check(
            &text.replace("[list]", "[list"),
            expect![[r#"
            config.toml:2: this is not TOML: unclosed table, expected `]`
                a text stands in "quotes", a list in [brackets]; see systemd/config.example.toml
            config.toml:17: [log] has no setting "levle"
                did you mean "level"?
            2 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn limits_go_up_with_a_warning_only() {
        check(
            &format!(
                "{SMALL}\n[limits]\nreplies_an_hour = 7\nreplies_a_day = 5\nnew_issues_a_day = 4\n"
            ),
            expect![[r#"
                line 17: [limits] replies_an_hour = 7 is above the recommended 6: a loop would do more harm
                line 19: [limits] new_issues_a_day = 4 is above the recommended 3: a loop would do more harm
            "#]],
        );
        check(
            &format!("{SMALL}\n[limits]\nreplies_an_hour = -1\ndoubt_checks = [\"30s\", \"5s\"]\n"),
            expect![[r#"
                config.toml:17: [limits] replies_an_hour = -1 is out of range
                    write a number from 0 to 1000
                config.toml:18: [limits] doubt_checks does not rise
                    write the times in rising order: ["5s", "30s", "2m", "10m"]
                2 mistakes in the configuration"#]],
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_one_mistake() {
        let told = Config::read(Path::new("/nowhere/config.toml")).unwrap_err();
        expect![[r#"
            /nowhere/config.toml: cannot be read: No such file or directory (os error 2)
                start from systemd/config.example.toml, and name the file with --config
            1 mistake in the configuration"#]]
        .assert_eq(&told.to_string());
    }

    #[test]
    fn secrets_are_read_besides() {
        let written = write(
            &SMALL
                .replace(
                    "kind = \"maildir\"\npath = \"in\"\n",
                    "kind = \"imap\"\nhost = \"h\"\nuser = \"u\"\npassword = { file = \"secret\" }\n",
                )
                .replace(
                    "kind = \"maildir\"\npath = \"out\"\n",
                    "kind = \"smtp\"\nhost = \"h\"\nuser = \"u\"\npassword = { credential = \"smtp\" }\n",
                )
                .replace(
                    "kind = \"embedded\"\n",
                    "kind = \"github\"\nrepository = \"a/b\"\n\
                     token = { command = [\"sh\", \"-c\", \"echo from a command; echo rest\"] }\n",
                ),
        );
        let folder = written.folder.path();
        let environment = Environment {
            credentials_directory: Some(folder.to_owned()),
        };

        let told = Config::load(&written.file, &environment)
            .unwrap_err()
            .to_string();
        let told = told.replace(&format!("{}/", folder.display()), "");
        expect![[r#"
            config.toml:10: [mailbox] password: cannot read secret: No such file or directory (os error 2)
                create that file (mode 600) with the secret as its first line, readable for the user that runs buildbot-watch
            config.toml:15: [outgoing] password: cannot read credential "smtp": No such file or directory (os error 2)
                add LoadCredential=smtp:/path/of/the/secret to the unit
            2 mistakes in the configuration"#]].assert_eq(&told);

        fs::write(folder.join("secret"), "from a file\r\nrest").unwrap();
        fs::set_permissions(folder.join("secret"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(folder.join("smtp"), "from systemd\n").unwrap();
        let (config, secrets) = Config::load(&written.file, &environment).unwrap();
        let exposed = [secrets.mailbox, secrets.outgoing, secrets.tracker]
            .map(|secret| secret.unwrap().expose().to_owned());
        assert_eq!(exposed, ["from a file", "from systemd", "from a command"]);
        let warned = config.warnings[0].to_string();
        assert!(
            warned.contains("can be read by others (mode 644)"),
            "{warned}"
        );
        assert!(!format!("{config:?}").contains("from a file"));

        let told = Config::load(&written.file, &Environment::default())
            .unwrap_err()
            .to_string();
        assert!(told.contains("$CREDENTIALS_DIRECTORY is not set"), "{told}");
    }

    #[test]
    fn a_certificate_is_read_with_its_key_or_it_is_told_what_is_missing() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let key = |kind: &str| format!("-----BEGIN {kind}PRIVATE KEY-----\nMIGH\n");
        let loaded = |pem: &str| {
            let irc = "[irc]\nserver = \"irc.example.org\"\nchannel = \"#x\"\n\
                       certificate = { file = \"irc.pem\" }\n";
            let written = write(&format!("{SMALL}{irc}"));
            fs::write(written.folder.path().join("irc.pem"), pem).unwrap();
            let folder = format!("{}/", written.folder.path().display());
            match Config::load(&written.file, &Environment::default()) {
                Ok((_, secrets)) => {
                    let whole = secrets.alerts["[irc] certificate"].expose();
                    format!("read, {} lines\n", whole.lines().count())
                }
                Err(mistakes) => mistakes.to_string().replace(&folder, "") + "\n",
            }
        };
        let told = [
            loaded(&format!("{certificate}{}", key(""))),
            loaded(&format!("{}{certificate}", key("EC "))),
            loaded(certificate),
            loaded(&format!("{certificate}{}", key("ENCRYPTED "))),
            loaded(&key("")),
        ];
        expect![[r#"
            read, 5 lines
            read, 5 lines
            config.toml:18: [irc] certificate: the file irc.pem holds a certificate without its private key
                put the key below the certificate, as PEM (-----BEGIN PRIVATE KEY-----)
            1 mistake in the configuration
            config.toml:18: [irc] certificate: the file irc.pem holds a key that is protected by a passphrase
                take that off (openssl pkey -in KEY), and let nobody else read the file
            1 mistake in the configuration
            config.toml:18: [irc] certificate: the file irc.pem holds no certificate
                put the certificate and its key, both as PEM, one below the other
            1 mistake in the configuration
        "#]].assert_eq(&told.concat());
    }

    #[test]
    fn commands_that_fail_are_told_without_their_output() {
        let source = |words: &[&str]| SecretSource {
            setting: "[tracker] token".into(),
            place: Place::new(Path::new("config.toml"), 3),
            way: Way::Command(words.iter().map(ToString::to_string).collect()),
            form: Form::Line,
        };
        let told = |words: &[&str]| match source(words).resolve(&Environment::default()) {
            Ok(secret) => format!("got {}", secret.expose()),
            Err(mistake) => mistake.what,
        };
        expect![[r#"
            [tracker] token: the command "/nowhere/program" does not start: No such file or directory (os error 2)
            [tracker] token: the command "sh" ended with exit status: 3
            [tracker] token: the command "true" gave an empty first line
            got first
            [tracker] token: the command "sh" printed no text"#]].assert_eq(
            &[
                told(&["/nowhere/program"]),
                told(&["sh", "-c", "echo hunter2; exit 3"]),
                told(&["true"]),
                told(&["sh", "-c", "echo first; echo second"]),
                // A child that keeps the pipe open does not keep us.
                told(&["sh", "-c", "sleep 3 & echo quick"]),
            ]
            .join("\n"),
        );
    }
}
