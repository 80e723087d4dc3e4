//! Where a setting stands, for findings that only come up later.

use std::fs;
use std::path::Path;

use toml::de::DeTable;

use crate::config::mistake::Place;
use crate::config::reader::Findings;

/// The line of `key` in `section` (`drafts.versions`); the file alone where it
/// is not written there.
pub fn place_of(file: &Path, section: &str, key: &str) -> Place {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = line_of(&text, section, key);
    line.map_or(Place::new(file, 0), |at| {
        Findings::new(file, &text).place(at)
    })
}

fn line_of(text: &str, section: &str, key: &str) -> Option<usize> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut table = root.get_ref();
    for part in section.split('.') {
        let (_, value) = table.get_key_value(part)?;
        table = value.get_ref().as_table()?;
    }
    let (key, _) = table.get_key_value(key)?;
    Some(key.span().start)
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn a_setting_has_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "[drafts]\na = 1\n[drafts.versions]\n\"3.x\" = \"x\"\n",
        )
        .unwrap();
        assert_eq!(place_of(file.path(), "drafts.versions", "3.x").line, 4);
        assert_eq!(place_of(file.path(), "drafts", "b").line, 0);
    }
}
