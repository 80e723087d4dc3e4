//! Whether the people who are asked by mail are reached: as far as the database knows,
//! because asking them would be a mail.

use crate::config::Config;
use crate::daemon;
use crate::desk::outside::mails_to;
use crate::domain::Seconds;
use crate::domain::finding::Finding;
use crate::store::Store;

/// Looks into the database, if there is one. What is wrong with that is told elsewhere.
pub(super) fn findings(config: &Config, now: Seconds) -> Vec<Finding> {
    let people = config.approvers.iter().flat_map(|it| &it.people);
    let path = daemon::database(config);
    let store = path.exists().then(|| Store::open(&path).ok()).flatten();
    let told = people.map(|person| {
        let name = person.name.as_str();
        let asked = store.as_ref().and_then(|store| store.asked(name).ok());
        match asked {
            None => Finding::fine(format!("{name} is asked at {}", person.address)),
            Some(asked) => {
                let words = format!(
                    "{name} is asked at {}: {}",
                    person.address,
                    mails_to(&asked, now)
                );
                match asked.fails() {
                    false => Finding::fine(words),
                    true => Finding::doubtful(
                        words,
                        "Check whether the address in [approvers.people] is right and \
                         whether `outgoing` is well; the log has all of it.",
                    ),
                }
            }
        }
    });
    told.collect()
}
