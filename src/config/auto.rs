//! `[[auto]]`: the automatic rules.

use toml::de::{DeTable, DeValue};

use crate::config::reader::{Findings, Section, Value, Wrong};
use crate::config::values;
use crate::domain::failure::FailureKind;
use crate::domain::matching::Tier;
use crate::domain::policy::auto::{AutoRule, Deed, Glob, MAX_NAME, Mode};

/// What the tables are called.
pub(crate) const NAME: &str = "auto";

/// There are not more rules.
const MAX_RULES: usize = 50;

/// Reads every `[[auto]]`. With a mistake in one the others are still read.
pub(crate) fn rules(root: &DeTable<'_>, findings: &mut Findings) -> Vec<AutoRule> {
    let Some((key, value)) = root.get_key_value(NAME) else {
        return Vec::new();
    };
    let at = key.span().start;
    // What is no list, or not of tables, is told with the sections.
    let DeValue::Array(items) = value.get_ref() else {
        return Vec::new();
    };
    if items.len() > MAX_RULES {
        findings.mistake(
            at,
            format!("there are more than {MAX_RULES} automatic rules"),
            "let some of them take more than one builder, branch or kind".to_owned(),
        );
    }
    let mut rules: Vec<AutoRule> = Vec::new();
    for item in items.iter().take(MAX_RULES) {
        let at = item.span().start;
        let Some(table) = item.get_ref().as_table() else {
            continue;
        };
        let Some(rule) = rule(table, at, findings) else {
            continue;
        };
        match rules.iter().find(|it| it.name == rule.name) {
            None => rules.push(rule),
            Some(first) => findings.mistake(
                at,
                format!(
                    "[auto] line {} has the name {} already",
                    first.line, rule.name
                ),
                "give one of them another name".to_owned(),
            ),
        }
    }
    rules
}

/// One rule; `None` if something that it needs is missing or wrong.
fn rule(table: &DeTable<'_>, at: usize, findings: &mut Findings) -> Option<AutoRule> {
    let line = findings.place(at).line;
    let mut section = Section::one_of_several(NAME, table, at, findings);
    let name = section.need("name", "\"known\"", name);
    let mode = section.or("mode", Mode::Shadow, |v| {
        Ok(match values::one_of(v, &["shadow", "on"])? {
            "on" => Mode::On,
            _ => Mode::Shadow,
        })
    });
    let actions = section.need("actions", "[\"comment\", \"reply\"]", |v| {
        values::filled_list(v, deed)
    });
    let tier = section.or("tier", Tier::Strong, tier);
    let signature_known = section.or("signature_known", true, values::yes_or_no);
    let issue_open = section.or("issue_open", true, values::yes_or_no);
    let builder = section.or("builder", Vec::new(), |v| values::list(v, glob));
    let branch = section.or("branch", Vec::new(), |v| values::list(v, glob));
    let kind = section.or("kind", Vec::new(), |v| values::list(v, kind));
    let confirmed = section.or("confirmed", 1, |v| values::number(v, 0, 1000));
    let precision = section.or("precision", 98, |v| values::number(v, 50, 100));
    let decisions = section.or("decisions", 20, |v| values::number(v, 1, 10_000));
    let below_precision = section.or("below_precision", false, values::yes_or_no);
    if let Some(actions) = &actions {
        tell_of_actions(&mut section, actions, tier, signature_known);
    }
    section.finish(&[]);
    Some(AutoRule {
        name: name?,
        mode,
        actions: actions?,
        tier,
        signature_known,
        issue_open,
        builder,
        branch,
        kind,
        confirmed,
        precision,
        decisions,
        below_precision,
        line,
    })
}

