//! Proving that the account is ours.

use async_imap::error::Error;
use async_imap::{Authenticator, Client, Session as Syntax};
use tokio::time::timeout;

use crate::imap::connect::{Greeted, timed_out};
use crate::imap::error::{ImapError, one_line};
use crate::imap::wire::{Stream, Wire, from_syntax};
use crate::imap::{ImapSettings, Login};

/// Logs in.
pub(super) async fn log_in(greeted: Greeted, settings: &ImapSettings) -> Result<Wire, ImapError> {
    let patience = settings.timeouts.command;
    let attempt = async {
        match &settings.login {
            Login::OAuth2(token) => {
                let words = format!(
                    "user={}\x01auth=Bearer {}\x01\x01",
                    settings.user,
                    token.expose()
                );
                authenticate(greeted.client, "XOAUTH2", words).await
            }
            Login::Password(password) if needs_plain(settings, password.expose(), &greeted) => {
                let words = format!("\0{}\0{}", settings.user, password.expose());
                authenticate(greeted.client, "PLAIN", words).await
            }
            Login::Password(password) => {
                let login = greeted.client.login(&settings.user, password.expose());
                login.await.map_err(|(error, _client)| error)
            }
        }
    };
    let syntax = timeout(patience, attempt)
        .await
        .map_err(|_| timed_out("the login", patience))?
        .map_err(|error| login_error(error, &settings.user))?;
    Ok(Wire::new(syntax, patience))
}

/// LOGIN knows only ASCII (RFC 9051, section 6.2.3), and a server may forbid it.
fn needs_plain(settings: &ImapSettings, password: &str, greeted: &Greeted) -> bool {
    let is_disabled = greeted.capabilities.iter().any(|n| n == "LOGINDISABLED");
    is_disabled || !settings.user.is_ascii() || !password.is_ascii()
}

async fn authenticate(
    client: Client<Stream>,
    mechanism: &str,
    words: String,
) -> Result<Syntax<Stream>, Error> {
    let once = OneAnswer { words: Some(words) };
    let attempt = client.authenticate(mechanism, once).await;
    attempt.map_err(|(error, _client)| error)
}

/// Answers the first challenge with the credentials and every further one with
/// nothing: XOAUTH2 sends its error as a challenge and says NO only after that.
struct OneAnswer {
    words: Option<String>,
}

impl Authenticator for OneAnswer {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        self.words.take().unwrap_or_default()
    }
}

fn login_error(error: Error, user: &str) -> ImapError {
    match error {
        Error::No(words) | Error::Bad(words) if !is_temporary(&words) => ImapError::LoginRefused {
            user: user.to_owned(),
            answer: answer_in(&words),
        },
        Error::No(words) | Error::Bad(words) => ImapError::lost(&answer_in(&words)),
        Error::Validate(error) => ImapError::LoginRefused {
            user: user.to_owned(),
            answer: error.to_string(),
        },
        other => from_syntax(other),
    }
}

/// RFC 5530, section 3: the password was not even looked at.
fn is_temporary(words: &str) -> bool {
    ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"]
        .iter()
        .any(|code| words.contains(code))
}

/// The server's words in async-imap's `code: None, info: Some("...")`.
fn answer_in(words: &str) -> String {
    let inner = words.split_once("info: Some(\"").map(|(_, rest)| rest);
    one_line(inner.unwrap_or(words).trim_end_matches("\")"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_found() {
        let words = "code: None, info: Some(\"[AUTHENTICATIONFAILED] No.\")";
        assert_eq!(answer_in(words), "[AUTHENTICATIONFAILED] No.");
        assert_eq!(answer_in("something else"), "something else");
    }

    #[test]
    fn an_overloaded_server_did_not_refuse_the_password() {
        let busy = Error::No("code: None, info: Some(\"[UNAVAILABLE] later\")".into());
        assert!(matches!(login_error(busy, "me"), ImapError::Lost { .. }));
        let wrong = Error::No("code: None, info: Some(\"[AUTHENTICATIONFAILED] x\")".into());
        assert!(matches!(
            login_error(wrong, "me"),
            ImapError::LoginRefused { .. }
        ));
    }

    #[test]
    fn only_the_first_challenge_gets_the_credentials() {
        let mut once = OneAnswer {
            words: Some("secret".into()),
        };
        assert_eq!(once.process(b""), "secret");
        assert_eq!(once.process(b"{\"status\":\"401\"}"), "");
    }
}
