//! The channels on which people are told.

use super::without_secret;
use crate::cli::args::Check;
use crate::config::{Address, IrcLogin, SecretSource, Webhook};
use crate::daemon::{self, Settings};
use crate::domain::Seconds;
use crate::domain::alert::Markup;
use crate::domain::finding::{Finding, Level};
use crate::{hooks, irc};

/// Tries every webhook; posts to none, unless a test is wanted.
pub(super) async fn webhooks(settings: &Settings, wanted: &Check, now: Seconds) -> Vec<Finding> {
    let mut findings = Vec::new();
    for webhook in &settings.config.alerts.webhooks {
        let one = one_webhook(settings, webhook, wanted, now).await;
        findings.extend(one.into_iter().map(|finding| Finding {
            what: format!("{}: {}", webhook.name, finding.what),
            ..finding
        }));
    }
    findings
}

async fn one_webhook(
    settings: &Settings,
    webhook: &Webhook,
    wanted: &Check,
    now: Seconds,
) -> Vec<Finding> {
    let address = match &webhook.address {
        Address::Secret(source) => Some(source),
        Address::Plain(_) => None,
    };
    if lacks(settings, address) || lacks(settings, webhook.secret.as_ref()) {
        return without_secret();
    }
    let hook = match daemon::hook_of(settings, webhook) {
        Ok(hook) => hook,
        Err(error) => return vec![super::not_tried(&error)],
    };
    let mut findings = vec![hooks::check(&hook).await];
    if wanted.send_test && findings.iter().all(|it| it.level != Level::Bad) {
        findings.push(hooks::send_test(&hook, &daemon::test_message(now), now).await);
    }
    findings
}

/// Goes into the channel on IRC and leaves again; says nothing there, unless a test is
/// wanted.
pub(super) async fn irc(settings: &Settings, wanted: &Check, now: Seconds) -> Vec<Finding> {
    let Some(config) = &settings.config.alerts.irc else {
        return Vec::new();
    };
    let password = config.login.as_ref().map(IrcLogin::secret);
    if lacks(settings, password) || lacks(settings, config.channel_key.as_ref()) {
        return without_secret();
    }
    let mut settings = match daemon::irc_of(settings, config) {
        Ok(settings) => settings,
        Err(error) => return vec![super::not_tried(&error)],
    };
    settings.timeouts.connect = super::STEP;
    settings.timeouts.enter = super::STEP;
    let lines = match wanted.send_test {
        true => daemon::test_message(now).lines(Markup::Plain, 1),
        false => Vec::new(),
    };
    irc::check(&settings, &lines).await
}

/// Whether a secret is named that could not be had.
fn lacks(settings: &Settings, source: Option<&SecretSource>) -> bool {
    source.is_some_and(|source| !settings.secrets.alerts.contains_key(&source.setting))
}
