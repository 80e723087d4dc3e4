//! A copy to try things on.

use std::path::Path;

use anyhow::{Context, Result};

use super::{NotificationId, Store};

impl Store {
    /// Writes everything into a new file, also while the daemon works. Fails if
    /// the file is there already.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        let name = path.to_str().context("the copy's path is no UTF-8")?;
        self.connection
            .execute("VACUUM INTO ?1", [name])
            .with_context(|| format!("cannot copy the database to {}", path.display()))?;
        Ok(())
    }

    /// Whether there is a notification of this number, readable or not.
    pub fn exists(&self, notification: NotificationId) -> Result<bool> {
        Ok(self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM notifications WHERE id = ?1)",
            [notification],
            |row| row.get(0),
        )?)
    }
}
