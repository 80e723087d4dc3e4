//! The file of rules: which failures belong to which bug report.
//!
//! ```toml
//! [[rule]]
//! name = "ssl-timeout"
//! issue = 48913
//! when = 'module == "test_ssl" && log ~ /timed out/'
//! note = "until the server is moved"
//! sample = { module = "test_ssl", log = "TimeoutError: timed out" }
//! ```

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::mistake::{Mistake, Mistakes, Place};
use crate::config::reader::{Findings, Value, Wrong, did_you_mean};
use crate::config::values;
use crate::domain::rules::{
    Condition, Field, MAX_NAME, MAX_PATTERNS, MAX_RULES, Rule, Rulebook, Subject, parse,
};

/// A file of rules is not larger, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// The settings of a rule.
const KEYS: [&str; 5] = ["name", "issue", "when", "sample", "note"];

/// Reads a file of rules.
///
/// # Errors
///
/// Every mistake of the file.
pub fn rules_of(file: &Path) -> Result<Rulebook, Mistakes> {
    let (rulebook, mistakes) = read(file);
    if mistakes.is_empty() {
        return Ok(rulebook);
    }
    Err(Mistakes::sorted(mistakes))
}

/// The rules that are good, and everything that is wrong.
pub(crate) fn read(file: &Path) -> (Rulebook, Vec<Mistake>) {
    let text = match text_of(file) {
        Ok(text) => text,
        Err(mistake) => return (Rulebook::none(), vec![mistake]),
    };
    let mut findings = Findings::new(file, &text);
    let (root, broken) = DeTable::parse_recoverable(&text);
    for error in &broken {
        let at = error.span().map_or(0, |span| span.start);
        let what = format!("this is not TOML: {}", error.message());
        let remedy = "a text stands in \"quotes\", a condition best in 'single' ones, a table in \
                      { braces }; see the README";
        findings.mistake(at, what, remedy.to_owned());
    }
    // What follows from broken syntax is not worth saying.
    if !broken.is_empty() {
        let mut mistakes = findings.mistakes;
        mistakes.dedup_by(|one, other| one.place == other.place);
        return (Rulebook::none(), mistakes);
    }
    let mut reader = Reader {
        text: &text,
        findings: &mut findings,
    };
    let rules = reader.rules(root.get_ref());
    reader.across(&rules);
    (Rulebook::new(rules), findings.mistakes)
}

fn text_of(file: &Path) -> Result<String, Mistake> {
    let mistake = |what, remedy: &str| Mistake {
        place: Place::new(file, 0),
        what,
        remedy: remedy.to_owned(),
    };
    let size = fs::metadata(file).map_or(0, |about| about.len());
    if size > MAX_SIZE {
        let what = format!("is larger than {} MiB", MAX_SIZE / 1024 / 1024);
        return Err(mistake(what, "name a file of rules"));
    }
    fs::read_to_string(file).map_err(|error| {
        mistake(
            format!("cannot be read: {error}"),
            "create it, correct the path, or let the user that runs buildbot-watch read it",
        )
    })
}

