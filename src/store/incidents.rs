//! Incidents: which failures are of one kind, and what is known of each kind.
//!
//! Whether two failures are of one kind is said by their signatures: the same one
//! (also by a name it had in an earlier version), or nearly the same one. The same
//! test that fails in the same way at the same commit is of one kind, too: paths
//! and sizes differ between machines more than masking can level.
//!
//! Where an incident belongs is not stored: it is the report that was opened or
//! commented on for it last.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{DeliveryId, IncidentId, NotificationId, Store};
use crate::domain::Seconds;
use crate::domain::delivery::Receipt;
use crate::domain::draft::Counted;
use crate::domain::failure::Failure;
use crate::domain::issue::IssueRef;
use crate::domain::signature::{NearForm, Parts, near};

/// Most incidents of one test that a failure is compared with, the latest first.
const MOST_COMPARED: usize = 200;

/// Most reports of an incident that are looked at.
const MOST_REPORTS: usize = 5;

/// One failure of a notification that belongs to an incident.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a> {
    /// Which failure, counted from 0 over all builds of the notification.
    pub index: usize,
    /// What failed.
    pub failure: &'a Failure,
    /// Where.
    pub builder: &'a str,
    /// At which commit.
    pub revision: Option<&'a str>,
}

/// An incident as people list it.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentSummary {
    /// Its number.
    pub incident: IncidentId,
    /// The failure it began with.
    pub failure: Failure,
    /// When it began.
    pub began_at: Seconds,
    /// When it happened last.
    pub last_at: Seconds,
    /// Its notifications, ever.
    pub notifications: u64,
    /// Those of the last 24 hours, 7 days and 30 days.
    pub lately: [u64; 3],
    /// The builders it happened on, the most frequent first.
    pub builders: Vec<(String, u64)>,
}

/// The report a delivery comments on: what is frozen of it is JSON, unlike a mail.
macro_rules! commented_on {
    () => {
        "CASE deliveries.kind
            WHEN 'comment'
            THEN coalesce(
                json_extract(CAST(deliveries.frozen AS TEXT), '$.comment.issue.number'),
                json_extract(CAST(deliveries.frozen AS TEXT), '$.reopen.issue.number'))
         END"
    };
}

/// Of an occurrence: it came in after a comment at `?2`, or in the same second, and
/// no comment or report was made of it.
const AFTER_COMMENT: &str = concat!(
    "(at > ?2
     OR (at = ?2
         AND NOT EXISTS (
             SELECT 1
             FROM deliveries
             LEFT JOIN decisions ON decisions.notification = deliveries.notification
             LEFT JOIN settled_along ON settled_along.decision = decisions.id
             WHERE (deliveries.kind = 'open_issue' OR ",
    commented_on!(),
    " IS NOT NULL)
               AND occurrences.notification IN (deliveries.notification,
                                                settled_along.notification))))"
);

