//! One value of the file: its type, its form, its bounds.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use crate::config::keys;
use crate::config::reader::{Value, Wrong};
use crate::config::secrets::Way;
use crate::domain::Seconds;
use crate::domain::calendar::day_number;

/// A text that is not empty and has no control characters.
pub(crate) fn text(value: &Value<'_>) -> Result<String, Wrong> {
    let text = string(value)?;
    if text.trim().is_empty() {
        return Err(Wrong::new(
            "is empty",
            "write the value, or remove the line",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "has a control character in it",
            "write it on one line",
        ));
    }
    Ok(text.trim().to_owned())
}

/// One of some words.
pub(crate) fn one_of<'a>(value: &Value<'_>, words: &[&'a str]) -> Result<&'a str, Wrong> {
    let text = string(value)?;
    let Some(word) = words.iter().find(|word| **word == text) else {
        let list = format!("write one of \"{}\"", words.join("\", \""));
        return Err(Wrong::new(
            format!("= {text:?} is not known"),
            match keys::nearest(text, words.iter().copied()) {
                Some(word) => format!("did you mean {word:?}?"),
                None => list,
            },
        ));
    };
    Ok(word)
}

/// A list; every item that is wrong is told, each with its own line.
pub(crate) fn list<T>(
    value: &Value<'_>,
    parse: impl Fn(&Value<'_>) -> Result<T, Wrong>,
) -> Result<Vec<T>, Wrong> {
    let DeValue::Array(items) = value.get_ref() else {
        return Err(wrong_type(value, "a list", "[\"...\"]"));
    };
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match parse(item) {
            Ok(item) => good.push(item),
            Err(wrong) => bad.push(Wrong {
                what: format!("item {} {}", index + 1, wrong.what),
                at: wrong.at.or(Some(item.span().start)),
                ..wrong
            }),
        }
    }
    let mut bad = bad.into_iter();
    match bad.next() {
        None => Ok(good),
        Some(first) => Err(Wrong {
            others: bad.collect(),
            ..first
        }),
    }
}

/// A list with at least one item.
pub(crate) fn filled_list<T>(
    value: &Value<'_>,
    parse: impl Fn(&Value<'_>) -> Result<T, Wrong>,
) -> Result<Vec<T>, Wrong> {
    let items = list(value, parse)?;
    if items.is_empty() {
        return Err(Wrong::new("is an empty list", "name at least one"));
    }
    Ok(items)
}

/// `30s`, `5m`, `6h`, `2d`: a whole number and one unit, more than nothing and
/// at most ten years.
pub(crate) fn duration(value: &Value<'_>) -> Result<Duration, Wrong> {
    let remedy = "write a number and a unit: \"30s\", \"5m\", \"6h\" or \"2d\"";
    let DeValue::String(text) = value.get_ref() else {
        return Err(wrong_type(value, "a text such as \"5m\"", "\"5m\""));
    };
    let bad = || Wrong::new(format!("= {text:?} is not a duration"), remedy);
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.strip_prefix(digits).ok_or_else(bad)?;
    let count: u64 = digits.parse().map_err(|_| bad())?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(bad()),
    };
    match count.checked_mul(seconds) {
        Some(0) => Err(Wrong::new("is no time at all", remedy)),
        Some(total) if total <= 3650 * 86_400 => Ok(Duration::from_secs(total)),
        _ => Err(Wrong::new("is more than ten years", remedy)),
    }
}

/// `true` or `false`.
pub(crate) fn yes_or_no(value: &Value<'_>) -> Result<bool, Wrong> {
    match value.get_ref() {
        DeValue::Boolean(is_so) => Ok(*is_so),
        _ => Err(wrong_type(value, "true or false", "true")),
    }
}

/// A whole number within bounds.
pub(crate) fn number(value: &Value<'_>, from: u32, to: u32) -> Result<u32, Wrong> {
    let DeValue::Integer(written) = value.get_ref() else {
        return Err(wrong_type(value, "a whole number", &from.to_string()));
    };
    u32::from_str_radix(written.as_str(), written.radix())
        .ok()
        .filter(|number| (from..=to).contains(number))
        .ok_or_else(|| {
            Wrong::new(
                format!("= {written} is out of range"),
                format!("write a number from {from} to {to}"),
            )
        })
}

/// A TCP port.
pub(crate) fn port(value: &Value<'_>) -> Result<u16, Wrong> {
    let port = number(value, 1, u32::from(u16::MAX))?;
    Ok(u16::try_from(port).unwrap_or(u16::MAX))
}

/// A host's name or address.
pub(crate) fn host(value: &Value<'_>) -> Result<String, Wrong> {
    let host = text(value)?;
    let has_port = host
        .split_once(':')
        .is_some_and(|(_, port)| port.chars().all(|c| c.is_ascii_digit()));
    if has_port {
        return Err(Wrong::new(
            format!("= {host:?} has a port in it"),
            "write the name alone; the port has a setting of its own: port = 465",
        ));
    }
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(Wrong::new(
            format!("= {host:?} is not a host name"),
            "write the name alone, without a scheme or a path: \"mail.example.org\"",
        ));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !host.chars().all(good) {
        return Err(Wrong::new(
            format!("= {host:?} is not a host name"),
            "write the name alone, without a scheme or a path: \"mail.example.org\"",
        ));
    }
    Ok(host)
}

/// An e-mail address, lower-cased: the plain `local@domain` form alone.
pub(crate) fn address(value: &Value<'_>) -> Result<String, Wrong> {
    let address = text(value)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let good = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && local.chars().all(plain) && is_domain(domain)
    });
    if !good {
        return Err(Wrong::new(
            format!("= {address:?} is not a mail address"),
            "write the address alone: \"name@example.org\"",
        ));
    }
    Ok(address.to_ascii_lowercase())
}

