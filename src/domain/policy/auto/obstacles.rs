//! What keeps every automatic rule from a draft, whatever its conditions.

use crate::domain::failure::FailureKind;
use crate::domain::policy::auto::{Case, Goes};

impl Case {
    /// Why no rule decides on it, in words; `None` if rules may. What is wrong with
    /// the draft comes before what is only so for now.
    pub fn obstacle(&self) -> Option<String> {
        self.of_people()
            .or_else(|| self.of_reading())
            .or_else(|| self.of_failures())
            .or_else(|| self.unlike.clone())
            .or_else(|| self.of_age())
            .or_else(|| {
                let words = self.warnings.first()?;
                Some(format!("a person should know before: {words}"))
            })
            .or_else(|| self.of_now())
    }

    /// What a person has to do with it already.
    fn of_people(&self) -> Option<String> {
        if let Some(who) = &self.changed_by {
            return Some(format!("{who} changed the draft"));
        }
        if self.dealt_with {
            return Some("it was decided on before, and started over".to_owned());
        }
        let why = self.held.as_ref()?;
        Some(match why.as_str() {
            "" => "it is held".to_owned(),
            why => format!("it is held: {why}"),
        })
    }

    fn of_reading(&self) -> Option<String> {
        if self.secrets > 0 {
            return Some(format!(
                "{} secrets were taken out of its texts",
                self.secrets
            ));
        }
        if self.cut_off {
            return Some("only the beginning of the mail was fetched".to_owned());
        }
        let words = self.unread.first()?;
        Some(format!("not everything was read: {words}"))
    }

    fn of_failures(&self) -> Option<String> {
        if self.failures.is_empty() {
            return Some("nothing is known of what failed".to_owned());
        }
        for found in &self.failures {
            match (found.kind, found.goes) {
                (FailureKind::Infrastructure, _) => {
                    return Some(format!("{}: infrastructure, not a bug", found.what));
                }
                (FailureKind::Unknown, _) => {
                    return Some(format!("{}: what failed is not known", found.what));
                }
                (_, Goes::Unclear) => {
                    return Some(format!("{}: which report it is is not clear", found.what));
                }
                _ => {}
            }
        }
        self.undecided
            .then(|| "a report has to be chosen".to_owned())
    }

    fn of_age(&self) -> Option<String> {
        let greatest = self.around.max_action_age;
        (self.age > greatest).then(|| {
            format!(
                "the notification is {} h old; rules act up to {} h",
                self.age / 3600,
                greatest / 3600
            )
        })
    }

    fn of_now(&self) -> Option<String> {
        let around = &self.around;
        if let Some(why) = &around.stop {
            return Some(format!("STOP is on: {why}"));
        }
        if let Some(why) = &around.paused {
            return Some(format!("delivery is paused: {why}"));
        }
        if let Some(why) = &around.unfit_mirror {
            return Some(format!("the copy of the tracker may miss something: {why}"));
        }
        let (mails, reports) = (around.room, around.new_reports);
        if self.replies > mails {
            return Some(format!(
                "the caps leave rules room for {mails} more mails now"
            ));
        }
        (self.opens > reports)
            .then(|| format!("the caps leave rules room for {reports} more new reports now"))
    }
}
