//! From the configuration as meant to the channels.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::config::{Address, Config, Irc, IrcLogin, SecretSource, Webhook};
use crate::daemon::Settings;
use crate::daemon::build::tls;
use crate::domain::secret::Secret;
use crate::hooks::Hook;
use crate::irc::{IrcSettings, Login, Timeouts};
use crate::tls::client_config_as;

/// What the channel on IRC is called in the store.
pub(super) const IRC: &str = "irc";

/// What a webhook is called in the store: `webhook team`.
pub fn webhook_name(webhook: &Webhook) -> String {
    format!("webhook {}", webhook.name)
}

/// What every channel of a configuration is called in the store.
pub(in crate::daemon) fn channel_names(config: &Config) -> Vec<String> {
    let webhooks = config.alerts.webhooks.iter().map(webhook_name);
    let irc = config.alerts.irc.iter().map(|_| IRC.to_owned());
    webhooks.chain(irc).collect()
}

/// A webhook that can be posted to.
///
/// # Errors
///
/// A secret or the certificate file cannot be had, or the address is none.
pub fn hook_of(settings: &Settings, webhook: &Webhook) -> Result<Hook> {
    let address = match &webhook.address {
        Address::Plain(url) => Secret::new(url.clone()),
        Address::Secret(source) => secret(settings, source)?,
    };
    let signed = webhook.secret.as_ref();
    let signed = signed.map(|source| secret(settings, source)).transpose()?;
    Hook::new(
        &address,
        webhook.shape,
        signed,
        tls(webhook.ca_file.as_deref())?,
    )
    .with_context(|| format!("the url of the webhook {}", webhook.name))
}

/// How to get into the channel on IRC.
///
/// # Errors
///
/// A secret or a certificate cannot be had, or the key is not that of the certificate.
pub fn irc_of(settings: &Settings, irc: &Irc) -> Result<IrcSettings> {
    let key = irc.channel_key.as_ref();
    let ca_file = irc.ca_file.as_deref();
    let (tls, login) = match &irc.login {
        None => (Arc::new(tls(ca_file)?), None),
        Some(IrcLogin::Password { user, password }) => {
            let user = user.clone();
            let password = secret(settings, password)?;
            (
                Arc::new(tls(ca_file)?),
                Some(Login::Password { user, password }),
            )
        }
        Some(IrcLogin::Certificate { pem, user }) => {
            let tls = client_config_as(ca_file, &secret(settings, pem)?)
                .with_context(|| format!("{} cannot be used", pem.setting))?;
            (tls, Some(Login::Certificate { user: user.clone() }))
        }
    };
    Ok(IrcSettings {
        host: irc.server.clone(),
        port: irc.port,
        tls,
        nick: irc.nick.clone(),
        login,
        channel: irc.channel.clone(),
        key: key.map(|source| secret(settings, source)).transpose()?,
        timeouts: Timeouts::USUAL,
    })
}

fn secret(settings: &Settings, source: &SecretSource) -> Result<Secret> {
    let found = settings.secrets.alerts.get(&source.setting);
    found
        .cloned()
        .with_context(|| format!("{} cannot be had", source.setting))
}
