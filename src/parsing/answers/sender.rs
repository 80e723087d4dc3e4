//! Who wrote an answer: the one address in From, if a signature of its domain was
//! found good by the server that is trusted.
//!
//! Signatures are not checked here. The receiving server does that (OpenDKIM,
//! Rspamd, a provider) and says so in an Authentication-Results header; anybody can
//! write such a header, so only one place counts: above everything that came with
//! the mail. A server adds its lines on top, and the sender's lie below its own
//! Received header.
//!
//! | above every Received that is not listed stand       | then                         |
//! |-----------------------------------------------------|------------------------------|
//! | headers of other servers                            | they are passed over         |
//! | several of the trusted one, only the topmost counts | it decides, whatever it says |
//! | several of the trusted one, all count               | a good signature in any      |
//!
//! To pass over the header of another server is safe: that never makes a header count
//! which would not count without it. To pass over one of the trusted server's own is
//! not always: where its Received header stands above them (and is listed), the next
//! one may be the sender's. Only the operator knows.

use super::headers::{Header, values};
use super::results::{Results, results};
use crate::domain::approvers::{Believed, Trust};

/// The address that wrote the mail, in lower case.
///
/// # Errors
///
/// Why nobody can be sure of it, in a sentence without a full stop.
pub(super) fn verified_sender(headers: &[Header], trust: &Trust) -> Result<String, String> {
    let from = only_address(headers, "from")?.ok_or("it has no From header")?;
    if let Some(sender) = only_address(headers, "sender")?
        && sender != from
    {
        return Err("its Sender is another than its From".to_owned());
    }
    if headers.iter().any(|it| it.name.starts_with("resent-")) {
        return Err("somebody sent it on (Resent headers)".to_owned());
    }
    let all = trusted_results(headers, trust)?;
    let believed = match trust.results {
        Believed::Topmost => all.get(..1).unwrap_or_default(),
        Believed::All => &all,
    };
    let mut found = Vec::new();
    for value in believed {
        let why = "the receiving server's Authentication-Results header cannot be read";
        found.push(results(value).ok_or(why)?);
    }
    let domain = from.rsplit('@').next().unwrap_or_default();
    let mut signers = found
        .iter()
        .flat_map(|header| &header.all)
        .filter(|it| it.method == "dkim" && it.result == "pass")
        .map(|it| it.property("header", "d"));
    if signers.clone().next().is_none() {
        let hint = match found.iter().any(speaks_of_dkim) {
            true => String::new(),
            false => unread(&all, believed.len()),
        };
        return Err(format!(
            "the receiving server found no good DKIM signature{hint}"
        ));
    }
    if !signers.any(|signer| signer.is_some_and(|signer| is_aligned(signer, domain))) {
        return Err(format!("no good DKIM signature is of {domain}"));
    }
    Ok(from)
}

fn speaks_of_dkim(header: &Results) -> bool {
    header.all.iter().any(|it| it.method == "dkim")
}

/// What an operator should know whose server writes several headers, of which only the
/// first `read` count.
fn unread(all: &[&str], read: usize) -> String {
    let mut below = all.iter().skip(read).filter_map(|value| results(value));
    match below.any(|header| speaks_of_dkim(&header)) {
        true => ": its topmost Authentication-Results header does not speak of DKIM, and only \
                 that one counts; another one below it does (see results in [approvers])"
            .to_owned(),
        false => String::new(),
    }
}

