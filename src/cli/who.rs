//! Who decides: the name that the reply, the audit trail and the next person see.

use std::fs;

use anyhow::Result;

use super::args::Who;
use super::refusal::Refusal;
use crate::domain::decision::Approver;

/// The variable that names the person.
const VARIABLE: &str = "BUILDBOT_WATCH_NAME";

/// The login that the service's unit names.
const SERVICE: &str = "buildbot-watch";

/// The name given with `--as`, else the variable's, else the person who called
/// sudo or doas, else the user of this machine. An account of a service decides
/// nothing: somebody has to be named.
pub(super) fn who(who: &Who) -> Result<Approver> {
    let given = who.name.clone().map(|name| (name, "--as"));
    let set = || variable(VARIABLE).map(|name| (name, VARIABLE));
    if let Some((name, source)) = given.or_else(set) {
        return Approver::new(&name).map_err(|refusal| {
            let what = format!("{name:?} ({source}) cannot be used as a name: {refusal}");
            Refusal::new(what, "name yourself with --as 'Your Name'").into()
        });
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uid = rustix::process::geteuid().as_raw();
    let names = names(&users, uid, &variable);
    let good = names.iter().find_map(|name| Approver::new(name).ok());
    good.ok_or_else(|| {
        let what = match User::by_id(&users, uid) {
            Some(user) if user.is_service() => {
                format!("{} is the service, and a person has to decide", user.login)
            }
            _ => "your name on this machine is not known".to_owned(),
        };
        Refusal::new(what, "name yourself with --as 'Your Name'").into()
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The names that a person may be known by here, best first.
fn names(users: &str, uid: u32, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let behind = behind(users, variable);
    if !behind.is_empty() {
        return behind;
    }
    let user = User::by_id(users, uid);
    if user.as_ref().is_some_and(User::is_service) {
        return Vec::new();
    }
    let mut names = user.map(|user| user.names()).unwrap_or_default();
    names.extend(["USER", "LOGNAME"].iter().filter_map(|name| variable(name)));
    names
}

/// Who called sudo(8) or doas(1): both say so in the environment, and keep
/// little else of it.
fn behind(users: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let by_id = variable("SUDO_UID").and_then(|id| User::by_id(users, id.parse().ok()?));
    let logins = ["SUDO_USER", "DOAS_USER"].map(variable);
    let by_login = || {
        let mut known = logins.iter().flatten();
        known.find_map(|login| User::by_login(users, login))
    };
    let mut names = match by_id.or_else(by_login) {
        Some(user) if user.is_service() => return Vec::new(),
        Some(user) => user.names(),
        None => Vec::new(),
    };
    // Whom a directory service knows is not in the file.
    names.extend(logins.into_iter().flatten());
    names
}

/// A line of passwd(5).
struct User<'a> {
    login: &'a str,
    id: &'a str,
    real: &'a str,
    shell: &'a str,
}

impl<'a> User<'a> {
    fn all(users: &'a str) -> impl Iterator<Item = Self> {
        users.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [login, _, id, _, comment, _, shell] => Some(Self {
                    login,
                    id,
                    // The comment's first part is the real name by custom.
                    real: comment.split(',').next().unwrap_or_default(),
                    shell,
                }),
                _ => None,
            }
        })
    }

    fn by_id(users: &'a str, id: u32) -> Option<Self> {
        let id = id.to_string();
        Self::all(users).find(|user| user.id == id)
    }

    fn by_login(users: &'a str, login: &str) -> Option<Self> {
        Self::all(users).find(|user| user.login == login)
    }

    /// An account that nobody logs in to.
    fn is_service(&self) -> bool {
        let shell = self.shell.rsplit('/').next().unwrap_or_default();
        self.login == SERVICE || matches!(shell, "nologin" | "false")
    }

    /// The real name and the login.
    fn names(&self) -> Vec<String> {
        [self.real, self.login]
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "\
root:x:0:0:root:/:/bin/sh
vic:x:1000:1000:Vic Stone,,,:/home/vic:/bin/sh
buildbot-watch:x:998:998::/var/lib/buildbot-watch:/usr/sbin/nologin
watch:x:997:997:The Watch:/srv:/bin/false
";

    fn of(uid: u32, environment: &[(&str, &str)]) -> Vec<String> {
        names(USERS, uid, &|wanted| {
            let set = environment.iter().find(|(name, _)| *name == wanted);
            set.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn real_names_come_before_logins() {
        assert_eq!(of(1000, &[("USER", "vic")]), ["Vic Stone", "vic", "vic"]);
        assert_eq!(of(0, &[]), ["root", "root"]);
        assert_eq!(of(7, &[("LOGNAME", "ldap")]), ["ldap"]);
        assert!(of(7, &[]).is_empty());
    }

    #[test]
    fn whoever_called_sudo_decides() {
        let sudo = [("SUDO_UID", "1000"), ("SUDO_USER", "vic"), ("USER", "root")];
        assert_eq!(of(998, &sudo).first().unwrap(), "Vic Stone");
        assert_eq!(of(0, &sudo).first().unwrap(), "Vic Stone");
        let doas = of(998, &[("DOAS_USER", "vic")]);
        assert_eq!(doas.first().unwrap(), "Vic Stone");
        let elsewhere = [("SUDO_UID", "5000"), ("SUDO_USER", "kim")];
        assert_eq!(of(998, &elsewhere), ["kim"]);
    }

    #[test]
    fn a_service_decides_nothing() {
        assert!(of(998, &[("USER", "buildbot-watch")]).is_empty());
        assert!(of(997, &[("LOGNAME", "watch")]).is_empty());
        let nested = [("SUDO_UID", "998"), ("SUDO_USER", "buildbot-watch")];
        assert!(of(998, &nested).is_empty());
    }
}
