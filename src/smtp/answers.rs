//! Which answer means what.
//!
//! | step                       | yes       | 4yz   | 5yz      | nothing, or nonsense |
//! |----------------------------|-----------|-------|----------|----------------------|
//! | connect, TLS, hello, login | 2yz       | Later | Later    | Later                |
//! | MAIL, RCPT                 | 2yz       | Later | Refused* | Later                |
//! | DATA                       | 354       | Later | Refused* | Later                |
//! | the mail, before the dot   | -         | -     | -        | Later                |
//! | after the final dot        | 25z: Done | Later | Refused  | Unknown              |
//!
//! `*` 530, 534, 535 and 538 are about login and TLS (RFC 4954, section 6; RFC
//!     3207, section 4), which the operator must mend: Later. A 554 that means
//!     the same can't be told from one about the mail.
//!
//! A yes of another step (RFC 5321, section 4.3.2) is nonsense: somebody counts
//! answers differently than we do.
//!
//! Later and Refused after the dot are safe: by RFC 5321, section 4.2.1 a
//! negative answer says that the requested action did not occur, and section
//! 6.1 makes a server responsible for a mail only with its 250. A 421 counts as
//! a 4yz.

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::{Category, Response, Severity};

use crate::domain::delivery::{Outcome, Receipt};

/// Where in the dialogue we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Connect,
    Tls,
    Hello,
    Login,
    Sender,
    Recipient,
    Data,
    FinalDot,
}

impl Step {
    const fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Tls => "beginning TLS",
            Self::Hello => "saying hello",
            Self::Login => "logging in",
            Self::Sender => "naming the sender",
            Self::Recipient => "naming the recipient",
            Self::Data => "announcing the mail",
            Self::FinalDot => "sending the mail",
        }
    }
}

/// What a missing answer leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The final dot was not sent: the server can't have taken the mail.
    NothingSent,
    /// It was sent, or may have been.
    DotSent,
}

/// The answer to MAIL, RCPT or DATA.
pub(super) fn before_the_mail(step: Step, answer: Result<Response, Error>) -> Result<(), Outcome> {
    let error = match answer {
        Ok(answer) if is_yes(step, &answer) => return Ok(()),
        Ok(answer) => return Err(later_at(step, &nonsense(&answer))),
        Err(error) => error,
    };
    if error.is_permanent() && !is_about_login(&error) {
        return Err(Outcome::Refused {
            why: words(step, &error),
        });
    }
    Err(later(words(step, &error)))
}

fn is_yes(step: Step, answer: &Response) -> bool {
    let code = answer.code();
    match step {
        Step::Data => answer.has_code(354),
        Step::FinalDot => {
            code.severity == Severity::PositiveCompletion && code.category == Category::MailSystem
        }
        _ => code.severity == Severity::PositiveCompletion,
    }
}

fn nonsense(answer: &Response) -> String {
    format!("the server answers {}, which makes no sense", answer.code())
}

/// The answer while connecting or saying hello.
pub(super) fn on_the_way_in<T>(step: Step, answer: Result<T, Error>) -> Result<T, Outcome> {
    answer.map_err(|error| later(words(step, &error)))
}

/// The answer to a login.
pub(super) fn on_login(answer: Result<Response, Error>) -> Result<(), Outcome> {
    let answer = on_the_way_in(Step::Login, answer)?;
    if is_yes(Step::Login, &answer) {
        return Ok(());
    }
    Err(later_at(Step::Login, &nonsense(&answer)))
}

/// The answer to the mail and its final dot.
pub(super) fn after_the_mail(answer: Result<Response, Error>, silence: Silence) -> Outcome {
    match answer {
        Ok(answer) if is_yes(Step::FinalDot, &answer) => {
            let text: Vec<&str> = answer.message().collect();
            Outcome::Done(Receipt::Mail {
                answer: one_line(&format!("{} {}", answer.code(), text.join(" "))),
            })
        }
        Ok(answer) => Outcome::Unknown {
            why: format!("{}: {}", Step::FinalDot.words(), nonsense(&answer)),
        },
        Err(error) if error.is_transient() => later(words(Step::FinalDot, &error)),
        Err(error) if error.is_permanent() => Outcome::Refused {
            why: words(Step::FinalDot, &error),
        },
        Err(error) => silent(silence, words(Step::FinalDot, &error)),
    }
}

/// No answer in time.
pub(super) fn timed_out(step: Step, silence: Silence) -> Outcome {
    silent(silence, format!("{}: no answer in time", step.words()))
}

fn silent(silence: Silence, why: String) -> Outcome {
    match silence {
        Silence::NothingSent => later(why),
        Silence::DotSent => Outcome::Unknown { why },
    }
}

/// Provably nothing happened.
pub(super) fn later(why: String) -> Outcome {
    Outcome::Later {
        why: one_line(&why),
        after_seconds: None,
    }
}

/// For errors that are not the server's answer.
pub(super) fn later_at(step: Step, why: &str) -> Outcome {
    later(format!("{}: {why}", step.words()))
}

fn is_about_login(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    matches!(code, Some(530 | 534 | 535 | 538))
}

/// `naming the recipient: 550 5.1.1 no such user`.
fn words(step: Step, error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    let said = match (error.status(), source) {
        (Some(code), Some(text)) => format!("{code} {text}"),
        (Some(code), None) => code.to_string(),
        (None, _) => error.to_string(),
    };
    one_line(&format!("{}: {said}", step.words()))
}

/// Words on one line without control characters, at most 300 of them.
pub(super) fn one_line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(300).collect::<String>().trim().to_owned()
}
