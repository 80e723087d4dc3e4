//! The mailbox part of the `check` command.

use crate::domain::finding::Finding;
use crate::imap::connect::{dial, secure, server};
use crate::imap::error::ImapError;
use crate::imap::{ImapSettings, Security, login, names};

/// Tries every step up to the open folder, and to a further one, and stops at the
/// first that fails. Changes nothing.
pub async fn check(settings: &ImapSettings, further: Option<&str>) -> Vec<Finding> {
    let mut steps = Vec::new();
    if let Err((what, error)) = walk(settings, further, &mut steps).await {
        steps.push(Finding::bad(format!("{what}: {error}"), error.remedy()));
    }
    steps
}

async fn walk(
    settings: &ImapSettings,
    further: Option<&str>,
    steps: &mut Vec<Finding>,
) -> Result<(), (String, ImapError)> {
    let what = format!("connect to {}", server(settings));
    let tcp = dial(settings).await.map_err(|e| (what.clone(), e))?;
    steps.push(passed(&what, "somebody listens there"));

    let what = match settings.security {
        Security::Implicit => "begin TLS",
        Security::StartTls => "begin TLS with STARTTLS",
    };
    let greeted = secure(tcp, settings).await;
    let greeted = greeted.map_err(|e| (what.to_owned(), e))?;
    steps.push(passed(what, "the certificate is trusted"));

    let what = format!("log in as {}", settings.user);
    let wire = login::log_in(greeted, settings).await;
    let mut wire = wire.map_err(|e| (what.clone(), e))?;
    steps.push(passed(&what, "the server takes the login"));

    for folder in std::iter::once(settings.folder.as_str()).chain(further) {
        let what = format!("open the folder {folder:?}");
        let selected = names::examine(&mut wire, folder).await;
        let selected = selected.map_err(|e| (what.clone(), e))?;
        let found = format!("{} mails", selected.exists);
        steps.push(passed(&what, &found));
    }

    let what = "ask what the server can do";
    let capabilities = wire.capabilities().await;
    let capabilities = capabilities.map_err(|e| (what.to_owned(), e))?;
    let found = if capabilities.iter().any(|name| name == "IDLE") {
        "it says at once when mail comes (IDLE)".to_owned()
    } else {
        let every = settings.timeouts.poll.as_secs();
        format!("no IDLE: it will be asked for mail every {every} seconds")
    };
    steps.push(passed(what, &found));
    let _ = wire.command("LOGOUT", |_| ()).await;
    Ok(())
}

fn passed(what: &str, found: &str) -> Finding {
    Finding::fine(format!("{what}: {found}"))
}
