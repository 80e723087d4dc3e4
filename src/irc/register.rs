//! From the first line to the server's welcome: a name, and the login (SASL, in the
//! IRCv3 form) where there is an account.

use super::line::{Line, other_nick};
use super::wire::Wire;
use super::{IrcError, IrcSettings, Login};
use crate::domain::secret::Secret;
use crate::domain::untrusted::plain_line;

/// So many names are tried.
const MOST_NICKS: u32 = 6;

/// The login's text goes in pieces of so many bytes.
const PIECE: usize = 400;

/// How far the login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There is no account.
    None,
    /// It goes on.
    Begun,
    /// The server took it.
    Done,
}

struct Registration<'a> {
    settings: &'a IrcSettings,
    nick: String,
    attempts: u32,
    progress: Progress,
    /// What the server offers, while it lists that.
    offered: String,
}

/// Says who we are, and gives the name that the server knows us by.
pub(super) async fn register(wire: &mut Wire, settings: &IrcSettings) -> Result<String, IrcError> {
    let mut registration = Registration {
        settings,
        nick: settings.nick.clone(),
        attempts: 0,
        progress: Progress::None,
        offered: String::new(),
    };
    if settings.login.is_some() {
        registration.progress = Progress::Begun;
        wire.send("CAP LS 302").await?;
    }
    wire.send(&format!("NICK {}", registration.nick)).await?;
    wire.send("USER buildbot 0 * :buildbot-watch").await?;
    loop {
        let line = wire.next().await?;
        if registration.heard(wire, &line).await? {
            return Ok(registration.nick);
        }
    }
}

impl Registration<'_> {
    /// Answers a line; says whether we are in.
    async fn heard(&mut self, wire: &mut Wire, line: &Line) -> Result<bool, IrcError> {
        match line.command.as_str() {
            "PING" => wire.send(&format!("PONG :{}", line.words())).await?,
            "ERROR" => return Err(IrcError::ended(line.words())),
            "CAP" => self.capability(wire, line).await?,
            "AUTHENTICATE" if line.param(0) == "+" => self.log_in(wire).await?,
            "903" => {
                self.progress = Progress::Done;
                wire.send("CAP END").await?;
            }
            "902" | "904" | "905" | "906" | "907" | "908" => {
                let words = plain_line(line.words(), 200);
                let what = format!("the login is refused: {words}");
                let remedy = self.settings.login.as_ref().map_or("", Login::remedy);
                return Err(IrcError::refused(what, remedy));
            }
            "421" if line.param(1) == "CAP" => return Err(self.no_login()),
            "433" | "436" | "437" => self.another_nick(wire).await?,
            "431" | "432" => {
                let what = format!("the server takes no such nick as {:?}", self.nick);
                return Err(IrcError::refused(what, "Choose a shorter nick in [irc]."));
            }
            "464" | "465" | "463" => return Err(IrcError::ended(line.words())),
            "001" if self.progress == Progress::Begun => return Err(self.no_login()),
            "001" => {
                // A server may have cut it.
                self.nick = plain_line(line.param(0), 64);
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }

    async fn capability(&mut self, wire: &mut Wire, line: &Line) -> Result<(), IrcError> {
        match line.param(1).to_ascii_uppercase().as_str() {
            "LS" => {
                self.offered.push(' ');
                self.offered.push_str(line.words());
                if line.param(2) == "*" && line.params.len() > 3 {
                    return Ok(());
                }
                if !offers(&self.offered, self.mechanism()) {
                    return Err(self.no_login());
                }
                wire.send("CAP REQ :sasl").await
            }
            "ACK" => {
                wire.send(&format!("AUTHENTICATE {}", self.mechanism()))
                    .await
            }
            "NAK" => Err(self.no_login()),
            _ => Ok(()),
        }
    }

    async fn log_in(&self, wire: &mut Wire) -> Result<(), IrcError> {
        let text = match &self.settings.login {
            Some(Login::Password { user, password }) => plain(user, password),
            // An empty one has the certificate tell who it is.
            Some(Login::Certificate { user }) => {
                base64(user.as_deref().unwrap_or_default().as_bytes())
            }
            None => return Ok(()),
        };
        let mut rest = text.as_str();
        while let Some((piece, after)) = rest.split_at_checked(PIECE) {
            wire.send(&format!("AUTHENTICATE {piece}")).await?;
            rest = after;
        }
        // A last piece that is whole is followed by an empty one.
        let last = if rest.is_empty() { "+" } else { rest };
        wire.send(&format!("AUTHENTICATE {last}")).await
    }

    fn mechanism(&self) -> &'static str {
        self.settings.login.as_ref().map_or("", Login::mechanism)
    }

    /// The server has no such login.
    fn no_login(&self) -> IrcError {
        let (what, remedy) = match self.settings.login {
            Some(Login::Certificate { .. }) => (
                "the server has no login with a certificate (SASL EXTERNAL)",
                "Leave certificate of [irc] out, or give user and password in its place.",
            ),
            Some(Login::Password { .. }) | None => (
                "the server has no login with a password (SASL PLAIN)",
                "Leave user and password of [irc] out, or choose a server with accounts.",
            ),
        };
        IrcError::refused(what, remedy)
    }

    async fn another_nick(&mut self, wire: &mut Wire) -> Result<(), IrcError> {
        self.attempts += 1;
        if self.attempts >= MOST_NICKS {
            let what = format!("{} is taken, and so is what is like it", self.settings.nick);
            return Err(IrcError::refused(what, "Choose another nick in [irc]."));
        }
        self.nick = other_nick(&self.settings.nick, self.attempts);
        wire.send(&format!("NICK {}", self.nick)).await
    }
}

/// Whether a mechanism of SASL is among what a server offers; without a list of
/// mechanisms it may be.
fn offers(offered: &str, mechanism: &str) -> bool {
    offered
        .split_whitespace()
        .any(|one| match one.split_once('=') {
            Some(("sasl", mechanisms)) => mechanisms
                .split(',')
                .any(|it| it.eq_ignore_ascii_case(mechanism)),
            Some(_) => false,
            None => one == "sasl",
        })
}

/// The message of the mechanism PLAIN, in base64.
fn plain(user: &str, password: &Secret) -> String {
    base64(format!("{user}\0{user}\0{}", password.expose()).as_bytes())
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let group = three
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_usize, |group, byte| group << 8 | usize::from(*byte));
        for place in 0..4 {
            let letter = LETTERS.get(group >> (18 - 6 * place) & 63);
            match letter.filter(|_| place <= three.len()) {
                Some(letter) => text.push(char::from(*letter)),
                None => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        // RFC 4616, section 4, without an identity to act as.
        let secret = Secret::new("tanstaaftanstaaf".into());
        assert_eq!(plain("tim", &secret), "dGltAHRpbQB0YW5zdGFhZnRhbnN0YWFm");
    }

    #[test]
    fn a_mechanism_is_offered_or_it_is_not() {
        for yes in ["sasl", "multi-prefix sasl=PLAIN", "sasl=EXTERNAL,plain x"] {
            assert!(offers(yes, "PLAIN"), "{yes}");
        }
        for no in ["", "saslx", "sasl=EXTERNAL", "x=PLAIN"] {
            assert!(!offers(no, "PLAIN"), "{no}");
        }
        assert!(offers("sasl=EXTERNAL,PLAIN", "EXTERNAL"));
        assert!(!offers("sasl=PLAIN", "EXTERNAL"));
    }
}
