//! `user`: who may decide on the page.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;

use super::args::{User, UserVerb, Who};
use super::refusal::Refusal;
use super::screen::Tone;
use super::session::Session;
use super::who::who;
use super::words::{count, timestamp, when};
use crate::domain::decision::Approver;
use crate::domain::untrusted::terminal;
use crate::web::{MIN_PASSWORD_CHARS, hash};

/// Adds, lists or removes users.
pub(super) fn user(session: &Session, wanted: &User) -> Result<()> {
    match &wanted.what {
        UserVerb::Add { user, who } => add(session, user, who),
        UserVerb::List => list(session),
        UserVerb::Remove { user, who } => remove(session, user, who),
    }
}

fn add(session: &Session, name: &str, by: &Who) -> Result<()> {
    let config = session.config()?;
    let store = session.store_or_new(&config)?;
    let name = Approver::new(name).map_err(|why| {
        let what = format!("{name:?} cannot be used as a name: {why}");
        Refusal::new(what, "it will stand in replies: \"Checked by NAME\"")
    })?;
    let by = who(by)?;
    let password = password(name.as_str())?;
    let secret = hash(&password).map_err(|why| {
        let remedy = format!("give one of at least {MIN_PASSWORD_CHARS} characters");
        Refusal::new(why.to_string(), remedy)
    })?;
    let is_new = store.set_user(name.as_str(), &secret, by.as_str(), session.now)?;
    session
        .screen
        .document(&json!({ "user": name.as_str(), "new": is_new }));
    session.screen.say(if is_new {
        format!("{} may decide on the page.", name.as_str())
    } else {
        format!(
            "{} has a new password; their sessions have ended.",
            name.as_str()
        )
    });
    session.next(&[("serve".to_owned(), "the page, if no service has it")]);
    Ok(())
}

fn list(session: &Session) -> Result<()> {
    let users = session.store()?.users(session.now)?;
    let documents = users.iter().map(|user| {
        json!({ "name": user.name, "since": timestamp(user.made_at), "sessions": user.sessions })
    });
    session
        .screen
        .document(&json!({ "users": documents.collect::<Vec<_>>() }));
    for user in &users {
        let sessions = count(usize::try_from(user.sessions)?, "session");
        let since = when(user.made_at, session.now);
        let name = session.screen.paint(Tone::Bold, &terminal(&user.name));
        session
            .screen
            .say(format!("{name}  {sessions}, password set {since}"));
    }
    if users.is_empty() {
        session.screen.say("Nobody may use the page yet.");
        session.next(&[("user add NAME".to_owned(), "let somebody in")]);
    }
    Ok(())
}

fn remove(session: &Session, name: &str, by: &Who) -> Result<()> {
    let store = session.store()?;
    let by = who(by)?;
    if !store.remove_user(name.trim(), by.as_str(), session.now)? {
        let what = format!("there is no user {name:?}");
        return Err(Refusal::new(what, session.line("user list")).into());
    }
    session.screen.document(&json!({ "removed": name.trim() }));
    session.screen.say(format!(
        "{} can no longer log in; their sessions have ended.",
        terminal(name.trim())
    ));
    Ok(())
}

/// The password, typed twice where it is not shown, or the first line of what is no
/// terminal. It is never an argument, which others could see.
fn password(name: &str) -> Result<String> {
    let input = io::stdin();
    if !input.is_terminal() {
        return line();
    }
    let first = unseen(&format!("Password for {name}: "))?;
    if unseen("The same again: ")? != first {
        return Err(Refusal::plain("the two passwords differ; nothing was done").into());
    }
    Ok(first)
}

fn line() -> Result<String> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the password cannot be read")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks with the terminal's echo off.
fn unseen(question: &str) -> Result<String> {
    let input = io::stdin();
    let before = tcgetattr(&input).context("the terminal cannot be asked")?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    let mut screen = io::stderr();
    let _ = write!(screen, "{question}");
    let _ = screen.flush();
    tcsetattr(&input, OptionalActions::Flush, &quiet).context("the echo cannot be turned off")?;
    let typed = line();
    let _ = tcsetattr(&input, OptionalActions::Flush, &before);
    let _ = writeln!(screen);
    typed
}