/// The values of the headers of the trusted server, from the top, that stand where only
/// that server can have put the first of them. Never empty.
fn trusted_results<'a>(headers: &'a [Header], trust: &Trust) -> Result<Vec<&'a str>, String> {
    let mut may_stand_above = trust.received_by.clone();
    let mut found = Vec::new();
    let mut others: Vec<String> = Vec::new();
    let mut end = None;
    for header in headers {
        match header.name.as_str() {
            "received" => {
                let by = received_by(&header.value);
                let listed = may_stand_above
                    .iter()
                    .position(|name| Some(name) == by.as_ref());
                let Some(listed) = listed else {
                    end = Some(by.unwrap_or_else(|| "an unknown server".to_owned()));
                    break;
                };
                may_stand_above.swap_remove(listed);
            }
            "authentication-results" => match of_trusted(&header.value, trust) {
                Ok(()) => found.push(header.value.as_str()),
                Err(Some(other)) if !others.contains(&other) => others.push(other),
                Err(_) => {}
            },
            _ => {}
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let mut why = format!(
        "the trusted server says nothing of its sender: no Authentication-Results header of {} \
         stands on top",
        trust.authserv_id
    );
    if !others.is_empty() {
        why.push_str(&format!("; there are some of {}", others.join(", ")));
    }
    let named = values(headers, "authentication-results");
    if named.iter().any(|value| of_trusted(value, trust).is_ok())
        && let Some(end) = end
    {
        why.push_str(&format!(
            "; one stands below the Received header by {end}, which received_by does not list"
        ));
    }
    Err(why)
}

/// Whether a header is of the trusted server. If not, of whom, if that can be read.
fn of_trusted(value: &str, trust: &Trust) -> Result<(), Option<String>> {
    let of = results(value).map(|found| found.authserv_id);
    // One that cannot be read may be of anybody.
    if of.as_ref() == Some(&trust.authserv_id) || begins_with(value, &trust.authserv_id) {
        return Ok(());
    }
    Err(of)
}

fn begins_with(value: &str, authserv_id: &str) -> bool {
    let head = value.split(|char: char| char == ';' || char.is_whitespace());
    head.take(1)
        .any(|head| head.eq_ignore_ascii_case(authserv_id))
}

/// The server that a Received header names behind `by` (RFC 5321, section 4.4), in
/// lower case. None if there are two: a sender may greet with `EHLO by other.example`,
/// and some servers write that down.
fn received_by(value: &str) -> Option<String> {
    let plain = without_comments(value)?;
    let words: Vec<&str> = plain.split_whitespace().collect();
    let places = words.iter().enumerate();
    let mut named = places.filter(|(_, word)| word.eq_ignore_ascii_case("by"));
    let (Some((at, _)), None) = (named.next(), named.next()) else {
        return None;
    };
    let host = words.get(at + 1)?.trim_end_matches(';');
    Some(host.to_ascii_lowercase())
}

/// Whether a signature of one domain vouches for addresses of another: they are the
/// same, or the signer is a parent domain (RFC 7489, section 3.1.1, relaxed).
///
/// Without the list of public suffixes nobody can tell the parent of all an
/// organisation's domains from a registry, so a child never vouches for its parent
/// or its sisters, and a parent needs two labels.
fn is_aligned(signer: &str, from: &str) -> bool {
    let signer = signer.trim_end_matches('.').to_ascii_lowercase();
    let from = from.to_ascii_lowercase();
    let is_parent = from
        .strip_suffix(&signer)
        .is_some_and(|child| child.ends_with('.'));
    !signer.is_empty() && (signer == from || (is_parent && signer.contains('.')))
}

/// The one address of the one header of that name, in lower case; none if there is
/// no such header.
fn only_address(headers: &[Header], name: &str) -> Result<Option<String>, String> {
    match values(headers, name).as_slice() {
        [] => Ok(None),
        [one] => match address(one) {
            Some(address) => Ok(Some(address)),
            None => Err(format!("its {name} header is not one plain address")),
        },
        _ => Err(format!("it has more than one {name} header")),
    }
}

/// `Name <local@domain>` or `local@domain` and nothing else: no second address, no
/// group, no quoted local part.
fn address(value: &str) -> Option<String> {
    let plain = without_comments(value)?;
    let plain = without_quotes(&plain)?;
    let plain = plain.trim();
    let address = match plain.split_once('<') {
        Some((name, rest)) => {
            if name.contains(['@', '>']) {
                return None;
            }
            rest.strip_suffix('>')?
        }
        None => plain,
    };
    let (local, domain) = address.split_once('@')?;
    let atom = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char);
    let label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || char == '-')
    };
    let is_good = !local.is_empty()
        && local.chars().all(atom)
        && domain.split('.').all(label)
        && !plain.contains([',', ';', ':']);
    is_good.then(|| address.to_ascii_lowercase())
}

/// Without what stands in parentheses outside of quotes; none if one is not closed.
fn without_comments(value: &str) -> Option<String> {
    let mut plain = String::new();
    let (mut depth, mut in_quotes, mut is_escaped) = (0_u32, false, false);
    for char in value.chars() {
        if is_escaped {
            is_escaped = false;
            if depth == 0 {
                plain.push(char);
            }
            continue;
        }
        match char {
            '\\' if in_quotes || depth > 0 => {
                is_escaped = true;
                if depth == 0 {
                    plain.push(char);
                }
            }
            '"' if depth == 0 => {
                in_quotes = !in_quotes;
                plain.push(char);
            }
            '(' if !in_quotes => depth += 1,
            ')' if !in_quotes => depth = depth.checked_sub(1)?,
            _ if depth > 0 => {}
            _ => plain.push(char),
        }
    }
    (depth == 0 && !in_quotes && !is_escaped).then_some(plain)
}

