//! Whether a Roundup tracker can be used, in words.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::domain::finding::Finding;
use crate::http::Broken;
use crate::trackers::KnownNames;
use crate::trackers::roundup::Roundup;
use crate::trackers::roundup::shapes::Named;
use crate::trackers::trouble::Trouble;

impl Roundup {
    pub(crate) async fn check(&self) -> Vec<Finding> {
        let name = self.name();
        let mut findings = Vec::new();
        match self.names("status").await {
            Ok(statuses) => findings.push(self.look_at_statuses(&statuses)),
            Err(error) => {
                let remedy = match &error {
                    Trouble::Refused(answer) if answer.status == 403 => {
                        "The account's role needs 'Rest Access': ask those who run the tracker."
                    }
                    other => other.remedy(),
                };
                findings.push(Finding::bad(
                    format!("{name} cannot be read: {error}"),
                    remedy,
                ));
                return findings;
            }
        }
        let Some(user) = self.api.user() else {
            findings.push(Finding::doubtful(
                format!("{name} is read without an account"),
                "configure one to write",
            ));
            return findings;
        };
        match self.own_id().await {
            Ok(id) => findings.push(Finding::fine(format!(
                "{name} knows us as {user} (user{id})"
            ))),
            Err(trouble) => {
                let what = format!("{name} does not know us: {trouble}");
                let remedy = match &trouble {
                    Trouble::Broken(Broken::NotSent(_)) => "Check the account's name.",
                    other => other.remedy(),
                };
                findings.push(Finding::bad(what, remedy));
                return findings;
            }
        }
        for class in ["issue", "msg"] {
            findings.push(self.may_create(class).await);
        }
        for class in ["version", "component"] {
            findings.push(self.list_names(class).await);
        }
        findings
    }

    fn look_at_statuses(&self, statuses: &[Named]) -> Finding {
        let names: Vec<&str> = statuses
            .iter()
            .filter_map(|status| status.name.as_deref())
            .collect();
        let is_there = |closed: &&String| names.iter().any(|name| name.to_lowercase() == **closed);
        let what = format!("{} has the statuses {}", self.name(), names.join(", "));
        if self.closed_statuses.iter().any(|closed| is_there(&closed)) {
            return Finding::fine(what);
        }
        Finding::doubtful(
            format!("{what}; none of them is configured to mean that an issue is done"),
            "name those that do, or every issue counts as open",
        )
    }

    pub(crate) async fn known_names(&self) -> Result<KnownNames> {
        Ok(KnownNames {
            versions: Some(self.list_of("version").await?),
            components: Some(self.list_of("component").await?),
        })
    }

    async fn list_of(&self, class: &str) -> Result<Vec<String>> {
        let names = self.names(class).await.map_err(Trouble::into_error)?;
        Ok(names.into_iter().filter_map(|one| one.name).collect())
    }

    /// Posts nothing at all: the right is looked at before the fields are, and
    /// without fields nothing is made.
    async fn may_create(&self, class: &str) -> Finding {
        let path = format!("rest/data/{class}");
        let (things, right) = match class {
            "issue" => ("reports", "to create and edit issues (class issue)"),
            _ => (
                "the texts of reports and comments",
                "to create messages (class msg)",
            ),
        };
        let what = match self.api.write(Method::POST, &path, &json!({}), None).await {
            Err(Trouble::Refused(answer)) if answer.status == 400 => {
                let said = answer.words;
                if said.contains("No properties found") {
                    return Finding::fine(format!("the account may create {things}"));
                }
                said
            }
            Ok(answer) => answer.words(),
            Err(trouble) => trouble.to_string(),
        };
        Finding::bad(
            format!("the account may not create {things}: {what}"),
            format!("Ask those who run the tracker to give the account's role the right {right}."),
        )
    }

    async fn list_names(&self, class: &str) -> Finding {
        match self.names(class).await {
            Ok(names) => {
                let names: Vec<_> = names.into_iter().filter_map(|one| one.name).collect();
                Finding::fine(format!("{class}: {}", names.join(", ")))
            }
            Err(error) => Finding::doubtful(
                format!("the names of {class} cannot be read: {error}"),
                format!("configure no {class} for this tracker"),
            ),
        }
    }
}