struct Reader<'a> {
    text: &'a str,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn rules(&mut self, root: &DeTable<'_>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (key, value) in root {
            let at = key.span().start;
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("rule", DeValue::Array(items)) => {
                    rules.extend(items.iter().filter_map(|item| self.rule(item)));
                }
                ("rule", _) => self.findings.mistake(
                    at,
                    "rule is not a list of tables".to_owned(),
                    "write a line [[rule]], and the rule below it".to_owned(),
                ),
                (name, _) => self.findings.mistake(
                    at,
                    format!("{name} means nothing here"),
                    "write a line [[rule]] before each rule".to_owned(),
                ),
            }
        }
        rules
    }

    /// One rule; none if a mistake was noted.
    fn rule(&mut self, item: &Value<'_>) -> Option<Rule> {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            let wrong = Wrong::new(
                "is not a table",
                "write a line [[rule]], and the rule below",
            );
            self.wrong(at, "rule", wrong);
            return None;
        };
        let name = self.need(table, at, "name", "\"ssl-timeout\"", name);
        let title = name.clone().unwrap_or_else(|| "rule".to_owned());
        let of = |key: &str| format!("{title}: {key}");
        self.unknown_keys(table, &title);
        let issue = self.need_of(table, at, ("issue", &of("issue")), "48913", issue);
        let example = "'module == \"test_os\"'";
        let when = self.need_of(table, at, ("when", &of("when")), example, |value| {
            values::string(value).map(str::to_owned)
        });
        let condition = when.as_ref().and_then(|when| {
            let written = table.get("when")?;
            self.condition(written, when, &title)
        });
        let example = "{ module = \"test_os\" }";
        let sample = self.need_of(table, at, ("sample", &of("sample")), example, sample);
        let note = self.maybe_of(table, ("note", &of("note")), values::text);
        Some(Rule {
            name: name?,
            issue: issue?,
            when: when?,
            condition: condition?,
            sample: sample?,
            note: note.ok()?,
            line: self.findings.place(at).line,
        })
    }

    /// What holds for all rules together.
    fn across(&mut self, rules: &[Rule]) {
        let file = self.findings.file.clone();
        let mut tell = |line, what, remedy: &str| {
            self.findings.mistakes.push(Mistake {
                place: Place::new(&file, line),
                what,
                remedy: remedy.to_owned(),
            });
        };
        for (index, rule) in rules.iter().enumerate() {
            let mut earlier = rules.iter().take(index);
            if let Some(first) = earlier.find(|it| it.name == rule.name) {
                let what = format!("{}: line {} has this name already", rule.name, first.line);
                tell(rule.line, what, "give one of them another name");
            }
        }
        if let Some(rule) = rules.get(MAX_RULES) {
            let what = format!("there are more than {MAX_RULES} rules");
            tell(rule.line, what, "remove those of reports that are closed");
        }
        let patterns: usize = rules.iter().map(|rule| rule.condition.patterns()).sum();
        if patterns > MAX_PATTERNS {
            let what = format!("the rules have {patterns} patterns, more than {MAX_PATTERNS}");
            tell(0, what, "compare with == where that will do");
        }
    }

    /// Reads the condition; a mistake is told at its own line where that is known.
    fn condition(&mut self, written: &Value<'_>, when: &str, title: &str) -> Option<Condition> {
        let faults = match parse(when) {
            Ok(condition) => return Some(condition),
            Err(faults) => faults,
        };
        let span = written.span();
        let raw = self.text.get(span.clone()).unwrap_or_default();
        // Not there if the text has escapes; then the line of its beginning has to do.
        let begin = raw.find(when);
        for fault in faults {
            let at = begin.map_or(span.start, |begin| span.start + begin + fault.at);
            let column = when
                .get(..fault.at)
                .and_then(|before| before.rsplit('\n').next())
                .map_or(0, |before| before.chars().count());
            let what = format!("{title}: when, column {}: {}", column + 1, fault.what);
            self.findings.mistake(at, what, fault.remedy);
        }
        None
    }

    fn unknown_keys(&mut self, table: &DeTable<'_>, title: &str) {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !KEYS.contains(&name) {
                let what = format!("{title}: a rule has no {name:?}");
                let remedy = did_you_mean(name, KEYS.into_iter());
                self.findings.mistake(key.span().start, what, remedy);
            }
        }
    }

    fn need<T>(
        &mut self,
        table: &DeTable<'_>,
        at: usize,
        key: &str,
        example: &str,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.need_of(table, at, (key, &format!("rule: {key}")), example, parse)
    }

    /// A setting that has to be there, with what it is called in messages.
    fn need_of<T>(
        &mut self,
        table: &DeTable<'_>,
        at: usize,
        (key, called): (&str, &str),
        example: &str,
        parse: impl FnOnce(&Value<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        if table.get(key).is_none() {
            let wrong = Wrong::new("is missing", format!("add to the rule: {key} = {example}"));
            self.wrong(at, called, wrong);
            return None;
        }
        self.maybe_of(table, (key, called), parse).ok().flatten()
    }

    /// A setting that may be left out; an error once a mistake was noted.
    fn maybe_of<T>(
        &mut self,
        table: &DeTable<'_>,
        (key, called): (&str, &str),
        parse: impl FnOnce(&Value<'_>) -> Result<T, Wrong>,
    ) -> Result<Option<T>, ()> {
        let Some((found, value)) = table.get_key_value(key) else {
            return Ok(None);
        };
        parse(value).map(Some).map_err(|wrong| {
            self.wrong(found.span().start, called, wrong);
        })
    }

    fn wrong(&mut self, at: usize, called: &str, wrong: Wrong) {
        let what = format!("{called} {}", wrong.what);
        self.findings
            .mistake(wrong.at.unwrap_or(at), what, wrong.remedy);
        for other in wrong.others {
            self.wrong(at, called, other);
        }
    }
}

fn name(value: &Value<'_>) -> Result<String, Wrong> {
    let name = values::text(value)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.len() <= MAX_NAME && name.chars().all(is_part) {
        return Ok(name);
    }
    Err(Wrong::new(
        format!("= {name:?} cannot be the name of a rule"),
        format!("write at most {MAX_NAME} letters, digits, dots, hyphens and underscores"),
    ))
}

fn issue(value: &Value<'_>) -> Result<u64, Wrong> {
    values::number(value, 1, 99_999_999).map(u64::from)
}

/// A failure, as far as a person describes it.
fn sample(value: &Value<'_>) -> Result<Subject, Wrong> {
    let example = "write the fields that matter: { module = \"test_os\", log = \"...\" }";
    let DeValue::Table(table) = value.get_ref() else {
        return Err(Wrong::new("is not a table", example));
    };
    let mut fields = Vec::new();
    let mut bad = Vec::new();
    for (key, value) in table.iter() {
        match field(key.get_ref(), value) {
            Ok(field) => fields.push(field),
            Err(wrong) => bad.push(Wrong {
                at: Some(key.span().start),
                ..wrong
            }),
        }
    }
    let mut bad = bad.into_iter();
    match bad.next() {
        Some(first) => Err(Wrong {
            others: bad.collect(),
            ..first
        }),
        None if fields.is_empty() => Err(Wrong::new("is empty", example)),
        None => Ok(Subject::described(fields)),
    }
}

fn field(name: &str, value: &Spanned<DeValue<'_>>) -> Result<(Field, String), Wrong> {
    let Some(field) = Field::from_name(name) else {
        let names = Field::ALL.into_iter().map(Field::name);
        return Err(Wrong::new(
            format!("has no field {name:?}"),
            did_you_mean(name, names),
        ));
    };
    let text = match field {
        // Lines of a log are pasted.
        Field::Log | Field::Message => values::string(value)?.to_owned(),
        _ => values::text(value)?,
    };
    match field.words() {
        Some(words) if !words.contains(&text.to_ascii_lowercase().as_str()) => Err(Wrong::new(
            format!("{name} = {text:?} is not known"),
            format!("there are: {}", words.join(", ")),
        )),
        Some(_) => Ok((field, text.to_ascii_lowercase())),
        None => Ok((field, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn read_text(text: &str) -> (Rulebook, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        fs::write(&file, text).unwrap();
        match rules_of(&file) {
            Ok(rulebook) => (rulebook, String::new()),
            Err(mistakes) => {
                let folder = format!("{}/", folder.path().display());
                let told = mistakes.to_string().replace(&folder, "");
                (Rulebook::none(), told)
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        expect.assert_eq(&read_text(text).1);
    }

    const GOOD: &str = r#"
# A comment.
[[rule]]
name = "ssl-timeout"
issue = 48913
when = '''
module == "test_ssl" &&
log ~ /timed out/'''
sample = { module = "test_ssl", builder = "s390x RHEL9 3.x", log = """
TimeoutError: timed out
""" }

[[rule]]
name = "crash"
issue = 7
when = "kind == \"crash\""
note = "Somebody looks into it."
[rule.sample]
kind = "Crash"
"#;

    #[test]
    fn rules_are_read_in_their_order() {
        let (rulebook, told) = read_text(GOOD);
        assert_eq!(told, "");
        let [first, second] = rulebook.rules() else {
            panic!("{rulebook:?}");
        };
        assert_eq!((first.name.as_str(), first.issue), ("ssl-timeout", 48913));
        assert_eq!((first.line, second.line), (3, 13));
        assert!(first.condition.holds(&first.sample));
        let os: Vec<&str> = first.sample.values(Field::Os).collect();
        assert_eq!(os, ["rhel", "linux"]);
        assert_eq!(second.note.as_deref(), Some("Somebody looks into it."));
        assert!(second.condition.holds(&second.sample));
        assert!(read_text("").0.rules().is_empty());
    }

    #[test]
    fn only_what_decides_changes_the_digest() {
        let digest = |text: &str| read_text(text).0.digest().to_owned();
        let good = digest(GOOD);
        assert_eq!(good.len(), 64);
        assert_eq!(digest(""), "");
        for (from, to, is_same) in [
            ("A comment", "Another one", true),
            ("Somebody looks", "Nobody looks", true),
            ("RHEL9", "RHEL10", true),
            ("48913", "48914", false),
            ("timed out/", "timed/", false),
            ("\"crash\"\n", "\"crush\"\n", false),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let changed = digest(&GOOD.replacen(from, to, 1));
            assert_eq!(changed == good, is_same, "{from} -> {to}");
        }
    }

    const WRONG: &str = r#"
[[rule]]
name = "no spaces please"
issue = 0
when = 'modul == "test_os" && log ~ /(/'
sampel = { module = "test_os" }

[[rule]]
name = "two"
issue = "7"
when = '''
kind == "crash" &&
   log ~ "text"
'''
sample = { kind = "crush", modul = "test_os" }

[[rule]]
name = "two"
issue = 7
when = 'os == "windows"'
sample = { os = "windows" }

[[rule]]
name = "two"
issue = 8
when = 'os = "windows"'
sample = {}

[rules]
"#;

    #[test]
    fn every_mistake_is_told_with_its_line() {
        check(
            WRONG,
            expect![[r#"
                rules.toml:2: rule: sample is missing
                    add to the rule: sample = { module = "test_os" }
                rules.toml:3: rule: name = "no spaces please" cannot be the name of a rule
                    write at most 60 letters, digits, dots, hyphens and underscores
                rules.toml:4: rule: issue = 0 is out of range
                    write a number from 1 to 99999999
                rules.toml:5: rule: when, column 1: there is no field "modul"
                    there are: module, class, method, kind, builder, os, arch, branch, exception, message, log
                rules.toml:5: rule: when, column 29: /(/ is not a pattern: unclosed group
                    put a backslash before ( ) [ ] { } . * + ? ^ $ | that stand for themselves
                rules.toml:6: rule: a rule has no "sampel"
                    did you mean "sample"?
                rules.toml:10: two: issue is a text, not a whole number
                    write it as 1
                rules.toml:13: two: when, column 10: ~, !~ and then look for a pattern
                    write it between /slashes/; a "text" is compared with ==
                rules.toml:15: two: sample kind = "crush" is not known
                    there are: failure, error, import_error, unexpected_success, crash, timeout, leak, env_changed, compile, infrastructure, other
                rules.toml:15: two: sample has no field "modul"
                    did you mean "module"?
                rules.toml:26: two: when, column 4: "=" means nothing here
                    write ==
                rules.toml:27: two: sample is empty
                    write the fields that matter: { module = "test_os", log = "..." }
                rules.toml:29: rules means nothing here
                    write a line [[rule]] before each rule
                13 mistakes in the configuration"#]],
        );
        check(
            "[[rule]\nname = 1\n",
            expect![[r#"
            rules.toml:1: this is not TOML: unclosed array table, expected `]`
                a text stands in "quotes", a condition best in 'single' ones, a table in { braces }; see the README
            1 mistake in the configuration"#]],
        );
        check(
            "rule = 1\n",
            expect![[r#"
                rules.toml:1: rule is not a list of tables
                    write a line [[rule]], and the rule below it
                1 mistake in the configuration"#]],
        );
    }

    #[test]
    fn names_are_given_once_and_rules_are_counted() {
        let rule = |name: &str| {
            format!(
                "[[rule]]\nname = \"{name}\"\nissue = 1\nwhen = 'log ~ /a/ then /b/ then /c/'\n\
                 sample = {{ log = \"abc\" }}\n"
            )
        };
        check(
            &[rule("a"), rule("b"), rule("a")].concat(),
            expect![[r#"
            rules.toml:11: a: line 1 has this name already
                give one of them another name
            1 mistake in the configuration"#]],
        );
        let many: String = (0..=MAX_RULES).map(|n| rule(&n.to_string())).collect();
        check(
            &many,
            expect![[r#"
            rules.toml: the rules have 1503 patterns, more than 1000
                compare with == where that will do
            rules.toml:2501: there are more than 500 rules
                remove those of reports that are closed
            2 mistakes in the configuration"#]],
        );
    }
}
