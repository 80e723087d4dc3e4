//! Mails come in: the raw bytes and the mailbox's cursor in one transaction (I1, I2).

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OptionalExtension, params};

use super::{NotificationId, PROGRAM, Store, audit};
use crate::domain::Seconds;

/// A mail as the mailbox gave it.
#[derive(Debug, Clone, Copy)]
pub struct IncomingMail<'a> {
    /// The mailbox's name in the configuration.
    pub mailbox: &'a str,
    /// IMAP's UIDVALIDITY; a Maildir has one of its own making.
    pub uidvalidity: i64,
    /// IMAP's UID; for a Maildir a number derived from the file's unique name.
    pub uid: i64,
    /// The hash over List-Id, Message-ID, selected headers and body (I2).
    pub content_key: &'a str,
    /// The Message-ID without angle brackets, if it is a valid one.
    pub message_id: Option<&'a str>,
    /// The mail, or its beginning.
    pub raw: &'a [u8],
    /// Whether `raw` is only the beginning.
    pub truncated: bool,
}

/// How far a mailbox was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxCursor {
    /// The mailbox's name in the configuration.
    pub mailbox: String,
    /// UIDVALIDITY when `uidnext` was true.
    pub uidvalidity: i64,
    /// The first UID that was not looked at.
    pub uidnext: i64,
    /// UIDs below were there before the first start, and are no notifications
    /// of ours. 1 after UIDVALIDITY changed: then everything is looked at again.
    pub first_uid: i64,
    /// When the mailbox was seen first.
    pub started_at: Seconds,
    /// When all UIDs were last compared with the store.
    pub reconciled_at: Option<Seconds>,
}

/// What became of a mail that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is a new one.
    New(NotificationId),
    /// It was here already, under this or another UID.
    Known(NotificationId),
    /// Another mail with the same Message-ID and other content was here already;
    /// this one is kept for a person to compare.
    Conflict(NotificationId),
}

impl Store {
    /// Takes a mail in and, in the same transaction, notes its UID as seen and
    /// moves the cursor to `uidnext`: never back, and only under the UIDVALIDITY
    /// the cursor has. A mailbox that was never started has no cursor (`replay`).
    pub fn take_in(&self, mail: &IncomingMail<'_>, uidnext: i64, now: Seconds) -> Result<Taken> {
        let transaction = self.begin()?;
        let taken = recognise(&transaction, mail, now)?;
        let (Taken::New(id) | Taken::Known(id) | Taken::Conflict(id)) = taken;
        transaction.execute(
            "INSERT INTO seen_uids (mailbox, uidvalidity, uid, notification)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET notification = excluded.notification",
            params![mail.mailbox, mail.uidvalidity, mail.uid, id],
        )?;
        transaction.execute(
            "UPDATE mailboxes
             SET uidnext = max(uidnext, ?3)
             WHERE mailbox = ?1 AND uidvalidity = ?2",
            params![mail.mailbox, mail.uidvalidity, uidnext],
        )?;
        transaction.commit()?;
        Ok(taken)
    }

    /// How far the mailbox was read; `None` before its first start.
    pub fn cursor(&self, mailbox: &str) -> Result<Option<MailboxCursor>> {
        Ok(self
            .connection
            .query_row(
                "SELECT mailbox, uidvalidity, uidnext, first_uid, started_at, reconciled_at
                 FROM mailboxes
                 WHERE mailbox = ?1",
                [mailbox],
                |row| {
                    Ok(MailboxCursor {
                        mailbox: row.get(0)?,
                        uidvalidity: row.get(1)?,
                        uidnext: row.get(2)?,
                        first_uid: row.get(3)?,
                        started_at: row.get(4)?,
                        reconciled_at: row.get(5)?,
                    })
                },
            )
            .optional()?)
    }

