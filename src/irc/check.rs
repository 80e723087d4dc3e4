//! IRC is tried for `check`.

use super::session::{Said, Session, joined, registered};
use super::wire::Wire;
use super::{IrcError, IrcSettings};
use crate::domain::finding::Finding;

/// Tries every step up to the channel, says these lines there, if any, and leaves
/// again. Stops at the first step that fails.
pub async fn check(settings: &IrcSettings, lines: &[String]) -> Vec<Finding> {
    let mut steps = Vec::new();
    if let Err((what, error)) = walk(settings, lines, &mut steps).await {
        steps.push(Finding::bad(format!("{what}: {error}"), error.remedy));
    }
    steps
}

async fn walk(
    settings: &IrcSettings,
    lines: &[String],
    steps: &mut Vec<Finding>,
) -> Result<(), (String, IrcError)> {
    let what = format!("connect to {}:{}", settings.host, settings.port);
    let wire = Wire::connect(settings).await;
    let mut wire = wire.map_err(|error| (what.clone(), error))?;
    steps.push(passed(&what, "the certificate is trusted"));

    let what = match &settings.login {
        Some(login) => match login.user() {
            Some(user) => format!("log in as {user}"),
            None => "log in by the certificate".to_owned(),
        },
        None => format!("go in as {}", settings.nick),
    };
    let nick = registered(&mut wire, settings).await;
    let nick = nick.map_err(|error| (what.clone(), error))?;
    steps.push(match nick == settings.nick {
        true => passed(&what, "the server takes it"),
        false => Finding::doubtful(
            format!("{what}: the nick is taken, we are called {nick}"),
            "Nothing, if that is the service itself; else choose another nick.",
        ),
    });

    let what = format!("join {}", settings.channel);
    let place = joined(&mut wire, settings, &nick).await;
    place.map_err(|error| (what.clone(), error))?;
    steps.push(passed(&what, "we are let in"));

    let mut session = Session::at(wire, settings, nick);
    if !lines.is_empty() {
        let what = format!("say a test in {}", settings.channel);
        match session.say(lines).await {
            Said::Taken => steps.push(passed(&what, "it was taken")),
            Said::Refused(error) | Said::Unclear(error) => return Err((what, error)),
        }
    }
    session.quit().await;
    Ok(())
}

fn passed(what: &str, found: &str) -> Finding {
    Finding::fine(format!("{what}: {found}"))
}