/// A List-Id without its angle brackets, lower-cased (RFC 2919).
pub(crate) fn list_id(value: &Value<'_>) -> Result<String, Wrong> {
    let id = text(value)?;
    if !is_domain(&id) || !id.contains('.') {
        return Err(Wrong::new(
            format!("= {id:?} is not a List-Id"),
            "copy what stands between < and > in the List-Id header of a mail of the list: \
             \"buildbot-status.python.org\"",
        ));
    }
    Ok(id.to_ascii_lowercase())
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    domain.split('.').all(label)
}

/// A web address; `http` without TLS only to this machine itself.
pub(crate) fn url(value: &Value<'_>) -> Result<String, Wrong> {
    let url = text(value)?;
    let form = || {
        Wrong::new(
            format!("= {url:?} is not a web address"),
            "write it whole, without user or password: \"https://example.org/\"",
        )
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let bad = |c: char| c.is_whitespace() || matches!(c, '?' | '#' | '"' | '<' | '>');
    if authority.is_empty() || authority.contains('@') || rest.contains(bad) {
        return Err(form());
    }
    match scheme {
        "https" => Ok(url),
        "http" if is_loopback(authority) => Ok(url),
        "http" => Err(Wrong::new(
            format!("= {url:?} would send everything in the clear"),
            "write https:// (http:// is allowed to 127.0.0.1 and localhost alone)",
        )),
        _ => Err(Wrong::new(
            format!("= {url:?} does not begin with https://"),
            "write an address that a browser opens: \"https://example.org/\"",
        )),
    }
}

/// A web address with exactly one `/` at its end.
pub(crate) fn url_with_slash(value: &Value<'_>) -> Result<String, Wrong> {
    Ok(format!("{}/", url(value)?.trim_end_matches('/')))
}

/// A web address without a `/` at its end.
pub(crate) fn url_without_slash(value: &Value<'_>) -> Result<String, Wrong> {
    Ok(url(value)?.trim_end_matches('/').to_owned())
}

/// Whether a host, with or without a port, is this machine itself.
pub(crate) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None if authority.matches(':').count() == 1 => {
            authority.split(':').next().unwrap_or_default()
        }
        None => authority,
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// `owner/name` of a repository.
pub(crate) fn repository(value: &Value<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    let part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match name.split_once('/') {
        Some((owner, repository)) if part(owner) && part(repository) => Ok(name),
        _ => Err(Wrong::new(
            format!("= {name:?} is not a repository"),
            "write \"owner/name\", for example \"python/cpython\"",
        )),
    }
}

/// `owner/name` of a project of a CI system; Azure's may have blanks.
pub(crate) fn project(value: &Value<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    let part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '))
    };
    match name.split_once('/') {
        Some((owner, project)) if part(owner) && part(project) => Ok(name),
        _ => Err(Wrong::new(
            format!("= {name:?} is not a project"),
            "write \"owner/name\" as in the links of its mails: \"python/cpython\"",
        )),
    }
}

