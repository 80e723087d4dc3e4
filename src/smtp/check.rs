//! The outgoing mail's part of the `check` command.

use crate::domain::delivery::Outcome;
use crate::domain::finding::Finding;
use crate::smtp::connect::{dial, log_in, say_hello, secure, server};
use crate::smtp::{Dialogue, Security, SmtpSettings};

/// Tries every step up to the login, and stops at the first that fails. Sends
/// no mail and names no recipient.
pub async fn check(settings: &SmtpSettings) -> Vec<Finding> {
    let mut steps = Vec::new();
    if let Err((what, outcome)) = walk(settings, &mut steps).await {
        steps.push(failed(&what, outcome));
    }
    steps
}

async fn walk(settings: &SmtpSettings, steps: &mut Vec<Finding>) -> Result<(), (String, Outcome)> {
    let what = format!("connect to {}", server(settings));
    let tcp = dial(settings).await.map_err(|e| (what.clone(), e))?;
    steps.push(passed(&what, "somebody listens there"));

    let (what, found) = match settings.security {
        Security::Implicit => ("begin TLS", "the certificate is trusted"),
        Security::StartTls => ("begin TLS with STARTTLS", "the certificate is trusted"),
        Security::LoopbackWithoutTls => ("go without TLS", "the server is on this machine"),
    };
    let transport = secure(tcp, settings).await;
    let transport = transport.map_err(|e| (what.to_owned(), e))?;
    steps.push(passed(what, found));

    let what = "say hello";
    let connection = say_hello(transport, settings).await;
    let mut connection = connection.map_err(|e| (what.to_owned(), e))?;
    steps.push(passed(what, "the server greets back"));

    if let Some(credentials) = &settings.credentials {
        let what = format!("log in as {}", credentials.user);
        let login = log_in(&mut connection, settings).await;
        login.map_err(|e| (what.clone(), e))?;
        steps.push(passed(&what, "the server takes the login"));
    }
    let timeouts = settings.timeouts;
    Dialogue {
        connection,
        timeouts,
    }
    .leave()
    .await;
    Ok(())
}

fn passed(what: &str, found: &str) -> Finding {
    Finding::fine(format!("{what}: {found}"))
}

fn failed(what: &str, outcome: Outcome) -> Finding {
    let why = match outcome {
        Outcome::Later { why, .. } | Outcome::Refused { why } | Outcome::Unknown { why } => why,
        Outcome::Done(_) => String::new(),
    };
    // The step is named already.
    let why = why.split_once(": ").map_or(why.as_str(), |(_, why)| why);
    // Where the step itself knows a remedy, it is its last sentence.
    match why.strip_suffix('.').and_then(|why| why.rsplit_once(". ")) {
        Some((why, remedy)) => Finding::bad(format!("{what}: {why}"), format!("{remedy}.")),
        None => Finding::bad(format!("{what}: {why}"), usual_remedy(what)),
    }
}

fn usual_remedy(what: &str) -> &'static str {
    if what.starts_with("log in") {
        return "Check the user name and the password or token.";
    }
    if what.starts_with("connect") {
        return "Check host and port, the firewall, and whether the server runs.";
    }
    "Check port and security: 465 wants TLS from the start, 587 wants STARTTLS."
}
