//! The command line: one function a verb. What people see is made here and
//! nowhere else.
//!
//! | file | what |
//! |---|---|
//! | `args`, `verbs` | what can be typed, with its help |
//! | `session`, `who`, `refusal` | where the configuration is, who decides, why not |
//! | `screen`, `json` | text that fits the screen, or one JSON document |
//! | `listing`, `showing`, `failing`, `texts`, `history`, `incidents` | look |
//! | `deciding`, `revising`, `linking`, `switching`, `resolving` | decide |
//! | `filing` | a build that nobody mailed about |
//! | `reviewing`, `editor` | all at once, in one document |
//! | `delivering` | what happens right after a decision in a demo's folder |
//! | `subscribing` | the handshake with the list |
//! | `serving`, `users` | the page, and who may use it |
//! | `ruling` | the rules that people wrote, and what they would take |
//! | `reading`, `inputs`, `understood` | what is understood of a mail or a log |
//! | `evaluating`, `explaining`, `tables` | how well reports are found; why these |
//! | `syncing`, `importing`, `bar` | the tracker's reports come in, and how far that is |
//! | `status`, `facts`, `checking`, `replaying`, `saved`, `demo`, `samples` | the rest |
//!
//! What is in a few words about one notification is [`crate::desk`]'s, which other
//! ways to decide share.
//!
//! Verbs print text for people with `screen::Screen::say` and one document for
//! programs with `screen::Screen::document`; which of the two does anything is
//! the screen's business.

mod args;
mod at_hand;
mod bar;
mod checking;
mod deciding;
mod delivering;
mod demo;
mod editor;
mod evaluating;
mod explaining;
mod facts;
mod failing;
mod filing;
mod history;
mod importing;
mod incidents;
mod inputs;
mod json;
mod linking;
mod listing;
mod reading;
mod refusal;
mod replaying;
mod resolving;
mod reviewing;
mod revising;
mod ruling;
mod samples;
mod saved;
mod screen;
mod serving;
mod session;
mod showing;
mod status;
mod subscribing;
mod switching;
mod syncing;
mod tables;
mod texts;
mod understood;
mod users;
mod verbs;
mod who;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Error, Result};
use clap::FromArgMatches;
use serde_json::{Value, json};

use args::Arguments;
use deciding::{Consent, Proposal};
use failing::Detail;
use refusal::Refusal;
use screen::{Form, Screen};
use session::Session;
use verbs::{Decision, Verb};

use crate::config::{Config, Mistakes};
use crate::daemon;
use crate::desk::deciding::Kept;
use crate::desk::{repeating, summary, words};
use crate::domain::subscribing::Request;
use crate::domain::untrusted::{terminal, terminal_lines};
use crate::store::{LockRefused, disk_trouble};

/// Runs the program: 0 when it did what was asked, 1 when something is wrong or
/// was refused, 2 when what was typed cannot be understood.
pub fn main() -> ExitCode {
    let matches = match args::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return misunderstood(&error),
    };
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => return misunderstood(&error),
    };
    let form = if arguments.json {
        Form::Json
    } else {
        Form::Text
    };
    let code = match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            Screen::new(form).document(&error_document(&error));
            complain(&error);
            ExitCode::FAILURE
        }
    };
    match screen::broken() {
        None => code,
        Some(why) => unprinted(why),
    }
}

/// What was to be printed is lost; what was to be done is done.
fn unprinted(why: &std::io::Error) -> ExitCode {
    let what = format!("the standard output cannot be written: {why}");
    let remedy = "what you asked for may have been done all the same; see `status` and `history`";
    complain(&Refusal::new(what, remedy).into());
    ExitCode::FAILURE
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let session = Session::new(&arguments);
    // A demo goes on with a session of its own.
    let typed = Session::new(&arguments);
    act(session, arguments.verb)
        .map_err(|error| disk_in_words(error, &typed.config_file()))
        .map_err(|error| lock_in_words(error, &typed))
}

/// A lock that is another user's, with what to do about it.
fn lock_in_words(error: Error, session: &Session) -> Error {
    match error.downcast_ref() {
        Some(LockRefused::Io { path, .. }) => {
            let path = path.clone();
            session.not_opened(error, &path)
        }
        _ => error,
    }
}

/// An error of the disk below the database, with what to do about it.
fn disk_in_words(error: Error, config_file: &Path) -> Error {
    match Config::read(config_file) {
        Ok(config) => disk_of(error, &config.store.state_dir),
        Err(_) => error,
    }
}

/// The same for a database in another folder.
fn disk_of(error: Error, folder: &Path) -> Error {
    let Some((what, remedy)) = disk_trouble(&error, folder) else {
        return error;
    };
    let what = match error.downcast_ref::<Kept>() {
        Some(kept) => format!("{kept}: {what}"),
        None => what,
    };
    Refusal::new(what, remedy).into()
}