/// A day, as midnight UTC: `"2024-01-31"` or the bare date.
pub(crate) fn day(value: &Value<'_>) -> Result<Seconds, Wrong> {
    let text = match value.get_ref() {
        DeValue::Datetime(date) => date.to_string(),
        _ => string(value)?.to_owned(),
    };
    let mut parts = text.splitn(3, '-').map(str::parse::<i64>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(year @ 1970..=9999)), Some(Ok(month @ 1..=12)), Some(Ok(day @ 1..=31))) => {
            Ok(day_number(year, month, day) * 86_400)
        }
        _ => Err(Wrong::new(
            format!("= {text:?} is not a day"),
            "write year, month and day: \"2024-01-31\"",
        )),
    }
}

/// A path; a relative one starts at the configuration file's folder.
pub(crate) fn path(value: &Value<'_>, base: &Path) -> Result<PathBuf, Wrong> {
    let path = text(value)?;
    if path.starts_with("~/") {
        return Err(Wrong::new(
            format!("= {path:?} begins with ~, which only a shell understands"),
            "write the whole path",
        ));
    }
    Ok(base.join(path))
}

/// A file that can be read now.
pub(crate) fn readable_file(value: &Value<'_>, base: &Path) -> Result<PathBuf, Wrong> {
    let path = path(value, base)?;
    match File::open(&path).and_then(|file| file.metadata()) {
        Ok(about) if about.is_file() => Ok(path),
        Ok(_) => Err(Wrong::new(
            format!("= {} is not a file", path.display()),
            "name the file itself",
        )),
        Err(error) => Err(Wrong::new(
            format!("= {} cannot be read: {error}", path.display()),
            "create it, correct the path, or let the user that runs buildbot-watch read it",
        )),
    }
}

/// A file of certificates in PEM form that can be read now.
pub(crate) fn ca_file(value: &Value<'_>, base: &Path) -> Result<PathBuf, Wrong> {
    let path = readable_file(value, base)?;
    match std::fs::read_to_string(&path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Ok(path),
        _ => Err(Wrong::new(
            format!("= {} holds no certificate", path.display()),
            "name a PEM file (-----BEGIN CERTIFICATE-----)",
        )),
    }
}

/// A folder that is there now.
pub(crate) fn folder(value: &Value<'_>, base: &Path) -> Result<PathBuf, Wrong> {
    let path = path(value, base)?;
    if path.is_dir() {
        return Ok(path);
    }
    Err(Wrong::new(
        format!("= {} is not a folder", path.display()),
        "create it, or correct the path",
    ))
}

/// Where a secret is found; a secret itself is refused and not repeated.
pub(crate) fn secret(value: &Value<'_>, base: &Path, name: &str) -> Result<Way, Wrong> {
    let remedy = format!(
        "write {name} = {{ file = \"/etc/buildbot-watch/{name}\" }}, \
         {{ credential = \"{name}\" }} or {{ command = [\"pass\", \"show\", \"{name}\"] }}"
    );
    let DeValue::Table(table) = value.get_ref() else {
        let what = match value.get_ref() {
            DeValue::String(_) => "stands in the file itself, where everybody may read it".into(),
            other => format!("is {}, not where to find a secret", kind_words(other)),
        };
        return Err(Wrong::new(what, remedy));
    };
    let mut entries = table.iter();
    let (Some((key, inner)), None) = (entries.next(), entries.next()) else {
        return Err(Wrong::new("has to name exactly one source", remedy));
    };
    match key.get_ref().as_ref() {
        "file" => path(inner, base).map(Way::File),
        "credential" => credential_name(inner).map(Way::Credential),
        "command" => filled_list(inner, text).map(Way::Command),
        other => Err(Wrong::new(format!("has no source {other:?}"), remedy)),
    }
}