    /// Begins a mailbox at "now": mails below `uidnext` are history (`replay`
    /// takes them in). Does nothing if the mailbox is known.
    pub fn start_mailbox(
        &self,
        mailbox: &str,
        uidvalidity: i64,
        uidnext: i64,
        now: Seconds,
    ) -> Result<()> {
        self.connection.execute(
            "INSERT INTO mailboxes (mailbox, uidvalidity, uidnext, first_uid, started_at)
             VALUES (?1, ?2, ?3, ?3, ?4)
             ON CONFLICT (mailbox) DO NOTHING",
            params![mailbox, uidvalidity, uidnext, now],
        )?;
        Ok(())
    }

    /// Moves the cursor of a known mailbox as told.
    pub fn save_cursor(&self, mailbox: &str, uidvalidity: i64, uidnext: i64) -> Result<()> {
        let changed = self.connection.execute(
            "UPDATE mailboxes
             SET first_uid = CASE WHEN uidvalidity = ?2 THEN first_uid ELSE 1 END,
                 uidvalidity = ?2,
                 uidnext = ?3
             WHERE mailbox = ?1",
            params![mailbox, uidvalidity, uidnext],
        )?;
        ensure!(changed == 1, "the mailbox {mailbox} was never started");
        Ok(())
    }

    /// Begins a known mailbox again at UID 1, because its UIDs mean something else
    /// than before: UIDVALIDITY changed, or UIDNEXT went back and UIDs may be given
    /// out twice. What is known of UIDs under `uidvalidity` is forgotten; `history`
    /// are UIDs of mails that need nothing.
    pub fn restart_mailbox(&self, mailbox: &str, uidvalidity: i64, history: &[i64]) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "DELETE FROM seen_uids WHERE mailbox = ?1 AND uidvalidity = ?2",
            params![mailbox, uidvalidity],
        )?;
        note_as_seen(&transaction, mailbox, uidvalidity, history)?;
        let changed = transaction.execute(
            "UPDATE mailboxes
             SET uidvalidity = ?2, uidnext = 1, first_uid = 1, reconciled_at = NULL
             WHERE mailbox = ?1",
            params![mailbox, uidvalidity],
        )?;
        ensure!(changed == 1, "the mailbox {mailbox} was never started");
        Ok(transaction.commit()?)
    }

    /// Notes that all UIDs were compared with the store.
    pub fn mark_reconciled(&self, mailbox: &str, now: Seconds) -> Result<()> {
        let changed = self.connection.execute(
            "UPDATE mailboxes SET reconciled_at = ?2 WHERE mailbox = ?1",
            params![mailbox, now],
        )?;
        ensure!(changed == 1, "the mailbox {mailbox} was never started");
        Ok(())
    }

    /// The UIDs that were taken in, found known, or passed over.
    pub fn known_uids(&self, mailbox: &str, uidvalidity: i64) -> Result<BTreeSet<i64>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT uid FROM seen_uids WHERE mailbox = ?1 AND uidvalidity = ?2")?;
        let uids = statement.query_map(params![mailbox, uidvalidity], |row| row.get(0))?;
        Ok(uids.collect::<Result<_, _>>()?)
    }

    /// Notes UIDs whose mails are known to need nothing (compared by their
    /// headers on a rescan, or history).
    pub fn pass_over(&self, mailbox: &str, uidvalidity: i64, uids: &[i64]) -> Result<()> {
        let transaction = self.begin()?;
        note_as_seen(&transaction, mailbox, uidvalidity, uids)?;
        Ok(transaction.commit()?)
    }

    /// The notification with this Message-ID, without angle brackets.
    pub fn find_by_message_id(&self, message_id: &str) -> Result<Option<NotificationId>> {
        find(
            &self.connection,
            "SELECT id FROM notifications WHERE message_id = ?1",
            message_id,
        )
    }

    /// The mails that are kept because another has their Message-ID: for each the
    /// notification it conflicts with, in order of insertion.
    pub fn conflicts(&self) -> Result<Vec<NotificationId>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT notification FROM conflicts ORDER BY id")?;
        let ids = statement.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The mail as it came in.
    pub fn raw(&self, notification: NotificationId) -> Result<Vec<u8>> {
        // In pieces: a value of a row is there twice.
        let blob = self
            .connection
            .blob_open("main", "raw_mails", "raw", notification.0, true)
            .with_context(|| format!("there is no mail of notification {notification}"))?;
        let mut raw = vec![0; blob.len()];
        blob.read_at_exact(&mut raw, 0)?;
        Ok(raw)
    }

    /// When the last new mails came in, at most so many, in order of insertion
    /// (I19). What a person filed is no mail.
    pub fn last_received(&self, count: usize) -> Result<Vec<Seconds>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT received_at
             FROM (SELECT id, received_at
                   FROM notifications
                   WHERE id NOT IN (SELECT notification FROM filed)
                   ORDER BY id DESC
                   LIMIT ?1)
             ORDER BY id",
        )?;
        let times = statement.query_map([count], |row| row.get(0))?;
        Ok(times.collect::<Result<_, _>>()?)
    }

    /// When the last new mail came in.
    pub fn last_received_at(&self) -> Result<Option<Seconds>> {
        Ok(self
            .connection
            .query_row(
                "SELECT received_at
                 FROM notifications
                 WHERE id NOT IN (SELECT notification FROM filed)
                 ORDER BY id DESC
                 LIMIT 1",
                [],
                |row| row.get(0),
            )
            .optional()?)
    }
}

