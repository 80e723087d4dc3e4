//! Automatic rules: how each stands, and what one decides.

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::decisions::{approve_within, refuse_held, the_draft_shown};
use super::notifications::insert_draft;
use super::{
    Decided, DecisionId, NewDecision, NotDecided, NotificationId, PROGRAM, Store, Switch, audit,
    switches,
};
use crate::domain::Seconds;
use crate::domain::delivery::DeliveryKind;
use crate::domain::draft::Draft;

/// How a rule stands that is meant to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoState {
    /// It decides.
    On,
    /// It never did, because it was not right often enough so far.
    Waiting,
    /// It did, and was wrong too often since: a person has to let it go on.
    Suspended,
}

/// A rule that is meant to act, as the service last looked at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoRow {
    /// Its name.
    pub name: String,
    /// What it said then: [`crate::domain::policy::auto::AutoRule::digest`].
    pub digest: String,
    /// How it stands.
    pub state: AutoState,
    /// What lets it act, or keeps it from that, in words.
    pub why: String,
    /// Since when it stands so.
    pub since: Seconds,
}

impl AutoState {
    /// One word: `on`, `waiting`, `suspended`.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::On, Self::Waiting, Self::Suspended]
            .into_iter()
            .find(|state| state.name() == name)
    }

    /// For the audit trail.
    fn in_words(self) -> &'static str {
        match self {
            Self::On => "is on",
            Self::Waiting => "is in shadow",
            Self::Suspended => "went back to shadow until a person lets it go on",
        }
    }
}

