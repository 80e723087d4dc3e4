//! Why a connection is not made, in words for a person.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use crate::domain::calendar::date_of;

/// What went wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// A clause without a full stop: `its certificate expired on 2026-05-03`.
    pub what: String,
    /// One sentence.
    pub remedy: &'static str,
}

const SPELLING: &str = "Check the host's spelling and this machine's resolver.";
const LISTENING: &str = "Check host and port, the firewall, and whether the server runs.";
const RENEW: &str = "Those who run the server have to renew it; the check can't be switched off.";
const CLOCK: &str = "Check this machine's clock; if it is right, ask those who run the server.";
const NAME: &str = "Use the name the certificate is for.";
const ISSUER: &str =
    "If the server has a CA of its own, name the CA's file with ca_file in the configuration.";
const ASK: &str = "Ask those who run the server, with these words.";
const NO_TLS: &str = "Check the port, and whether TLS is wanted there from the start.";

/// Looks for the cause through everything that wraps it; `None` for errors that
/// are not about connecting.
pub fn why(error: &(dyn Error + 'static)) -> Option<Why> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(why) = of_one(error) {
            return Some(why);
        }
        next = error.source();
    }
    None
}

fn of_one(error: &(dyn Error + 'static)) -> Option<Why> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    // What resolves names has no error type of its own: these are the words of
    // hyper and of the standard library.
    let words = error.to_string();
    if words.starts_with("dns error") || words.starts_with("failed to lookup address") {
        return Some(because("the name does not resolve", SPELLING));
    }
    let error = error.downcast_ref::<io::Error>()?;
    if let Some(inner) = error.get_ref() {
        let found = of_one(inner);
        if found.is_some() {
            return found;
        }
    }
    of_system(error.kind())
}

fn of_system(kind: io::ErrorKind) -> Option<Why> {
    let what = match kind {
        io::ErrorKind::ConnectionRefused => "the connection is refused: nobody listens there",
        io::ErrorKind::TimedOut => "no answer in time",
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "the network does not lead there"
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "the server broke the connection off",
        _ => return None,
    };
    Some(because(what, LISTENING))
}

fn of_tls(error: &rustls::Error) -> Why {
    match error {
        rustls::Error::InvalidCertificate(certificate) => of_certificate(certificate),
        rustls::Error::InvalidMessage(_) => {
            because("the server does not speak TLS on this port", NO_TLS)
        }
        rustls::Error::AlertReceived(alert) => {
            because(format!("the server refuses TLS ({alert:?})"), NO_TLS)
        }
        other => because(format!("TLS fails: {other}"), ASK),
    }
}

fn of_certificate(error: &CertificateError) -> Why {
    match error {
        CertificateError::Expired => because("its certificate has expired", RENEW),
        CertificateError::ExpiredContext { not_after, .. } => {
            let day = day(not_after.as_secs());
            because(format!("its certificate expired on {day}"), RENEW)
        }
        CertificateError::NotValidYet => because("its certificate is not valid yet", CLOCK),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let day = day(not_before.as_secs());
            because(format!("its certificate is not valid before {day}"), CLOCK)
        }
        CertificateError::NotValidForName => because("its certificate is for another name", NAME),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => because(for_another(&expected.to_str(), presented), NAME),
        CertificateError::UnknownIssuer => because(
            "its certificate is not trusted: nobody this machine knows vouches for it",
            ISSUER,
        ),
        CertificateError::Revoked => because("its certificate is revoked", RENEW),
        other => because(format!("its certificate is not accepted: {other}"), ASK),
    }
}

/// The names come as `DnsName("mail.example.org")`.
fn for_another(expected: &str, presented: &[String]) -> String {
    let names: Vec<&str> = presented
        .iter()
        .map(|name| name.split('"').nth(1).unwrap_or(name))
        .take(5)
        .collect();
    if names.is_empty() {
        return format!("its certificate is for no name at all, so not for {expected}");
    }
    format!(
        "its certificate is for {}, not for {expected}",
        names.join(", ")
    )
}

/// `2026-05-03`, UTC.
fn day(seconds: u64) -> String {
    let days = i64::try_from(seconds / 86_400).unwrap_or(0);
    let (year, month, day) = date_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

fn because(what: impl Into<String>, remedy: &'static str) -> Why {
    Why {
        what: what.into(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError, InvalidMessage};

    use super::why;

    fn told(error: rustls::Error) -> String {
        why(&io::Error::other(error)).unwrap().what
    }

    #[test]
    fn the_cause_is_found_and_told_in_words() {
        let moment = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = CertificateError::ExpiredContext {
            time: moment(1_795_336_841),
            not_after: moment(951_782_400),
        };
        assert_eq!(
            told(expired.into()),
            "its certificate expired on 2000-02-29"
        );
        let other = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("a.example").unwrap(),
            presented: vec!["DnsName(\"b.example\")".into()],
        };
        assert_eq!(
            told(other.into()),
            "its certificate is for b.example, not for a.example"
        );
        assert!(told(CertificateError::UnknownIssuer.into()).contains("not trusted"));
        assert_eq!(
            told(InvalidMessage::InvalidContentType.into()),
            "the server does not speak TLS on this port"
        );
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(why(&refused).unwrap().what.contains("refused"));
        assert_eq!(why(&io::Error::other("anything")), None);
    }
}
