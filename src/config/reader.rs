//! One table of the file, read setting by setting. Mistakes are collected, and
//! reading goes on.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::keys;
use crate::config::mistake::{Mistake, Place, Warning};
use crate::config::secrets::SecretSource;

/// A value of the file.
pub(crate) type Value<'t> = Spanned<DeValue<'t>>;

/// Why a value is no good.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// What is wrong with it: `is a number, not a text`.
    pub(crate) what: String,
    /// What to write instead.
    pub(crate) remedy: String,
    /// Where, if more exactly known than by the setting.
    pub(crate) at: Option<usize>,
    /// What else is wrong with the same value.
    pub(crate) others: Vec<Wrong>,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
            at: None,
            others: Vec::new(),
        }
    }
}

/// What reading a file collects, whichever table it is in.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) file: PathBuf,
    /// The byte at which each line begins.
    line_starts: Vec<usize>,
    /// Where something that is missing could be added: the last line.
    end: usize,
    /// Misspelt sections: what was meant, what is written.
    pub(crate) misspelt: Vec<(&'static str, String)>,
    pub(crate) mistakes: Vec<Mistake>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) secrets: Vec<SecretSource>,
}

impl Findings {
    pub(crate) fn new(file: &Path, text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.to_owned(),
            line_starts: std::iter::once(0)
                .chain(starts.map(|(at, _)| at + 1))
                .collect(),
            end: text.trim_end().len(),
            misspelt: Vec::new(),
            mistakes: Vec::new(),
            warnings: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// The line of a byte.
    pub(crate) fn place(&self, byte: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= byte);
        Place::new(&self.file, line)
    }

    pub(crate) fn mistake(&mut self, at: usize, what: String, remedy: String) {
        let place = self.place(at);
        self.mistakes.push(Mistake {
            place,
            what,
            remedy,
        });
    }

    pub(crate) fn warn(&mut self, at: usize, words: String) {
        let place = self.place(at);
        self.warnings.push(Warning { place, words });
    }
}

/// One table and what was asked of it.
pub(crate) struct Section<'a, 't> {
    name: &'static str,
    /// Absent where the file has no such table: every setting is then missing.
    table: Option<&'a DeTable<'t>>,
    /// Where the table's header stands, or the file's beginning.
    header: usize,
    asked: Vec<&'static str>,
    /// What has to be there and is not, with an example.
    missing: Vec<(&'static str, String)>,
    /// Something that is no table stands there, which is told already.
    is_told: bool,
    /// What `kind` was chosen, for messages.
    kind: Option<&'static str>,
    pub(crate) findings: &'a mut Findings,
}

impl<'a, 't> Section<'a, 't> {
    /// The table `name` (`drafts.versions` looks within `drafts`).
    pub(crate) fn open(
        root: &'a DeTable<'t>,
        name: &'static str,
        findings: &'a mut Findings,
    ) -> Self {
        let mut table = Some(root);
        let mut header = findings.end;
        let mut is_told = false;
        for part in name.split('.') {
            let written = findings.misspelt.iter().find(|(meant, _)| *meant == part);
            let part = written.map_or(part, |(_, written)| written);
            let found = table.and_then(|table| table.get_key_value(part));
            if let Some((key, _)) = found {
                header = key.span().start;
            }
            table = found.and_then(|(_, value)| value.get_ref().as_table());
            is_told |= found.is_some() && table.is_none();
        }
        Self {
            name,
            table,
            header,
            asked: Vec::new(),
            missing: Vec::new(),
            is_told,
            kind: None,
            findings,
        }
    }

    /// One table of several with the same name, and where it stands.
    pub(crate) fn of_table(
        table: &'a DeTable<'t>,
        header: usize,
        name: &'static str,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            name,
            table: Some(table),
            header,
            asked: Vec::new(),
            missing: Vec::new(),
            is_told: false,
            kind: None,
            findings,
        }
    }

