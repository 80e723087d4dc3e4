//! Who may use the page, and their sessions. Neither passwords nor session tokens
//! are kept: of both there is only what they are recognised by.

use anyhow::Result;
use rusqlite::{OptionalExtension, params};

use super::{Store, audit};
use crate::domain::Seconds;

/// Somebody who may use the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// As an approval names them.
    pub name: String,
    /// When they, or their present password, came.
    pub made_at: Seconds,
    /// Sessions that have not expired.
    pub sessions: u64,
}

/// The SHA-256 of a session's token.
pub type TokenDigest = [u8; 32];

impl Store {
    /// Adds a user, or gives one another password, which ends all their sessions.
    /// Names that differ in the case of ASCII letters alone are the same. Says whether
    /// the user is new. `secret` is a hash in the PHC string format, `who` did it.
    pub fn set_user(&self, name: &str, secret: &str, who: &str, now: Seconds) -> Result<bool> {
        let transaction = self.begin()?;
        let known = transaction.execute("DELETE FROM users WHERE name = ?1", [name])? > 0;
        transaction.execute(
            "INSERT INTO users (name, secret, made_at) VALUES (?1, ?2, ?3)",
            params![name, secret, now],
        )?;
        let what = if known { "password set" } else { "user added" };
        audit::write_line(&transaction, None, who, what, name, now)?;
        transaction.commit()?;
        Ok(!known)
    }

    /// Removes a user and ends all their sessions; says whether there was one.
    pub fn remove_user(&self, name: &str, who: &str, now: Seconds) -> Result<bool> {
        let transaction = self.begin()?;
        let gone = transaction.execute("DELETE FROM users WHERE name = ?1", [name])? > 0;
        if gone {
            audit::write_line(&transaction, None, who, "user removed", name, now)?;
        }
        transaction.commit()?;
        Ok(gone)
    }

    /// Everybody who may use the page, by name.
    pub fn users(&self, now: Seconds) -> Result<Vec<User>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, made_at,
                    (SELECT count(*) FROM sessions WHERE user = name AND expires_at > ?1)
             FROM users
             ORDER BY name",
        )?;
        let users = statement.query_map([now], |row| {
            Ok(User {
                name: row.get(0)?,
                made_at: row.get(1)?,
                sessions: row.get(2)?,
            })
        })?;
        Ok(users.collect::<Result<_, _>>()?)
    }

    /// A user's name as it was given, and the hash of the password.
    pub fn secret_of(&self, name: &str) -> Result<Option<(String, String)>> {
        Ok(self
            .connection
            .prepare_cached("SELECT name, secret FROM users WHERE name = ?1")?
            .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// Begins a session that lasts `lifetime` seconds; those that have expired are
    /// forgotten.
    pub fn begin_session(
        &self,
        token: &TokenDigest,
        user: &str,
        lifetime: Seconds,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute("DELETE FROM sessions WHERE expires_at <= ?1", [now])?;
        transaction.execute(
            "INSERT INTO sessions (token, user, made_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
            params![token, user, now, now + lifetime],
        )?;
        audit::write_line(&transaction, None, user, "logged in", "on the page", now)?;
        Ok(transaction.commit()?)
    }

    /// Whose session it is. One that began in the future was begun under another
    /// clock, and counts as expired.
    pub fn session_user(&self, token: &TokenDigest, now: Seconds) -> Result<Option<String>> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT user FROM sessions
                 WHERE token = ?1 AND made_at <= ?2 AND expires_at > ?2",
            )?
            .query_row(params![token, now], |row| row.get(0))
            .optional()?)
    }

    /// Ends a session.
    pub fn end_session(&self, token: &TokenDigest) -> Result<()> {
        self.connection
            .execute("DELETE FROM sessions WHERE token = ?1", [token])?;
        Ok(())
    }
}
