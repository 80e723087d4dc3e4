//! What a check found, on the screen and as JSON.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::screen::Tone;
use crate::cli::session::Session;
use crate::desk::words::{count, wrapped};
use crate::domain::finding::{Finding, Level};
use crate::domain::untrusted::terminal;

/// Findings, printed as they come.
pub(super) struct Report<'a> {
    pub(super) session: &'a Session,
    pub(super) findings: Vec<(&'static str, Finding)>,
}

impl Report<'_> {
    pub(super) fn add(&mut self, part: &'static str, finding: Finding) {
        let screen = &self.session.screen;
        let (tone, word) = match finding.level {
            Level::Fine => (Tone::Good, "ok"),
            Level::Doubtful => (Tone::Warning, "warning"),
            Level::Bad => (Tone::Bad, "wrong"),
        };
        let columns = screen.width().saturating_sub(20);
        for (index, line) in wrapped(&terminal(&finding.what), columns)
            .iter()
            .enumerate()
        {
            match index {
                0 => screen.say(format!(
                    "{}  {part:<10} {line}",
                    screen.paint(tone, &format!("{word:<7}"))
                )),
                _ => screen.say(format!("{:<20}{line}", "")),
            }
        }
        for line in finding
            .remedy
            .iter()
            .flat_map(|text| wrapped(&terminal(text), columns))
        {
            screen.say(screen.paint(Tone::Dim, &format!("{:<20}{line}", "")));
        }
        self.findings.push((part, finding));
    }

    pub(super) fn extend(
        &mut self,
        part: &'static str,
        findings: impl IntoIterator<Item = Finding>,
    ) {
        findings
            .into_iter()
            .for_each(|finding| self.add(part, finding));
    }

    pub(super) fn end(self) -> ExitCode {
        let of = |level| {
            self.findings
                .iter()
                .filter(|(_, it)| it.level == level)
                .count()
        };
        let (wrong, doubtful) = (of(Level::Bad), of(Level::Doubtful));
        let findings = self.findings.iter().map(|(part, finding)| {
            json!({
                "part": part,
                "level": match finding.level { Level::Fine => "ok", Level::Doubtful => "warning", Level::Bad => "wrong" },
                "what": finding.what,
                "remedy": finding.remedy,
            })
        });
        let screen = &self.session.screen;
        screen.document(&json!({ "wrong": wrong, "warnings": doubtful, "findings": findings.collect::<Vec<_>>() }));
        screen.say("");
        let warnings = match doubtful {
            0 => String::new(),
            _ => format!(", {}", count(doubtful, "warning")),
        };
        if wrong > 0 {
            let words = format!(
                "{} wrong{warnings}. Mend that, then check again.",
                count(wrong, "thing")
            );
            screen.say(screen.paint(Tone::Bad, &words));
            return ExitCode::FAILURE;
        }
        screen.say(screen.paint(Tone::Good, &format!("Nothing is wrong{warnings}.")));
        let next = match self.session.folder() {
            Some(_) => ("list".to_owned(), "the drafts that wait for you"),
            None => ("run".to_owned(), "start the service"),
        };
        self.session.next(&[next]);
        ExitCode::SUCCESS
    }
}