/// Without quoted strings, which are names for people.
fn without_quotes(value: &str) -> Option<String> {
    let mut plain = String::new();
    let (mut in_quotes, mut is_escaped) = (false, false);
    for char in value.chars() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if in_quotes => is_escaped = true,
            '"' => in_quotes = !in_quotes,
            _ if in_quotes => {}
            _ => plain.push(char),
        }
    }
    (!in_quotes).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::super::headers::headers;
    use super::*;

    fn trust(received_by: &[&str]) -> Trust {
        Trust {
            authserv_id: "mx.example.test".into(),
            received_by: received_by.iter().map(ToString::to_string).collect(),
            results: Believed::Topmost,
        }
    }

    const GOOD: &str = "Authentication-Results: mx.example.test;\r\n\tdkim=pass (x) \
                        header.d=example.org header.i=@example.org; spf=none\r\n";
    const HOP: &str = "Received: from mx.example.test ([127.0.0.1])\r\n\tby store.example.test \
                       with LMTP id 1\r\n\t(envelope-from <x@y>); Sun, 22 Nov 2026\r\n";
    const OWN: &str = "Received: from by.evil.example (by evil) by mx.example.test (Postfix) with \
                       ESMTPS id 2; Sun, 22 Nov 2026\r\n";
    const FROM: &str = "From: Ada Lovelace <Ada@Example.org>\r\n";

    #[track_caller]
    fn check(raw: &str, received_by: &[&str], expect: Result<&str, &str>) {
        let found = verified_sender(&headers(raw.as_bytes()).unwrap(), &trust(received_by));
        match (&found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{raw}"),
            (Err(found), Err(expect)) => assert!(found.contains(expect), "{found}\n{raw}"),
            _ => panic!("{found:?}, not {expect:?}\n{raw}"),
        }
    }

    #[test]
    fn the_place_of_the_header_decides() {
        let ada = Ok("ada@example.org");
        let nothing = Err("says nothing of its sender");
        check(&format!("{GOOD}{OWN}{FROM}"), &[], ada);
        check(
            &format!("{HOP}{GOOD}{OWN}{FROM}"),
            &["store.example.test"],
            ada,
        );
        check(&format!("{HOP}{GOOD}{OWN}{FROM}"), &[], nothing);
        // The sender wrote it: it came with the mail.
        check(&format!("{OWN}{GOOD}{FROM}"), &[], nothing);
        check(
            &format!("{HOP}{OWN}{GOOD}{FROM}"),
            &["store.example.test"],
            nothing,
        );
        // And also wrote a line that looks like the hop's.
        let forged = format!("{HOP}{OWN}{HOP}{GOOD}{FROM}");
        check(&forged, &["store.example.test"], nothing);
        let forged = format!("{OWN}{OWN}{GOOD}{FROM}");
        check(&forged, &["mx.example.test"], nothing);
        // Or greeted with it.
        let forged = OWN.replace("by.evil.example", "by store.example.test");
        check(
            &format!("{forged}{GOOD}{FROM}"),
            &["store.example.test"],
            nothing,
        );
        check(FROM, &[], nothing);
    }

    #[test]
    fn only_the_topmost_of_the_server_counts() {
        let bad = "Authentication-Results: mx.example.test; dkim=fail header.d=example.org\r\n";
        let none = "Authentication-Results: mx.example.test; none\r\n";
        let broken = "Authentication-Results: mx.example.test; dkim=\r\n";
        let other = "Authentication-Results: other.example; dkim=fail header.d=example.org\r\n";
        check(
            &format!("{bad}{GOOD}{FROM}"),
            &[],
            Err("no good DKIM signature"),
        );
        check(
            &format!("{none}{GOOD}{FROM}"),
            &[],
            Err("no good DKIM signature"),
        );
        check(&format!("{broken}{GOOD}{FROM}"), &[], Err("cannot be read"));
        check(&format!("{other}{GOOD}{FROM}"), &[], Ok("ada@example.org"));
        let impostor = GOOD.replace("mx.example.test", "mx.example.test.evil.example");
        check(&format!("{impostor}{FROM}"), &[], Err("says nothing"));
        let impostor = GOOD.replace("mx.example.test", "evil.example (mx.example.test)");
        check(&format!("{impostor}{FROM}"), &[], Err("says nothing"));
    }

    #[test]
    fn of_several_headers_of_the_server_all_count_where_that_is_said() {
        let dmarc =
            "Authentication-Results: mx.example.test; dmarc=pass header.from=example.org\r\n";
        let fail = "Authentication-Results: mx.example.test; dkim=fail header.d=example.org\r\n";
        let broken = "Authentication-Results: mx.example.test; dkim=\r\n";
        let all = |received_by: &[&str]| Trust {
            results: Believed::All,
            ..trust(received_by)
        };
        let check_all = |raw: &str, received_by: &[&str], expect: Result<&str, &str>| {
            let found = verified_sender(&headers(raw.as_bytes()).unwrap(), &all(received_by));
            match (&found, expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{raw}"),
                (Err(found), Err(expect)) => assert!(found.contains(expect), "{found}\n{raw}"),
                _ => panic!("{found:?}, not {expect:?}\n{raw}"),
            }
        };
        let ada = Ok("ada@example.org");
        let two = format!("{dmarc}{GOOD}{OWN}{FROM}");
        check(&two, &[], Err("another one below it does (see results"));
        check_all(&two, &[], ada);
        check_all(&format!("{GOOD}{dmarc}{OWN}{FROM}"), &[], ada);
        let store = ["store.example.test"];
        check_all(&format!("{HOP}{dmarc}{GOOD}{OWN}{FROM}"), &store, ada);
        let none = Err("no good DKIM signature");
        check_all(&format!("{dmarc}{fail}{OWN}{FROM}"), &[], none);
        check_all(
            &format!("{broken}{GOOD}{OWN}{FROM}"),
            &[],
            Err("cannot be read"),
        );
        // What came with the mail lies below the server's own Received header.
        check_all(&format!("{dmarc}{OWN}{GOOD}{FROM}"), &[], none);
        check_all(&format!("{fail}{OWN}{GOOD}{FROM}"), &[], none);
    }

    #[test]
    fn an_operator_is_told_where_the_header_stands() {
        let other = "Authentication-Results: other.example; dkim=pass header.d=example.org\r\n";
        check(
            &format!("{other}{OWN}{FROM}"),
            &[],
            Err("of mx.example.test stands on top; there are some of other.example"),
        );
        check(
            &format!("{HOP}{GOOD}{OWN}{FROM}"),
            &[],
            Err("below the Received header by store.example.test, which received_by"),
        );
    }

    #[test]
    fn the_signature_is_of_the_senders_domain() {
        for (signer, from, expect) in [
            ("example.org", "example.org", true),
            ("EXAMPLE.org.", "Example.ORG", true),
            ("example.org", "mail.example.org", true),
            ("mail.example.org", "example.org", false),
            ("a.example.org", "b.example.org", false),
            ("org", "example.org", false),
            ("ample.org", "example.org", false),
            ("", "example.org", false),
            (".", "example.org", false),
            ("evil.example", "example.org", false),
        ] {
            assert_eq!(is_aligned(signer, from), expect, "{signer} {from}");
        }
        let other = GOOD.replace("d=example.org", "d=evil.example");
        check(&format!("{other}{FROM}"), &[], Err("is of example.org"));
        let no_domain = GOOD.replace("header.d=example.org ", "");
        check(&format!("{no_domain}{FROM}"), &[], Err("is of example.org"));
        let spf = "Authentication-Results: mx.example.test; spf=pass header.d=example.org\r\n";
        check(&format!("{spf}{FROM}"), &[], Err("no good DKIM signature"));
    }

    #[test]
    fn there_is_one_author() {
        let with = |from: &str| format!("{GOOD}{from}\r\n");
        let ada = Ok("ada@example.org");
        for from in [
            "From: ada@example.org",
            "From: <ada@example.org>",
            "From: \"Lovelace, Ada <x@evil.example>\" <ada@example.org>",
            "From: Ada (x@evil.example, y) <ada@example.org>",
            "From: ada@example.org\r\nSender: Ada <ADA@example.org>",
        ] {
            check(&with(from), &[], ada);
        }
        for (from, why) in [
            (
                "From: ada@example.org\r\nFrom: x@evil.example",
                "more than one from",
            ),
            ("From: ada@example.org, x@evil.example", "not one plain"),
            ("From: x@evil.example <ada@example.org>", "not one plain"),
            ("From: <x@evil.example> <ada@example.org>", "not one plain"),
            ("From: <ada@example.org> x", "not one plain"),
            ("From: g: ada@example.org;", "not one plain"),
            ("From: \"ada\"@example.org", "not one plain"),
            ("From: ada@example.org(", "not one plain"),
            ("From: ada@[127.0.0.1]", "not one plain"),
            ("From: ada", "not one plain"),
            ("From:", "not one plain"),
            (
                "From: ada@example.org\r\nSender: x@evil.example",
                "its Sender",
            ),
            (
                "From: ada@example.org\r\nSender: a@b\r\nSender: c@d",
                "more than one sender",
            ),
            (
                "From: ada@example.org\r\nResent-From: x@y.example",
                "sent it on",
            ),
            ("Subject: x", "no From"),
        ] {
            check(&with(from), &[], Err(why));
        }
    }
}