/// What contradicts itself: a rule that could never act.
fn tell_of_actions(
    section: &mut Section<'_, '_>,
    actions: &[Deed],
    tier: Tier,
    signature_known: bool,
) {
    let at = section.place_of("actions").unwrap_or_default();
    if !actions.contains(&Deed::Reply) {
        let wrong = Wrong::new(
            "has no \"reply\": every draft answers its mail, so the rule could never act",
            "add \"reply\"",
        );
        section.wrong(at, "actions", wrong);
    }
    let opens = actions.contains(&Deed::Open);
    if opens && (tier > Tier::Weak || signature_known) {
        let wrong = Wrong::new(
            "has \"open\", and a failure without a report is weak and belongs to none",
            "add tier = \"weak\" and signature_known = false, or remove \"open\"",
        );
        section.wrong(at, "actions", wrong);
    }
}

/// What stands in mails and reports as it is: nothing that a tracker makes a link of.
fn name(value: &Value<'_>) -> Result<String, Wrong> {
    let name = values::text(value)?;
    let is_plain = name.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
    let has_ends = !name.starts_with('-') && !name.ends_with('-');
    if name.len() <= MAX_NAME && is_plain && has_ends {
        return Ok(name);
    }
    Err(Wrong::new(
        format!("= {name:?} cannot be the name of an automatic rule"),
        format!("write at most {MAX_NAME} letters, with hyphens between them"),
    ))
}

fn deed(value: &Value<'_>) -> Result<Deed, Wrong> {
    let name = values::one_of(value, &Deed::ALL.map(Deed::name))?;
    let deed = Deed::ALL.into_iter().find(|deed| deed.name() == name);
    Ok(deed.unwrap_or(Deed::Comment))
}

fn tier(value: &Value<'_>) -> Result<Tier, Wrong> {
    Ok(
        match values::one_of(value, &["strong", "likely", "weak"])? {
            "weak" => Tier::Weak,
            "likely" => Tier::Likely,
            _ => Tier::Strong,
        },
    )
}

fn kind(value: &Value<'_>) -> Result<FailureKind, Wrong> {
    // What is infrastructure, or not known at all, no rule decides.
    let never = [FailureKind::Infrastructure, FailureKind::Unknown];
    let kinds = FailureKind::ALL
        .into_iter()
        .filter(|it| !never.contains(it));
    let kinds: Vec<FailureKind> = kinds.collect();
    let names: Vec<&str> = kinds.iter().map(|it| it.name()).collect();
    let name = values::one_of(value, &names)?;
    let kind = kinds.into_iter().find(|kind| kind.name() == name);
    Ok(kind.unwrap_or(FailureKind::TestFailed))
}