impl Store {
    /// How the rules stand that are meant to act, by name.
    pub fn auto_rules(&self) -> Result<Vec<AutoRow>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, digest, state, why, since FROM auto_rules ORDER BY name",
        )?;
        let rows = statement.query_map([], |row| Ok(auto_row(row)))?;
        rows.map(|row| row?).collect()
    }

    /// How one of them stands; `None` if the service did not look at it yet.
    pub fn auto_rule(&self, name: &str) -> Result<Option<AutoRow>> {
        one(&self.connection, name)
    }

    /// Keeps how a rule stands. The trail tells when it stands otherwise than before,
    /// and when it is another rule by the same name.
    pub fn set_auto_rule(
        &self,
        (name, digest): (&str, &str),
        state: AutoState,
        why: &str,
        now: Seconds,
    ) -> Result<()> {
        let transaction = self.begin()?;
        let before = one(&transaction, name)?;
        let is_same = before
            .as_ref()
            .is_some_and(|it| it.digest == digest && it.state == state);
        let since = before.filter(|_| is_same).map_or(now, |it| it.since);
        transaction.execute(
            "INSERT INTO auto_rules (name, digest, state, why, since)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE
             SET digest = excluded.digest, state = excluded.state, why = excluded.why,
                 since = excluded.since",
            params![name, digest, state.name(), why, since],
        )?;
        if !is_same {
            let detail = format!("{name} {}: {why}", state.in_words());
            audit::write_line(&transaction, None, PROGRAM, "auto rule", &detail, now)?;
        }
        Ok(transaction.commit()?)
    }

    /// Forgets the rules that are not meant to act any more. One that was suspended is
    /// kept in mind: a person has to let go of it, also when it comes back.
    pub fn forget_auto_rules(&self, kept: &[&str], now: Seconds) -> Result<()> {
        let transaction = self.begin()?;
        for gone in self.auto_rules()? {
            if gone.state == AutoState::Suspended || kept.contains(&gone.name.as_str()) {
                continue;
            }
            transaction.execute("DELETE FROM auto_rules WHERE name = ?1", [&gone.name])?;
            let detail = format!("{} is not meant to act any more", gone.name);
            audit::write_line(&transaction, None, PROGRAM, "auto rule", &detail, now)?;
        }
        Ok(transaction.commit()?)
    }

    /// A person lets a suspended rule go on: it is looked at anew, and acts if it is
    /// right often enough. Says what it was suspended for; `None` if it was not.
    pub fn resume_auto_rule(&self, name: &str, who: &str, now: Seconds) -> Result<Option<AutoRow>> {
        let transaction = self.begin()?;
        let was = one(&transaction, name)?.filter(|it| it.state == AutoState::Suspended);
        if was.is_some() {
            transaction.execute("DELETE FROM auto_rules WHERE name = ?1", [name])?;
            let detail = format!("{name} may go on, once it is right often enough");
            audit::write_line(&transaction, None, who, "auto rule", &detail, now)?;
        }
        transaction.commit()?;
        Ok(was)
    }

    /// A rule approves a draft: in one transaction the revision whose texts name the
    /// rule, the decision on exactly that, and its outbox rows. `shown` is the draft
    /// that the rule was asked about; it has to be the program's own, and current.
    pub fn approve_by_rule(
        &self,
        shown: &NewDecision<'_>,
        draft: &Draft,
        now: Seconds,
    ) -> Result<Decided, NotDecided> {
        let transaction = self.begin()?;
        for switch in [Switch::Stop, Switch::Pause] {
            if let Some(on) = switches::read(&transaction, switch)? {
                return Err(NotDecided::Held {
                    why: on.reason,
                    who: on.who,
                });
            }
        }
        let before = the_draft_shown(&transaction, shown)?;
        refuse_held(&transaction, shown.notification)?;
        if before.made_by != PROGRAM {
            return Err(NotDecided::Revised {
                shown: shown.revision,
                current: before.revision,
                made_by: before.made_by,
                made_at: before.made_at,
            });
        }
        let id = shown.notification;
        let revised = insert_draft(&transaction, id, draft, PROGRAM, now)?;
        let decision = NewDecision {
            revision: revised.revision,
            digest: &revised.digest,
            ..*shown
        };
        approve_within(transaction, &decision, now)
    }

    /// The rule behind a decision and when it decided; `None` if a person did.
    pub fn rule_behind(&self, decision: DecisionId) -> Result<Option<(String, Seconds)>> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT auto_rule, at FROM decisions WHERE id = ?1 AND auto_rule IS NOT NULL",
            )?
            .query_row([decision], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// The drafts that the program made, on which nothing was ever decided, that nobody
    /// holds, and whose notifications came in at or after `since`, the oldest first, each
    /// with its revision.
    pub fn undecided_since(
        &self,
        since: Seconds,
        limit: usize,
    ) -> Result<Vec<(NotificationId, u32)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT notifications.id, drafts.revision
             FROM notifications
             JOIN drafts ON drafts.notification = notifications.id
                        AND drafts.revision = notifications.current_revision
             WHERE closed_reason IS NULL
               AND quarantined_why IS NULL
               AND held_why IS NULL
               AND received_at >= ?1
               AND drafts.made_by = ?2
               AND NOT EXISTS (
                   SELECT 1 FROM decisions WHERE decisions.notification = notifications.id)
             ORDER BY notifications.id
             LIMIT ?3",
        )?;
        let ids = statement.query_map(params![since, PROGRAM, limit], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// How many effects of a kind are approved and not claimed yet.
    pub fn left_to_come(&self, kind: DeliveryKind) -> Result<u64> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT count(*)
                 FROM deliveries
                 WHERE kind = ?1 AND claimed_at IS NULL AND done_at IS NULL
                   AND failed_why IS NULL AND withdrawn_at IS NULL",
            )?
            .query_row([kind.name()], |row| row.get(0))?)
    }
}

fn one(connection: &Connection, name: &str) -> Result<Option<AutoRow>> {
    connection
        .prepare_cached("SELECT name, digest, state, why, since FROM auto_rules WHERE name = ?1")?
        .query_row([name], |row| Ok(auto_row(row)))
        .optional()?
        .transpose()
}

fn auto_row(row: &Row<'_>) -> Result<AutoRow> {
    let state: String = row.get(2)?;
    Ok(AutoRow {
        name: row.get(0)?,
        digest: row.get(1)?,
        state: AutoState::from_name(&state)
            .with_context(|| format!("a rule in an unknown state: {state}"))?,
        why: row.get(3)?,
        since: row.get(4)?,
    })
}