/// A credential's name: one file within the folder, never a path out of it.
fn credential_name(value: &Value<'_>) -> Result<String, Wrong> {
    let name = text(value)?;
    if name.contains('/') || name.starts_with('.') {
        return Err(Wrong::new(
            format!("credential {name:?} is not a plain name"),
            "write the name that LoadCredential= gives it",
        ));
    }
    Ok(name)
}

/// A text of any form.
pub(crate) fn string<'a>(value: &'a Value<'_>) -> Result<&'a str, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        _ => Err(wrong_type(value, "a text", "\"...\"")),
    }
}

fn wrong_type(value: &Value<'_>, wanted: &str, example: &str) -> Wrong {
    Wrong::new(
        format!("is {}, not {wanted}", kind_words(value.get_ref())),
        format!("write it as {example}"),
    )
}

fn kind_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a parser makes of a value as it stands in the file.
    fn parsed<T>(
        written: &str,
        parse: impl Fn(&Value<'_>) -> Result<T, Wrong>,
    ) -> Result<T, String> {
        let value = DeValue::parse(written).unwrap();
        parse(&value).map_err(|wrong| wrong.what)
    }

    #[test]
    fn durations_have_one_unit() {
        let seconds = |written: &str| parsed(written, duration).map(|it| it.as_secs()).ok();
        assert_eq!(seconds("\"30s\""), Some(30));
        assert_eq!(seconds("\"5m\""), Some(300));
        assert_eq!(seconds("\"6 h\""), Some(21_600));
        assert_eq!(seconds("\"2d\""), Some(172_800));
        for bad in [
            "\"\"",
            "\"5\"",
            "\"m\"",
            "\"1h30m\"",
            "\"-5m\"",
            "\"0s\"",
            "\"5w\"",
            "5",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
        assert_eq!(seconds("\"99999999999999999999s\""), None);
        assert_eq!(seconds("\"400000000000000d\""), None);
        assert_eq!(seconds("\"3651d\""), None);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let seconds = |written: &str| parsed(written, day).ok();
        assert_eq!(seconds("\"1970-01-01\""), Some(0));
        assert_eq!(seconds("2000-02-29"), Some(951_782_400));
        assert_eq!(seconds("\"2024-12-31\""), Some(1_735_603_200));
        for bad in [
            "\"2024\"",
            "\"2024-13-01\"",
            "\"31.1.2024\"",
            "\"1969-12-31\"",
            "2024",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_are_whole_and_nothing_leaks() {
        let good = |written: &str| parsed(&format!("\"{written}\""), url).is_ok();
        assert!(good("https://bugs.example.org/path/"));
        assert!(good("http://127.0.0.1:8010/"));
        assert!(good("http://[::1]:8010"));
        assert!(good("http://localhost/"));
        for bad in [
            "http://example.org/",
            "http://127.0.0.1.example.org/",
            "http://localhost@example.org/",
            "https://user:secret@example.org/",
            "https://",
            "example.org",
            "ftp://example.org/",
            "https://example.org/?q=1",
        ] {
            assert!(!good(bad), "{bad}");
        }
        let mail = |written: &str| parsed(&format!("\"{written}\""), address).is_ok();
        assert!(mail("buildbot-status@python.org"));
        for bad in [
            "a",
            "a@",
            "@b",
            "a@b@c",
            "Name <a@b>",
            "a@b, c@d",
            "a@.b",
            "a b@c",
        ] {
            assert!(!mail(bad), "{bad}");
        }
    }
}