    /// A setting that has to be there. `None` if it is not or is wrong.
    pub(crate) fn need<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&Value<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            self.missing.push((key, example.to_owned()));
            return None;
        }
        self.maybe(key, parse)
    }

    /// A setting that may be left out. `None` also once a mistake was noted.
    pub(crate) fn maybe<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&Value<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let (at, value) = self.find(key)?;
        match parse(value) {
            Ok(good) => Some(good),
            Err(wrong) => {
                self.wrong(at, key, wrong);
                None
            }
        }
    }

    /// A setting with a default, which also stands in once a mistake was noted.
    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        parse: impl FnOnce(&Value<'t>) -> Result<T, Wrong>,
    ) -> T {
        self.maybe(key, parse).unwrap_or(default)
    }

    /// The setting that decides which others have a meaning.
    pub(crate) fn kind<T: Copy>(&mut self, kinds: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        let example = format!("\"{}\"", names.join("\" or \""));
        let name = self.need("kind", &example, |value| {
            super::values::one_of(value, &names).map(str::to_owned)
        })?;
        let (name, kind) = kinds.iter().find(|(known, _)| *known == name)?;
        self.kind = Some(name);
        Some(*kind)
    }

    /// Every pair of a table whose keys are the user's own words.
    pub(crate) fn pairs<T>(
        &mut self,
        parse: impl Fn(&Value<'t>) -> Result<T, Wrong>,
    ) -> Vec<(String, T)> {
        let mut pairs = Vec::new();
        for (key, value) in self.table.into_iter().flat_map(|table| table.iter()) {
            match parse(value) {
                Ok(good) => pairs.push((key.get_ref().to_string(), good)),
                Err(wrong) => self.wrong(key.span().start, key.get_ref(), wrong),
            }
        }
        pairs
    }

    /// Where a setting stands, if it is there; counts as asked for.
    pub(crate) fn place_of(&mut self, key: &'static str) -> Option<usize> {
        self.find(key).map(|(at, _)| at)
    }

    /// Notes a mistake of a setting.
    pub(crate) fn wrong(&mut self, at: usize, key: &str, wrong: Wrong) {
        let what = format!("[{}] {key} {}", self.name, wrong.what);
        self.findings
            .mistake(wrong.at.unwrap_or(at), what, wrong.remedy);
        for other in wrong.others {
            self.wrong(at, key, other);
        }
    }

    /// Notes what is worth a look, if the setting is there.
    pub(crate) fn warn(&mut self, key: &'static str, words: &str) {
        if let Some(at) = self.place_of(key) {
            self.findings
                .warn(at, format!("[{}] {key} {words}", self.name));
        }
    }

    /// Notes what is missing, and every setting that nobody asked for. `inner`
    /// are the names of tables within this one.
    pub(crate) fn finish(mut self, inner: &[&str]) {
        let known = keys::of(self.name);
        for key in self.table.into_iter().flat_map(|table| table.keys()) {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) || inner.contains(&name) {
                continue;
            }
            let (what, remedy) = match (self.kind, known.contains(&name)) {
                (Some(kind), true) => (
                    format!("[{}] {name} has no meaning with kind = {kind:?}", self.name),
                    "remove it, or choose another kind".to_owned(),
                ),
                // Without a kind nobody knows what has a meaning.
                (None, true) => continue,
                _ => {
                    let all = known.iter().chain(inner).copied();
                    // It is there, only misspelt: one mistake, not two.
                    let meant = keys::nearest(name, all.clone());
                    self.missing.retain(|(key, _)| Some(*key) != meant);
                    (
                        format!("[{}] has no setting {name:?}", self.name),
                        did_you_mean(name, all),
                    )
                }
            };
            self.findings.mistake(key.span().start, what, remedy);
        }
        self.tell_missing();
    }

    fn tell_missing(&mut self) {
        let name = self.name;
        let missing = std::mem::take(&mut self.missing);
        if self.is_told {
            return;
        }
        if self.table.is_none() && !missing.is_empty() {
            let settings: Vec<String> = missing
                .iter()
                .map(|(key, example)| format!("{key} = {example}"))
                .collect();
            let remedy = format!("add it, with {}", settings.join(", "));
            let what = format!("the section [{name}] is missing");
            return self.findings.mistake(self.header, what, remedy);
        }
        for (key, example) in missing {
            let what = match self.kind {
                Some(kind) => format!("[{name}] {key} is missing (kind = {kind:?} needs it)"),
                None => format!("[{name}] {key} is missing"),
            };
            let remedy = format!("add to that section: {key} = {example}");
            self.findings.mistake(self.header, what, remedy);
        }
    }

    fn find(&mut self, key: &'static str) -> Option<(usize, &'a Value<'t>)> {
        debug_assert!(keys::of(self.name).contains(&key), "{key} is not in KEYS");
        self.asked.push(key);
        let (found, value) = self.table?.get_key_value(key)?;
        Some((found.span().start, value))
    }
}

/// The remedy for an unknown word.
pub(crate) fn did_you_mean<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    match keys::nearest(written, known.clone()) {
        Some(word) => format!("did you mean {word:?}?"),
        None => format!(
            "remove it; there are: {}",
            known.collect::<Vec<_>>().join(", ")
        ),
    }
}