fn glob(value: &Value<'_>) -> Result<Glob, Wrong> {
    values::text(value).map(Glob::new)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::testing::{self, SMALL, read};

    /// The rules, or every mistake.
    fn read_rules(text: &str) -> Result<Vec<AutoRule>, String> {
        read(&format!("{SMALL}{text}")).map(|config| config.auto)
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&format!("{SMALL}{text}"), expect);
    }

    #[test]
    fn there_are_none_unless_somebody_writes_one() {
        assert_eq!(read_rules(""), Ok(Vec::new()));
    }

    #[test]
    fn a_small_rule_is_a_careful_one_in_shadow() {
        let rules = read_rules("[[auto]]\nname = \"known\"\nactions = [\"comment\", \"reply\"]\n");
        let [rule] = &rules.unwrap()[..] else {
            panic!("not one");
        };
        assert_eq!((rule.mode, rule.tier), (Mode::Shadow, Tier::Strong));
        assert!(rule.signature_known && rule.issue_open && !rule.below_precision);
        assert_eq!(
            (rule.confirmed, rule.precision, rule.decisions),
            (1, 98, 20)
        );
        assert_eq!(rule.line, SMALL.lines().count() + 1);
    }

    #[test]
    fn everything_is_read() {
        let rules = read_rules(
            "[[auto]]\nname = \"one\"\nmode = \"on\"\nactions = [\"open\", \"reply\"]\n\
             tier = \"weak\"\nsignature_known = false\nissue_open = false\n\
             builder = [\"AMD64 *\"]\nbranch = [\"3.?\"]\nkind = [\"leak\", \"crash\"]\n\
             confirmed = 3\nprecision = 90\ndecisions = 5\nbelow_precision = true\n\
             [[auto]]\nname = \"two\"\nactions = [\"reply\"]\n",
        );
        let rules = rules.unwrap();
        let [one, two] = &rules[..] else {
            panic!("{rules:?}");
        };
        assert_eq!(one.mode, Mode::On);
        assert_eq!(one.actions, [Deed::Open, Deed::Reply]);
        assert_eq!(one.kind, [FailureKind::Leak, FailureKind::Crash]);
        assert!(one.builder[0].matches("AMD64 x") && one.branch[0].matches("3.x"));
        assert_eq!((one.confirmed, one.precision, one.decisions), (3, 90, 5));
        assert!(one.below_precision && !one.signature_known && !one.issue_open);
        assert_eq!(two.name, "two");
        assert_ne!(one.digest(), two.digest());
    }

    #[test]
    fn what_is_no_list_of_rules_is_told() {
        check(
            "[auto]\nname = \"a\"\n",
            expect![[r#"
            config.toml:15: of [auto] there may be several
                write a line [[auto]] for each, and its settings below it
            1 mistake in the configuration"#]],
        );
        check(
            "[auto.known]\nactions = [\"reply\"]\n",
            expect![[r#"
            config.toml:15: of [auto] there may be several
                write a line [[auto]] for each, and its settings below it
            1 mistake in the configuration"#]],
        );
        // What stands above the first section belongs to none.
        for text in ["auto = \"on\"", "auto = []"] {
            let told = read(&format!("{text}{SMALL}")).unwrap_err();
            assert!(
                told.contains(":1: of [auto] there may be several"),
                "{told}"
            );
        }
        let one = "{ name = \"a\", actions = [\"reply\"] }";
        let told = read(&format!("auto = [{one}, \"b\"]{SMALL}")).unwrap_err();
        assert!(
            told.contains(":1: [auto] has something else in it"),
            "{told}"
        );
        let one = read(&format!("auto = [{one}]{SMALL}")).unwrap();
        assert_eq!(one.auto.len(), 1);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        check(
            "[[auto]]\nname = \"issue12\"\nmode = \"of\"\nactions = [\"coment\"]\n\
             tier = \"sure\"\nkind = [\"infrastructure\"]\nprecision = 0.98\nbuilders = []\n\
             [[auto]]\nactions = [\"comment\"]\n\
             [[auto]]\nname = \"a\"\nactions = [\"open\", \"reply\"]\n\
             [[auto]]\nname = \"a\"\nactions = [\"reply\"]\n\
             [[auto]]\nname = \"a\"\nactions = [\"reply\"]\n",
            expect![[r#"
                config.toml:16: [auto] name = "issue12" cannot be the name of an automatic rule
                    write at most 60 letters, with hyphens between them
                config.toml:17: [auto] mode = "of" is not known
                    did you mean "on"?
                config.toml:18: [auto] actions item 1 = "coment" is not known
                    did you mean "comment"?
                config.toml:19: [auto] tier = "sure" is not known
                    write one of "strong", "likely", "weak"
                config.toml:20: [auto] kind item 1 = "infrastructure" is not known
                    write one of "failure", "error", "import_error", "unexpected_success", "crash", "timeout", "leak", "env_changed", "compile"
                config.toml:21: [auto] precision is a number, not a whole number
                    write it as 50
                config.toml:22: [auto] has no setting "builders"
                    did you mean "builder"?
                config.toml:23: [auto] name is missing
                    add to that section: name = "known"
                config.toml:24: [auto] actions has no "reply": every draft answers its mail, so the rule could never act
                    add "reply"
                config.toml:27: [auto] actions has "open", and a failure without a report is weak and belongs to none
                    add tier = "weak" and signature_known = false, or remove "open"
                config.toml:28: [auto] line 25 has the name a already
                    give one of them another name
                config.toml:31: [auto] line 25 has the name a already
                    give one of them another name
                12 mistakes in the configuration"#]],
        );
        check(
            "[[auto]]\nname = \"a\"\nactions = []\n",
            expect![[r#"
                config.toml:17: [auto] actions is an empty list
                    name at least one
                1 mistake in the configuration"#]],
        );
    }
}
