//! `read`: what is understood of mails and logs, without a store.

use std::process::ExitCode;

use anyhow::{Error, Result};
use serde_json::json;

use super::args::Read;
use super::inputs::{self, Input};
use super::refusal::Refusal;
use super::session::Session;
use super::understood;
use crate::maildir::FileMail;
use crate::parsing::mime::{self, Completeness};
use crate::parsing::{InputKind, Understood, log_kind, understand};

/// Shows every input. Ends well if each was read and is something that is known.
pub(super) fn read(session: &Session, wanted: &Read) -> ExitCode {
    let mut all_known = true;
    for path in &wanted.paths {
        let mut each = |input: Result<Input>| {
            all_known &= match input.and_then(one) {
                Ok((origin, shown)) => show(session, &origin, &shown),
                Err(error) => {
                    complain(session, &path.display().to_string(), &error);
                    false
                }
            };
        };
        if let Err(error) = inputs::each_of(path, wanted.form, &mut each) {
            complain(session, &path.display().to_string(), &error);
            all_known = false;
        }
    }
    match all_known {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What is shown of one input.
pub(super) enum Shown {
    /// A mail.
    Mail(Understood),
    /// A log: one build of which only the failures are known.
    Log(Understood),
    /// Something of which no more can be said than the reason.
    Unknown(Understood),
}

fn one(input: Input) -> Result<(String, Shown)> {
    match input {
        Input::Mail(mail) => {
            let understood = understood_mail(&mail)?;
            Ok((mail.origin, Shown::Mail(understood)))
        }
        Input::Log {
            origin,
            findings,
            skipped,
        } => {
            let (kind, reason) = log_kind(&findings);
            let is_known = findings.recognised;
            let mut remarks = Vec::new();
            if skipped > 0 {
                remarks.push(inputs::left_out(skipped));
            }
            let understood = Understood {
                kind,
                reason: reason.map(str::to_owned),
                builds: vec![understood::build_of_log(findings)],
                remarks,
            };
            let shown = match is_known {
                true => Shown::Log(understood),
                false => Shown::Unknown(Understood {
                    builds: Vec::new(),
                    ..understood
                }),
            };
            Ok((origin, shown))
        }
    }
}

fn understood_mail(mail: &FileMail) -> Result<Understood> {
    let completeness = match mail.truncated {
        true => Completeness::CutOff,
        false => Completeness::Whole,
    };
    let parsed = mime::parse(&mail.raw, completeness)?;
    Ok(understand(&parsed))
}

/// Prints an input; says whether it is something that is known.
fn show(session: &Session, origin: &str, shown: &Shown) -> bool {
    let screen = &session.screen;
    screen.record(&understood::document(origin, shown));
    understood::print(screen, origin, shown);
    !matches!(shown, Shown::Unknown(_))
}

/// Tells of an input that cannot be read; the others are shown all the same.
fn complain(session: &Session, origin: &str, error: &Error) {
    let what = format!("{error:#}");
    let refusal = error.downcast_ref::<Refusal>();
    let remedy = refusal.and_then(|refusal| refusal.remedy.as_deref());
    session.screen.record(&json!({
        "input": origin,
        "kind": InputKind::Other.name(),
        "reason": what,
        "builds": [],
        "error": what,
        "remedy": remedy,
    }));
    super::complain(error);
}