fn note_as_seen(
    connection: &Connection,
    mailbox: &str,
    uidvalidity: i64,
    uids: &[i64],
) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO seen_uids (mailbox, uidvalidity, uid, notification)
         VALUES (?1, ?2, ?3, NULL)
         ON CONFLICT DO NOTHING",
    )?;
    for uid in uids {
        statement.execute(params![mailbox, uidvalidity, uid])?;
    }
    Ok(())
}

fn recognise(connection: &Connection, mail: &IncomingMail<'_>, now: Seconds) -> Result<Taken> {
    let by_content = "SELECT id FROM notifications WHERE content_key = ?1";
    if let Some(id) = find(connection, by_content, mail.content_key)? {
        return Ok(Taken::Known(id));
    }
    let by_conflict = "SELECT notification FROM conflicts WHERE content_key = ?1";
    if let Some(id) = find(connection, by_conflict, mail.content_key)? {
        return Ok(Taken::Conflict(id));
    }
    if let Some(message_id) = mail.message_id {
        let by_message_id = "SELECT id FROM notifications WHERE message_id = ?1";
        if let Some(id) = find(connection, by_message_id, message_id)? {
            keep_conflict(connection, id, mail, now)?;
            return Ok(Taken::Conflict(id));
        }
    }
    insert(connection, mail, now).map(Taken::New)
}

fn insert(
    connection: &Connection,
    mail: &IncomingMail<'_>,
    now: Seconds,
) -> Result<NotificationId> {
    connection.execute(
        "INSERT INTO notifications (content_key, message_id, mailbox, received_at, truncated)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            mail.content_key,
            mail.message_id,
            mail.mailbox,
            now,
            mail.truncated
        ],
    )?;
    let id = NotificationId(connection.last_insert_rowid());
    // A bound value would be copied twice on its way into the pages.
    connection.execute(
        "INSERT INTO raw_mails (notification, raw) VALUES (?1, zeroblob(?2))",
        params![id, mail.raw.len()],
    )?;
    connection
        .blob_open("main", "raw_mails", "raw", id.0, false)?
        .write_all_at(mail.raw, 0)?;
    let detail = if mail.truncated {
        "only the beginning of the mail was fetched"
    } else {
        ""
    };
    audit::write_line(connection, Some(id), PROGRAM, "received", detail, now)?;
    Ok(id)
}

fn keep_conflict(
    connection: &Connection,
    id: NotificationId,
    mail: &IncomingMail<'_>,
    now: Seconds,
) -> Result<()> {
    connection.execute(
        "INSERT INTO conflicts (notification, content_key, received_at, truncated, raw)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, mail.content_key, now, mail.truncated, mail.raw],
    )?;
    let detail = "another mail came with the same Message-ID and other content";
    audit::write_line(connection, Some(id), PROGRAM, "conflict", detail, now)
}

fn find(connection: &Connection, sql: &str, key: &str) -> Result<Option<NotificationId>> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row([key], |row| row.get(0))
        .optional()?)
}