impl Store {
    /// Records which incidents a notification's failures belong to, and begins those
    /// that are not known yet. What was recorded of it before is replaced.
    pub fn note_occurrences(
        &self,
        notification: NotificationId,
        occurrences: &[Occurrence<'_>],
        at: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        transaction.execute(
            "DELETE FROM occurrences WHERE notification = ?1",
            [notification],
        )?;
        for one in occurrences {
            let incident = match find(&transaction, one.failure, one.revision)? {
                Some(incident) => incident,
                None => begin(&transaction, one.failure, at)?,
            };
            transaction.execute(
                "INSERT INTO occurrences (notification, failure, incident, builder, revision, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    notification,
                    one.index,
                    incident,
                    one.builder,
                    one.revision,
                    at
                ],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// The incidents of a notification's failures, by the failures' indexes.
    pub fn incidents_of(
        &self,
        notification: NotificationId,
    ) -> Result<BTreeMap<usize, IncidentId>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT failure, incident FROM occurrences WHERE notification = ?1")?;
        let rows = statement.query_map([notification], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The incidents of the open notifications that are attached to one.
    pub fn incidents_of_attached(
        &self,
        leader: NotificationId,
    ) -> Result<Vec<(NotificationId, IncidentId)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT notification, incident
             FROM notifications
             JOIN occurrences ON occurrences.notification = notifications.id
             WHERE attached_to = ?1 AND closed_reason IS NULL AND quarantined_why IS NULL",
        )?;
        let rows = statement.query_map([leader], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The incident that a failure at this commit belongs to, if it is known.
    pub fn incident_like(
        &self,
        failure: &Failure,
        revision: Option<&str>,
    ) -> Result<Option<IncidentId>> {
        find(&self.connection, failure, revision)
    }

    /// The reports that were opened or commented on for an incident, those for the
    /// latest notifications first, and no more than a few; of whatever tracker was
    /// configured then. That a rule commented somewhere says nothing of where it
    /// belongs; a report that was opened is there, whoever let it.
    pub fn reports_of(&self, incident: IncidentId) -> Result<Vec<IssueRef>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT deliveries.receipt
             FROM occurrences
             JOIN notifications ON notifications.id = occurrences.notification
             JOIN deliveries ON deliveries.notification
                                IN (notifications.id, notifications.attached_to)
             JOIN drafts ON drafts.notification = deliveries.notification
                        AND drafts.revision = deliveries.revision
             WHERE occurrences.incident = ?1
               AND deliveries.kind <> 'reply'
               AND deliveries.done_at IS NOT NULL
               AND (deliveries.kind = 'open_issue' OR NOT EXISTS (
                   SELECT 1 FROM decisions
                   WHERE decisions.id = deliveries.decision AND auto_rule IS NOT NULL))
               AND EXISTS (
                   SELECT 1
                   FROM json_each(drafts.draft, '$.incidents[' || deliveries.position || ']')
                   WHERE value = ?1)
             ORDER BY occurrences.at DESC, deliveries.id DESC
             LIMIT ?2",
        )?;
        let receipts = statement.query_map(params![incident, MOST_REPORTS], |row| {
            row.get::<_, String>(0)
        })?;
        let mut reports = Vec::new();
        for receipt in receipts {
            if let Ok(Receipt::Issue(issue)) = serde_json::from_str(&receipt?) {
                reports.push(issue);
            }
        }
        Ok(reports)
    }

    /// Notifications with a draft that is not delivered yet and that are about one
    /// of the incidents, themselves or by one that is attached to them, oldest first;
    /// all but one, where one is given.
    pub fn leads(
        &self,
        incidents: &[IncidentId],
        except: Option<NotificationId>,
    ) -> Result<Vec<NotificationId>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT notifications.id
             FROM json_each(?1) AS wanted
             JOIN occurrences ON occurrences.incident = wanted.value
             JOIN notifications AS about ON about.id = occurrences.notification
             JOIN notifications ON notifications.id IN (about.id, about.attached_to)
             WHERE notifications.id IS NOT ?2
               AND notifications.current_revision IS NOT NULL
               AND notifications.closed_reason IS NULL
               AND notifications.quarantined_why IS NULL
               AND (NOT EXISTS (
                        SELECT 1 FROM deliveries
                        WHERE notification = notifications.id AND withdrawn_at IS NULL)
                    OR EXISTS (
                        SELECT 1 FROM deliveries
                        WHERE notification = notifications.id AND withdrawn_at IS NULL
                          AND done_at IS NULL))
             ORDER BY notifications.id",
        )?;
        let numbers: Vec<i64> = incidents.iter().map(|incident| incident.0).collect();
        let ids = statement
            .query_map(params![serde_json::to_string(&numbers)?, except], |row| {
                row.get(0)
            })?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// When each report of a tracker was last commented on (or is being) at or after
    /// `since`, for other notifications than one: the moments of the claims.
    pub fn comments_since(
        &self,
        tracker: &str,
        since: Seconds,
        except: NotificationId,
    ) -> Result<BTreeMap<u64, Seconds>> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT ",
            commented_on!(),
            " AS issue, max(ledger.at)
             FROM ledger
             JOIN deliveries ON deliveries.id = ledger.delivery
             WHERE ledger.kind = 'comment'
               AND ledger.at >= ?2
               AND ledger.target = ?1
               AND deliveries.failed_why IS NULL
               AND deliveries.claimed_at IS NOT NULL
               AND deliveries.notification <> ?3
             GROUP BY issue
             HAVING issue IS NOT NULL",
        ))?;
        let rows = statement.query_map(params![tracker, since, except], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How often, and when last, failures of some incidents happened on each builder
    /// after a comment at `since`, the most frequent first.
    pub fn counted_since(&self, incidents: &[IncidentId], since: Seconds) -> Result<Vec<Counted>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT builder, count(DISTINCT notification) AS times, max(at)
             FROM occurrences
             WHERE incident IN (SELECT value FROM json_each(?1)) AND {AFTER_COMMENT}
             GROUP BY builder
             ORDER BY times DESC, builder",
        ))?;
        let numbers: Vec<i64> = incidents.iter().map(|incident| incident.0).collect();
        let rows =
            statement.query_map(params![serde_json::to_string(&numbers)?, since], |row| {
                Ok(Counted {
                    builder: row.get(0)?,
                    times: row.get(1)?,
                    last_at: row.get(2)?,
                })
            })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last comment on a report of a tracker that was made, by its delivery.
    pub fn last_comment(&self, tracker: &str, issue: u64) -> Result<Option<DeliveryId>> {
        Ok(self
            .connection
            .prepare_cached(concat!(
                "SELECT deliveries.id
                 FROM deliveries
                 JOIN ledger ON ledger.delivery = deliveries.id
                 WHERE ledger.kind = 'comment'
                   AND ledger.target = ?1
                   AND deliveries.done_at IS NOT NULL
                   AND ",
                commented_on!(),
                " = ?2
                 ORDER BY ledger.id DESC
                 LIMIT 1",
            ))?
            .query_row(params![tracker, issue], |row| row.get(0))
            .optional()?)
    }

    /// Which notifications of an incident came in after a comment at `since` and
    /// before one.
    pub fn happened_since(
        &self,
        incident: IncidentId,
        since: Seconds,
        before: NotificationId,
    ) -> Result<Vec<NotificationId>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT DISTINCT notification
             FROM occurrences
             WHERE incident = ?1 AND notification < ?3 AND {AFTER_COMMENT}",
        ))?;
        let ids = statement.query_map(params![incident, since, before], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The incidents, the one that happened last first.
    pub fn incidents(&self, now: Seconds, limit: usize) -> Result<Vec<IncidentSummary>> {
        const DAY: Seconds = 86_400;
        let mut statement = self.connection.prepare_cached(
            "SELECT incidents.id, incidents.failure, incidents.began_at, max(at) AS last_at,
                    count(DISTINCT notification),
                    count(DISTINCT CASE WHEN at > ?1 THEN notification END),
                    count(DISTINCT CASE WHEN at > ?2 THEN notification END),
                    count(DISTINCT CASE WHEN at > ?3 THEN notification END)
             FROM incidents
             JOIN occurrences ON occurrences.incident = incidents.id
             GROUP BY incidents.id
             ORDER BY last_at DESC, incidents.id DESC
             LIMIT ?4",
        )?;
        let since = [1, 7, 30].map(|days| now - days * DAY);
        let [day, week, month] = since;
        let rows = statement.query_map(params![day, week, month, limit], |row| Ok(summary(row)))?;
        let mut found = Vec::new();
        for row in rows {
            let mut one = row??;
            one.builders = self.builders_of(one.incident)?;
            found.push(one);
        }
        Ok(found)
    }

    fn builders_of(&self, incident: IncidentId) -> Result<Vec<(String, u64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT builder, count(DISTINCT notification) AS times
             FROM occurrences
             WHERE incident = ?1
             GROUP BY builder
             ORDER BY times DESC, builder",
        )?;
        let rows = statement.query_map([incident], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The row without its builders.
fn summary(row: &Row<'_>) -> Result<IncidentSummary> {
    let failure: String = row.get(1)?;
    Ok(IncidentSummary {
        incident: row.get(0)?,
        failure: serde_json::from_str(&failure)?,
        began_at: row.get(2)?,
        last_at: row.get(3)?,
        notifications: row.get(4)?,
        lately: [row.get(5)?, row.get(6)?, row.get(7)?],
        builders: Vec::new(),
    })
}

fn begin(connection: &Connection, failure: &Failure, at: Seconds) -> Result<IncidentId> {
    Ok(connection.query_row(
        "INSERT INTO incidents (signature, test, failure, began_at)
         VALUES (?1, ?2, ?3, ?4)
         RETURNING id",
        params![
            failure.signature.0,
            failure.test.qualified(),
            serde_json::to_string(failure)?,
            at
        ],
        |row| row.get(0),
    )?)
}

fn find(
    connection: &Connection,
    failure: &Failure,
    revision: Option<&str>,
) -> Result<Option<IncidentId>> {
    if let Some(exact) = find_exactly(connection, failure)? {
        return Ok(Some(exact));
    }
    let own = NearForm::of(&Parts::of(failure));
    let mut statement = connection.prepare_cached(
        "SELECT id, failure FROM incidents WHERE test = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let known = statement.query_map(params![failure.test.qualified(), MOST_COMPARED], |row| {
        Ok((row.get::<_, IncidentId>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut nearest: Option<(f32, IncidentId)> = None;
    let mut at_this_commit = None;
    for row in known {
        let (incident, known) = row?;
        // What a later version of the program wrote may not be readable.
        let Ok(known) = serde_json::from_str::<Failure>(&known) else {
            continue;
        };
        if let Some(distance) = near(&own, &NearForm::of(&Parts::of(&known)))
            && nearest.is_none_or(|(least, _)| distance < least)
        {
            nearest = Some((distance, incident));
        }
        if at_this_commit.is_none()
            && fails_alike(&known, failure)
            && happened_at(connection, incident, revision)?
        {
            at_this_commit = Some(incident);
        }
    }
    Ok(nearest.map(|(_, incident)| incident).or(at_this_commit))
}

/// By the signature, or a name it had in an earlier version.
fn find_exactly(connection: &Connection, failure: &Failure) -> Result<Option<IncidentId>> {
    Ok(connection
        .prepare_cached(
            "WITH RECURSIVE called (name) AS (
                 SELECT ?1
                 UNION
                 SELECT old FROM signature_map JOIN called ON new = name
             )
             SELECT id
             FROM incidents
             WHERE signature IN called
             ORDER BY signature = ?1 DESC, id DESC
             LIMIT 1",
        )?
        .query_row([&failure.signature.0], |row| row.get(0))
        .optional()?)
}

/// The same named test, in the same way, with the same exception.
fn fails_alike(one: &Failure, other: &Failure) -> bool {
    one.test.method.is_some()
        && one.test == other.test
        && one.kind == other.kind
        && one.exception == other.exception
}

fn happened_at(
    connection: &Connection,
    incident: IncidentId,
    revision: Option<&str>,
) -> Result<bool> {
    let Some(revision) = revision else {
        return Ok(false);
    };
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM occurrences WHERE incident = ?1 AND revision = ?2)",
        )?
        .query_row(params![incident, revision], |row| row.get(0))?)
}
