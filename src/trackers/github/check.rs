//! Whether a GitHub repository can be used, in words.

use anyhow::Result;

use crate::domain::finding::Finding;
use crate::trackers::KnownNames;
use crate::trackers::github::GitHub;
use crate::trackers::github::changes::has_next;
use crate::trackers::github::shapes::{Label, Repository};
use crate::trackers::trouble::Trouble;

/// So many pages of 100 labels are looked at.
const MOST_PAGES: u32 = 20;

impl GitHub {
    pub(crate) async fn check(&self) -> Vec<Finding> {
        let name = self.name();
        let mut findings = Vec::new();
        if self.api.has_token() {
            match self.account().await {
                Ok(account) => {
                    findings.push(Finding::fine(format!(
                        "{name} knows us as {}",
                        account.login
                    )));
                }
                Err(trouble) => {
                    findings.push(self.not_known(&trouble));
                    return findings;
                }
            }
        } else {
            findings.push(Finding::doubtful(
                format!("{name} is read without a token, 60 requests an hour"),
                "configure one to write, and to read faster",
            ));
        }
        match self.api.get_of_repository("", &[]).await {
            Ok(answer) => match answer.json::<Repository>() {
                Ok(repository) => findings.extend(self.look_at(&repository)),
                Err(error) => {
                    findings.push(Finding::bad(error.to_string(), "check the API's address"));
                }
            },
            Err(trouble) => findings.push(unreachable(&name, &trouble)),
        }
        findings
    }

    /// The names of all labels. Versions are none of them: they stand in the
    /// text alone.
    pub(crate) async fn known_names(&self) -> Result<KnownNames> {
        let mut labels = Vec::new();
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let query = [("per_page", "100"), ("page", page.as_str())];
            let answer = self.api.get_of_repository("/labels", &query).await;
            let answer = answer.map_err(Trouble::into_error)?;
            let rows: Vec<Label> = answer.json()?;
            labels.extend(rows.iter().filter_map(Label::name).map(str::to_owned));
            if !has_next(&answer) {
                break;
            }
        }
        Ok(KnownNames {
            versions: None,
            components: Some(labels),
        })
    }

    fn not_known(&self, trouble: &Trouble) -> Finding {
        let name = self.name();
        match trouble {
            Trouble::Wait(wait) if wait.why.starts_with("401") => Finding::bad(
                format!("{name} does not take the token: {}", wait.why),
                "Make a new token and configure it.",
            ),
            Trouble::Refused(answer) if answer.status == 404 => Finding::bad(
                format!("GitHub's API is not at the configured url: {trouble}"),
                "Remove url for github.com; on a server of your own it is https://HOST/api/v3.",
            ),
            other => Finding::bad(format!("{name} cannot be asked: {other}"), other.remedy()),
        }
    }

    fn look_at(&self, repository: &Repository) -> Vec<Finding> {
        let name = self.name();
        let mut findings = Vec::new();
        if !repository.full_name.eq_ignore_ascii_case(&self.repository) {
            findings.push(Finding::doubtful(
                format!("{name} is now called {}", repository.full_name),
                "configure the new name; nothing can be written under the old one",
            ));
        }
        if repository.archived || !repository.has_issues {
            findings.push(Finding::bad(
                format!("{name} takes no issues (archived, or switched off)"),
                "configure another repository",
            ));
        }
        let may_label = repository
            .permissions
            .as_ref()
            .is_some_and(|rights| rights.triage || rights.push);
        if may_label {
            findings.push(Finding::fine(format!(
                "{name}: may open, comment and label"
            )));
        } else if self.api.has_token() {
            findings.push(Finding::doubtful(
                format!("{name}: may open and comment, but labels will be dropped"),
                "ask for the triage role, or configure no labels",
            ));
        }
        findings
    }
}

fn unreachable(name: &str, trouble: &Trouble) -> Finding {
    Finding::bad(format!("{name} cannot be read: {trouble}"), remedy(trouble))
}

/// What to do where the repository cannot be read.
pub(super) fn remedy(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Refused(answer) if answer.status == 404 => {
            "Check the repository's name; a private one needs a token that may read it."
        }
        Trouble::Refused(answer) if answer.status == 403 => {
            "Check the token's rights: issues, read and write."
        }
        other => other.remedy(),
    }
}