fn act(session: Session, verb: Verb) -> Result<ExitCode> {
    match verb {
        Verb::Demo => return demo::demo(session),
        Verb::Read(wanted) => return Ok(reading::read(&session, &wanted)),
        Verb::Replay(wanted) => return replaying::replay(&session, &wanted),
        Verb::Check(wanted) => return checking::check(&session, &wanted),
        Verb::Run => return service(&session),
        Verb::Subscribe(wanted) => return subscribing::ask(&session, Request::Join, &wanted),
        Verb::Unsubscribe(wanted) => return subscribing::ask(&session, Request::Leave, &wanted),
        Verb::Serve(wanted) => serving::serve(&session, &wanted)?,
        Verb::User(wanted) => users::user(&session, &wanted)?,
        Verb::Status => status::status(&session)?,
        Verb::Sync => return syncing::sync(&session),
        Verb::Explain { draft } => explaining::explain(&session, &draft)?,
        Verb::Match(wanted) => explaining::match_text(&session, &wanted)?,
        Verb::Evaluate(wanted) => evaluating::evaluate(&session, &wanted)?,
        Verb::Import(wanted) => importing::import(&session, &wanted)?,
        Verb::Rules(wanted) => return ruling::rules(&session, &wanted),
        Verb::File(wanted) => filing::file(&session, &wanted)?,
        Verb::List(wanted) => listing::list(&session, &wanted)?,
        Verb::Show { draft, full } => {
            let detail = if full { Detail::Full } else { Detail::Short };
            showing::show(&session, &draft, detail)?;
        }
        Verb::Incidents => incidents::incidents(&session)?,
        Verb::History { draft } => history::history(&session, &draft)?,
        Verb::Decide(decision) => return decide(&session, decision),
    }
    Ok(ExitCode::SUCCESS)
}

fn decide(session: &Session, decision: Decision) -> Result<ExitCode> {
    match decision {
        Decision::Review { who } => return reviewing::review(session, &who),
        Decision::Approve { drafts, yes, who } => {
            let consent = if yes { Consent::Given } else { Consent::Ask };
            return deciding::approve(session, &drafts, consent, &who);
        }
        Decision::Reject {
            draft,
            reason,
            right_report,
            who,
        } => {
            let proposal = if right_report {
                Proposal::Right
            } else {
                Proposal::Wrong
            };
            deciding::reject(session, &draft, &reason, proposal, &who)?;
        }
        Decision::Edit { draft, who } => revising::edit(session, &draft, &who)?,
        Decision::Link {
            draft,
            issue,
            failure,
            who,
        } => linking::link(session, &draft, &issue, &failure, &who)?,
        Decision::Hold { draft, reason, who } => switching::hold(session, &draft, &reason, &who)?,
        Decision::Release { draft, who } => switching::release(session, &draft, &who)?,
        Decision::Pause { reason, who } => switching::pause(session, &reason, &who)?,
        Decision::Resume { who } => switching::resume(session, &who)?,
        Decision::Stop { reason, who } => switching::stop(session, &reason, &who)?,
        Decision::ClearStop { who } => switching::clear_stop(session, &who)?,
        Decision::TrustMirror { who } => switching::trust_mirror(session, &who)?,
        Decision::Resolve(wanted) => resolving::resolve(session, &wanted)?,
        Decision::Retry { draft, who } => switching::retry(session, &draft, &who)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn service(session: &Session) -> Result<ExitCode> {
    let file = session.existing_config_file()?;
    daemon::run(&file)
}

/// Help and version go to standard output and end well; anything else does not.
fn misunderstood(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        return match printed {
            Err(why) if why.kind() != ErrorKind::BrokenPipe => unprinted(&why),
            // A reader that went away is no error.
            _ => ExitCode::SUCCESS,
        };
    }
    if std::env::args().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        let what = first.strip_prefix("error: ").unwrap_or(first);
        Screen::new(Form::Json).document(&json!({ "error": what, "remedy": null }));
    }
    ExitCode::from(2)
}

/// What `--json` prints when something is wrong.
fn error_document(error: &Error) -> Value {
    if let Some(mistakes) = error.downcast_ref::<Mistakes>() {
        let list = mistakes.0.iter().map(|mistake| {
            json!({ "at": mistake.place.to_string(), "what": mistake.what, "remedy": mistake.remedy })
        });
        let list: Vec<Value> = list.collect();
        return json!({ "error": "the configuration is wrong", "remedy": null, "mistakes": list });
    }
    let remedy = error
        .downcast_ref::<Refusal>()
        .and_then(|refusal| refusal.remedy.as_ref());
    json!({ "error": format!("{error:#}"), "remedy": remedy })
}

/// Says what is wrong, and what to do about it, to the person.
fn complain(error: &Error) {
    let text = match (
        error.downcast_ref::<Refusal>(),
        error.downcast_ref::<Mistakes>(),
    ) {
        (Some(refusal), _) => match &refusal.remedy {
            Some(remedy) => format!(
                "error: {}\n    {}\n",
                terminal(&refusal.what),
                terminal(remedy)
            ),
            None => format!("error: {}\n", terminal(&refusal.what)),
        },
        (None, Some(mistakes)) => format!("{}\n", terminal_lines(&mistakes.to_string())),
        (None, None) => format!("error: {}\n", terminal(&format!("{error:#}"))),
    };
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
