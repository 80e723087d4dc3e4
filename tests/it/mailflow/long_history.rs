//! A long history made of a short one: a draft that a person approved, many times over,
//! as if that many notifications had come in and people had decided on each.

use std::ops::Range;
use std::path::Path;

use buildbot_watch::domain::draft::Draft;
use rusqlite::{Connection, params};

/// So many incidents share one half of it; the other half belongs to the first one, as
/// of a test that fails now and then for years.
const INCIDENTS: u32 = 300;

/// Of so many the last one was rejected.
const REJECTED: u32 = 50;

/// Repeats the decision on a notification that was approved and has left, once for each
/// number. The program must not run.
pub fn lengthen(database: &Path, template: i64, numbers: Range<u32>) {
    let mut connection = Connection::open(database).expect("a database");
    connection
        .pragma_update(None, "synchronous", "OFF")
        .expect("a setting");
    let transaction = connection.transaction().expect("a transaction");
    let like = Like::read(&transaction, template);
    for n in numbers {
        like.again(&transaction, n);
    }
    transaction.commit().expect("a history");
}

/// What every notification of it is like.
struct Like {
    template: i64,
    signature: String,
    incident: i64,
    draft: Draft,
}

impl Like {
    fn read(connection: &Connection, template: i64) -> Self {
        let read = "SELECT incidents.id, incidents.signature, draft
                    FROM notifications
                    JOIN drafts ON drafts.notification = notifications.id
                               AND drafts.revision = current_revision
                    JOIN occurrences ON occurrences.notification = notifications.id
                    JOIN incidents ON incidents.id = incident
                    WHERE notifications.id = ?1";
        connection
            .query_row(read, [template], |row| {
                let draft: String = row.get(2)?;
                Ok(Self {
                    template,
                    incident: row.get(0)?,
                    signature: row.get(1)?,
                    draft: serde_json::from_str(&draft).expect("a draft"),
                })
            })
            .expect("a draft of one failure")
    }

    fn again(&self, connection: &Connection, n: u32) {
        let (incident, signature) = match n.is_multiple_of(2) {
            false => (self.incident, self.signature.clone()),
            true => self.another(connection, n / 2 % INCIDENTS),
        };
        let id = self.notification(connection, n, (incident, &signature));
        let digest = self.draft(connection, id, incident);
        match (n + 1).is_multiple_of(REJECTED) {
            true => reject(connection, id, &digest),
            false => self.approve(connection, (id, &signature), &digest),
        }
    }

    /// One that came in and failed in this way; gives its number.
    fn notification(
        &self,
        connection: &Connection,
        n: u32,
        (incident, signature): (i64, &str),
    ) -> i64 {
        let id = insert(
            connection,
            "INSERT INTO notifications (content_key, message_id, mailbox, received_at, truncated,
                                        reading, verdicts)
             SELECT content_key || ?2, message_id || ?2, mailbox, received_at, truncated,
                    replace(reading, ?3, ?4), replace(verdicts, ?3, ?4)
             FROM notifications WHERE id = ?1",
            params![self.template, n, self.signature, signature],
        );
        insert(
            connection,
            "INSERT INTO occurrences (notification, failure, incident, builder, revision, at)
             SELECT ?2, failure, ?3, builder, revision, at
             FROM occurrences WHERE notification = ?1",
            params![self.template, id, incident],
        );
        id
    }

    /// Its draft; gives the digest.
    fn draft(&self, connection: &Connection, id: i64, incident: i64) -> String {
        let draft = Draft {
            incidents: vec![vec![incident]],
            ..self.draft.clone()
        };
        let text = serde_json::to_string(&draft).expect("JSON");
        let digest = draft.digest();
        insert(
            connection,
            "INSERT INTO drafts (notification, revision, draft, digest, made_at, made_by)
             VALUES (?1, 1, ?2, ?3, unixepoch(), 'buildbot-watch')",
            params![id, text, digest],
        );
        connection
            .execute(
                "UPDATE notifications SET current_revision = 1 WHERE id = ?1",
                [id],
            )
            .expect("a draft");
        digest
    }

    fn approve(&self, connection: &Connection, (id, signature): (i64, &str), digest: &str) {
        let decision = decide(connection, id, digest, "approve");
        insert(
            connection,
            "INSERT INTO deliveries (notification, revision, position, kind, decision, done_at,
                                     receipt)
             SELECT ?2, 1, position, kind, ?3, done_at, receipt
             FROM deliveries WHERE notification = ?1",
            params![self.template, id, decision],
        );
        insert(
            connection,
            "INSERT INTO pairs (tracker, signature, issue, word, notification, who, at)
             SELECT tracker, ?2, issue, 'confirmed', ?3, who, unixepoch()
             FROM pairs WHERE signature = ?1
             ON CONFLICT DO UPDATE SET notification = excluded.notification",
            params![self.signature, signature, id],
        );
    }

    /// Another incident: that of the template with a signature of its own.
    fn another(&self, connection: &Connection, number: u32) -> (i64, String) {
        let kept = &self.signature[..self.signature.len() - 4];
        let signature = format!("{kept}{number:04x}");
        let make = "INSERT INTO incidents (signature, test, failure, began_at)
                    SELECT ?2, test || ?2, replace(failure, signature, ?2), began_at
                    FROM incidents WHERE id = ?1
                    ON CONFLICT DO NOTHING";
        connection
            .execute(make, params![self.incident, signature])
            .expect("an incident");
        let id = connection
            .query_row(
                "SELECT id FROM incidents WHERE signature = ?1",
                [&signature],
                |row| row.get(0),
            )
            .expect("an incident");
        (id, signature)
    }
}

fn reject(connection: &Connection, id: i64, digest: &str) {
    decide(connection, id, digest, "reject");
    connection
        .execute(
            "UPDATE notifications
             SET closed_reason = 'rejected', closed_note = 'no', closed_at = unixepoch()
             WHERE id = ?1",
            [id],
        )
        .expect("it is closed");
}

/// Gives the number of the decision.
fn decide(connection: &Connection, id: i64, digest: &str, kind: &str) -> i64 {
    insert(
        connection,
        "INSERT INTO decisions (notification, revision, digest, kind, who, reason, at)
         VALUES (?1, 1, ?2, ?3, 'Ada Lovelace', '', unixepoch())",
        params![id, digest, kind],
    )
}

/// Gives the number of the last row.
fn insert(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> i64 {
    connection.execute(sql, values).expect(sql);
    connection.last_insert_rowid()
}
