//! `[ci]` and the tables within it.

use std::time::Duration;

use toml::de::DeTable;

use crate::config::connections::secret;
use crate::config::reader::{Findings, Section, Wrong};
use crate::config::sections::base;
use crate::config::settings::{Ci, HostedCi};
use crate::config::values;
use crate::domain::notification::CiSystem;

/// How long a draft waits for a log.
const WAIT: Duration = Duration::from_secs(10 * 60);
/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A hosted system: its table, where its API is, how its links begin.
struct Known {
    system: CiSystem,
    table: &'static str,
    url: &'static str,
    web: &'static str,
}

const HOSTED: [Known; 4] = [
    Known {
        system: CiSystem::GitHubActions,
        table: "ci.github_actions",
        url: "https://api.github.com/",
        web: "https://github.com/",
    },
    Known {
        system: CiSystem::Azure,
        table: "ci.azure",
        url: "https://dev.azure.com/",
        web: "https://dev.azure.com/",
    },
    Known {
        system: CiSystem::AppVeyor,
        table: "ci.appveyor",
        url: "https://ci.appveyor.com/",
        web: "https://ci.appveyor.com/",
    },
    Known {
        system: CiSystem::Travis,
        table: "ci.travis",
        url: "https://api.travis-ci.com/",
        web: "https://app.travis-ci.com/github/",
    },
];

/// `[ci]`
pub(crate) fn ci(root: &DeTable<'_>, findings: &mut Findings) -> Ci {
    let base = base(findings);
    let mut section = Section::open(root, "ci", findings);
    let buildbots = section.or("buildbots", Vec::new(), |v| {
        values::list(v, values::url_with_slash)
    });
    let fetch_logs = section.or("fetch_logs", true, values::yes_or_no);
    let wait = section.or("wait", WAIT, values::duration);
    let timeout = section.or("timeout", TIMEOUT, values::duration);
    let ca_file = section.maybe("ca_file", |v| values::ca_file(v, &base));
    section.finish(&["github_actions", "azure", "appveyor", "travis"]);
    let hosted = HOSTED
        .iter()
        .filter_map(|known| hosted(root, known, findings));
    Ci {
        buildbots,
        fetch_logs,
        wait,
        timeout,
        ca_file,
        hosted: hosted.collect(),
    }
}

/// `[ci.travis]` and the like; without a project, nothing is asked.
fn hosted(root: &DeTable<'_>, known: &Known, findings: &mut Findings) -> Option<HostedCi> {
    let mut section = Section::open(root, known.table, findings);
    let projects = section.or("projects", Vec::new(), |v| values::list(v, values::project));
    let token = secret(&mut section, "token", known.table);
    let url = section.or("url", known.url.to_owned(), values::url_with_slash);
    let web = section.or("web", known.web.to_owned(), values::url_with_slash);
    if let (None, Some(at)) = (section.place_of("projects"), section.place_of("token")) {
        let wrong = Wrong::new(
            "is given, but no project to ask about",
            "add projects = [\"owner/name\"], or remove token",
        );
        section.wrong(at, "token", wrong);
    }
    section.finish(&[]);
    (!projects.is_empty()).then_some(HostedCi {
        system: known.system,
        url,
        web,
        projects,
        token,
    })
}
