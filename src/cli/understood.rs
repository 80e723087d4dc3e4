//! How `read` shows what was understood.

use serde_json::{Value, json};

use super::reading::Shown;
use super::screen::{Screen, Tone};
use super::words::{barred, count, cut, wrapped};
use crate::domain::failure::Failure;
use crate::domain::folding::{Folded, fold};
use crate::domain::notification::{Build, BuildLink, BuildResult, CiSystem, ReadFrom};
use crate::domain::untrusted::terminal;
use crate::parsing::logs::Findings;

/// Names of tests shown of a folded module.
const MOST_NAMES: usize = 12;

/// The build of a log of which nothing else is known.
pub(super) fn build_of_log(findings: Findings) -> Build {
    Build {
        failures: findings.failures,
        read_from: ReadFrom::Attachment,
        redactions: findings.redactions,
        ..Build::bare(CiSystem::Buildbot, String::new(), BuildResult::Failure)
    }
}

/// One input as JSON.
pub(super) fn document(origin: &str, shown: &Shown) -> Value {
    let (understood, is_mail) = match shown {
        Shown::Mail(understood) => (understood, true),
        Shown::Log(understood) | Shown::Unknown(understood) => (understood, false),
    };
    let builds = understood
        .builds
        .iter()
        .map(|build| json_build(build, is_mail));
    json!({
        "input": origin,
        "kind": understood.kind.name(),
        "reason": understood.reason,
        "builds": builds.collect::<Vec<_>>(),
        "remarks": understood.remarks,
    })
}

fn json_build(build: &Build, is_of_mail: bool) -> Value {
    json!({
        "ci": is_of_mail.then_some(build.ci.key()),
        "builder": Some(&build.builder).filter(|name| !name.is_empty()),
        "branch": build.branch,
        "number": build.link.as_ref().map(number),
        "url": build.link.as_ref().map(|link| &link.url),
        "worker": build.worker,
        "revision": build.revision,
        "project": build.project,
        "state": build.state,
        "failures": build.failures.iter().map(json_failure).collect::<Vec<_>>(),
    })
}

/// A number where it is one; AppVeyor's are words.
fn number(link: &BuildLink) -> Value {
    let shown = link.shown();
    match shown.parse::<u64>() {
        Ok(number) => json!(number),
        Err(_) => json!(shown),
    }
}

fn json_failure(failure: &Failure) -> Value {
    let excerpt = Some(&failure.excerpt).filter(|lines| !lines.is_empty());
    json!({
        "kind": failure.kind.name(),
        "module": failure.test.file,
        "class": failure.test.class,
        "method": failure.test.method,
        "subtest": failure.test.subtest,
        "flaky": failure.flaky,
        "consequence": failure.consequence,
        "exception": failure.exception,
        "message": failure.message,
        "line": failure.line,
        "excerpt": excerpt.map(|lines| lines.join("\n")),
        "signature": failure.signature.0,
        "details": failure.details,
    })
}

/// One input for people.
pub(super) fn print(screen: &Screen, origin: &str, shown: &Shown) {
    let (understood, what) = match shown {
        Shown::Mail(understood) => (understood, "mail"),
        Shown::Log(understood) => (understood, "log"),
        Shown::Unknown(understood) => (understood, "unknown"),
    };
    let kind = match shown {
        Shown::Unknown(_) => String::new(),
        _ => format!("{what}, {}", understood.kind.name().replace('_', " ")),
    };
    let reason = understood.reason.as_deref().unwrap_or_default();
    let about: Vec<&str> = [kind.as_str(), reason]
        .into_iter()
        .filter(|words| !words.is_empty())
        .collect();
    let name = screen.paint(Tone::Bold, &terminal(origin));
    let line = terminal(&about.join(": "));
    screen.say(format!("{name}: {line}"));
    for build in &understood.builds {
        print_build(screen, build);
    }
    for remark in &understood.remarks {
        for line in wrapped(&format!("note: {remark}"), screen.width().saturating_sub(2)) {
            screen.say(format!("  {}", screen.paint(Tone::Dim, &line)));
        }
    }
    screen.say("");
}

fn print_build(screen: &Screen, build: &Build) {
    if !build.builder.is_empty() {
        let name = cut(&build.builder, screen.width().saturating_sub(2));
        screen.say(format!("  {}", screen.paint(Tone::Bold, &name)));
        let facts = [
            ("state", build.state.as_deref()),
            ("worker", build.worker.as_deref()),
            ("branch", build.branch.as_deref()),
            ("revision", build.revision.as_deref()),
            ("build", build.link.as_ref().map(|link| link.url.as_str())),
        ];
        for (label, value) in facts {
            if let Some(value) = value {
                screen.say(format!("  {label}: {}", terminal(value)));
            }
        }
    }
    for folded in fold(&build.failures) {
        screen.say("");
        print_folded(screen, &folded);
    }
}

fn print_folded(screen: &Screen, folded: &Folded<'_>) {
    let Some(first) = folded.first() else {
        return;
    };
    match folded.module {
        None => {
            let test = Some(first.test.qualified()).filter(|test| !test.is_empty());
            let test = test.map_or_else(String::new, |test| format!("{} ", terminal(&test)));
            let subtest = first.test.subtest.as_deref().map(terminal);
            let subtest = subtest.map_or_else(String::new, |subtest| format!("{subtest} "));
            let line = format!("{test}{subtest}({})", manner(first));
            screen.say(format!("  {}", screen.paint(tone(first), &line)));
        }
        Some(module) => {
            let tests = count(folded.failures.len(), "test");
            let line = format!("{}: {tests} ({})", terminal(module), manner(first));
            screen.say(format!("  {}", screen.paint(tone(first), &line)));
            let names = folded.failures.iter().map(|it| it.test.qualified());
            let mut names: Vec<String> = names.take(MOST_NAMES).collect();
            let more = folded.failures.len().saturating_sub(MOST_NAMES);
            if more > 0 {
                names.push(format!("and {more} more"));
            }
            for line in wrapped(&names.join(", "), screen.width().saturating_sub(4)) {
                screen.say(format!("    {line}"));
            }
        }
    }
    if let Some(line) = &first.line {
        screen.say(format!("    {}", terminal(line)));
    }
    for line in &first.excerpt {
        for line in barred(line, "    | ", screen.width()) {
            screen.say(screen.paint(Tone::Dim, &line));
        }
    }
    let signature = format!("    signature {}", terminal(&first.signature.0));
    screen.say(screen.paint(Tone::Dim, &signature));
}

fn manner(failure: &Failure) -> String {
    let mut words = vec![failure.kind.words()];
    if failure.flaky {
        words.push("passed when run again");
    }
    if failure.consequence {
        words.push("follows from another failure");
    }
    words.join(", ")
}

fn tone(failure: &Failure) -> Tone {
    match failure.flaky || failure.consequence {
        true => Tone::Warning,
        false => Tone::Bad,
    }
}
