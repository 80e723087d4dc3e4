//! One Buildbot: asking its REST interface, and finding a build there.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::ci::Miss;
use crate::domain::finding::Finding;
use crate::domain::notification::BuildLink;
use crate::http::{self, Answer, Broken, Http, JSON_CAP};

use super::shapes::{BuildRow, Builders, Builds};

/// One configured address.
#[derive(Debug)]
pub(super) struct Master {
    pub(super) base: Url,
    pub(super) http: Http,
    pub(super) timeout: Duration,
}

impl Master {
    pub(super) async fn check(&self) -> Finding {
        let base = &self.base;
        let bad = |what: &dyn std::fmt::Display, remedy| {
            Finding::bad(format!("Buildbot at {base}: {what}"), remedy)
        };
        let address_remedy =
            "Check the address: it is the one before #/builders/ in the mails' links.";
        let query = [("limit", "1".to_owned())];
        let url = match address(base, &["builders"], &query) {
            Ok(url) => url,
            Err(miss) => return bad(&miss, address_remedy),
        };
        match self.ask(&url).await {
            Err(broken) => bad(&broken, broken.remedy()),
            Ok(answer) if answer.is_success() => match answer.json::<serde_json::Value>() {
                Ok(_) => Finding::fine(format!("Buildbot answers at {base}")),
                Err(_) => bad(&"what answers is not a Buildbot", address_remedy),
            },
            Ok(answer) if answer.status == 404 => bad(
                &format!("no Buildbot is there: {}", answer.words()),
                address_remedy,
            ),
            Ok(answer) => bad(&answer.words(), http::remedy_for(answer.status)),
        }
    }

    /// Finds a build below the configured address, or below the link's: the
    /// pages and the interface moved from `/all/` to `/`, and either may be
    /// configured, and either be in a mail.
    pub(super) async fn find_build(
        &self,
        linked: &Url,
        link: &BuildLink,
    ) -> Result<(Url, BuildRow), Miss> {
        let mut missed = None;
        let bases = [
            Some(&self.base),
            Some(linked).filter(|linked| **linked != self.base),
        ];
        for base in bases.into_iter().flatten() {
            match self.build_below(base, link).await {
                Ok(row) => return Ok((base.clone(), row)),
                // Whether it is deleted or elsewhere, only the other address tells.
                Err(miss @ (Miss::Gone(_) | Miss::Strange(_))) => {
                    missed = Some(missed.unwrap_or(miss));
                }
                Err(other) => return Err(other),
            }
        }
        Err(missed.unwrap_or_else(|| Miss::Gone(format!("no build {}", link.number))))
    }

    async fn build_below(&self, base: &Url, link: &BuildLink) -> Result<BuildRow, Miss> {
        let builder = match is_number(&link.builder) && link.url.contains('#') {
            true => link.builder.clone(),
            false => self.builder_named(base, &unquoted(&link.builder)).await?,
        };
        let number = link.number.to_string();
        let path = ["builders", &builder, "builds", &number];
        let query = [("property", "*".to_owned())];
        let found: Builds = self.get(base, &path, &query).await?;
        let row = found.builds.into_iter().next();
        row.ok_or_else(|| Miss::Gone(format!("no build {number} any more")))
    }

    /// A builder's number. Names as a part of the path are known to newer
    /// masters only; a filter is known to all.
    async fn builder_named(&self, base: &Url, name: &str) -> Result<String, Miss> {
        let query = [("name", name.to_owned())];
        let found: Builders = self.get(base, &["builders"], &query).await?;
        let row = found.builders.into_iter().find(|row| row.name == name);
        row.map(|row| row.builderid.to_string()).ok_or_else(|| {
            Miss::Gone(format!(
                "there is no builder {} any more",
                http::one_line(name)
            ))
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        base: &Url,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Miss> {
        let url = address(base, path, query)?;
        let answer = self.ask(&url).await.map_err(|broken| match broken {
            long @ Broken::TooLong(_) => Miss::TooLong(long.to_string()),
            other => Miss::Unreachable(other.to_string()),
        })?;
        match StatusCode::from_u16(answer.status) {
            Ok(status) if status.is_success() => answer
                .json()
                .map_err(|error| Miss::Strange(http::one_line(&format!("{error:#}")))),
            Ok(StatusCode::NOT_FOUND | StatusCode::GONE) => Err(Miss::Gone(format!(
                "{} is not there, or not any more: builds and logs are deleted after some months",
                path.join("/")
            ))),
            _ => Err(Miss::Unreachable(answer.words())),
        }
    }

    async fn ask(&self, url: &Url) -> Result<Answer, Broken> {
        let dress = |request: RequestBuilder| {
            request
                .header("Accept", "application/json")
                .timeout(self.timeout)
        };
        self.http.get(url, JSON_CAP, dress).await
    }
}

/// Each part is one segment of the path, whatever it holds: names come from
/// mails.
fn address(base: &Url, path: &[&str], query: &[(&str, String)]) -> Result<Url, Miss> {
    let strange = || Miss::Strange("the link names no build".into());
    if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(strange());
    }
    let mut url = base.join("api/v2").map_err(|_| strange())?;
    url.path_segments_mut()
        .map_err(|()| strange())?
        .extend(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

fn is_number(builder: &str) -> bool {
    !builder.is_empty() && builder.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name behind a name in an address (RFC 3986, section 2.1).
fn unquoted(quoted: &str) -> String {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.split_first_chunk::<2>());
        let byte = hex.flatten().and_then(|(digits, after)| {
            let digit = |at: u8| char::from(at).to_digit(16);
            let [high, low] = *digits;
            let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
            Some((byte, after))
        });
        let (byte, after) = byte.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{address, unquoted};
    use crate::http::base_url;

    #[test]
    fn a_name_from_a_mail_stays_one_segment() {
        let base = base_url("https://buildbot.example/all/").unwrap();
        let url = |builder: &str| address(&base, &["builders", builder, "builds", "2"], &[]);
        assert_eq!(
            url("a/../../x?y#z %2e").unwrap().as_str(),
            "https://buildbot.example/all/api/v2/builders/a%2F..%2F..%2Fx%3Fy%23z%20%252e/builds/2"
        );
        assert!(url("..").is_err());
        assert!(url("").is_err());
    }

    #[test]
    fn names_in_addresses_are_unquoted() {
        for (quoted, name) in [
            ("AMD64%20Windows10%203.x", "AMD64 Windows10 3.x"),
            ("LTO%20%2b%20PGO+x", "LTO + PGO+x"),
            ("caf%C3%A9", "café"),
            ("100%", "100%"),
            ("%zz%2", "%zz%2"),
            ("", ""),
        ] {
            assert_eq!(unquoted(quoted), name);
        }
    }
}
