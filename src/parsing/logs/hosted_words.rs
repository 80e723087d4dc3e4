//! What hosted CI systems say of a job that they ended, or lost, themselves:
//! GitHub Actions, Azure Pipelines, Travis CI and AppVeyor, in their own words.

use std::sync::LazyLock;

use regex::Regex;

use super::buildbot_steps::Cause;
use crate::parsing::pattern;

/// Words of which one is in every line that [`read`] reads.
pub(super) const TELLING: &str = "maximum|exceeded the limit|No output has been received|communication|shutdown signal|\
     operation was cancel|stopped hearing|did not connect|rror|not acquired by";

/// A job that took too long, with the time.
static TOO_LONG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) ^ (?:
            The\ job\ running\ on\ (?:runner|agent)\ .*
                (?: exceeded\ the\ maximum\ execution\ time | ran\ longer\ than\ the\ maximum\ time )
                \ of\ (?: (?P<minutes> \d+ )(?: \ minutes | \. ) | (?P<clock> \d+:\d\d ) :\d\d )
          | The\ action\ .*\ has\ timed\ out\ after\ (?P<action> \d+ )\ minutes
          | No\ output\ has\ been\ received\ in\ the\ last\ (?P<silent> \d+ ) m
          | The\ job\ exceeded\ the\ maximum\ (?:time\ limit|log\ length)
          | Build\ execution\ time\ has\ reached\ the\ maximum\ allowed\ time
                (?: .* \( (?P<plan> \d+ ) \ minutes \) )?
        )",
    )
});

/// The beginnings of sentences about the machine or the connection to it.
const LOST: [&str; 6] = [
    "The runner has received a shutdown signal",
    "We stopped hearing from agent ",
    "The agent did not connect within ",
    "The job was not acquired by Runner",
    "The hosted runner encountered an error while running your job",
    "The self-hosted runner encountered an error while running your job",
];

/// What a line says: the cause, and after how many seconds the system ended the
/// job, where that is the cause and the line tells. `None` for any other line.
pub(super) fn read(line: &str) -> Option<(Cause, Option<u64>)> {
    let line = line.strip_prefix("ERROR: ").unwrap_or(line);
    // So all of them begin.
    if !["The ", "No output ", "We ", "Build "]
        .iter()
        .any(|start| line.starts_with(start))
    {
        return None;
    }
    if let Some(found) = TOO_LONG.captures(line) {
        let minutes = ["minutes", "action", "silent", "plan"]
            .iter()
            .find_map(|name| found.name(name)?.as_str().parse::<u64>().ok())
            .or_else(|| {
                let (hours, minutes) = found.name("clock")?.as_str().split_once(':')?;
                let hours: u64 = hours.parse().ok()?;
                hours.checked_mul(60)?.checked_add(minutes.parse().ok()?)
            });
        let is_of_length = line.contains("log length");
        return Some(match minutes {
            _ if is_of_length => (Cause::Exhausted, None),
            minutes => (Cause::TimedOut, minutes.and_then(|it| it.checked_mul(60))),
        });
    }
    let lost_communication = [
        " lost communication with the server",
        "The agent lost communication",
    ]
    .iter()
    .any(|words| line.contains(words));
    let names_machine = [
        "The hosted runner",
        "The self-hosted runner",
        "The runner",
        "The agent",
    ]
    .iter()
    .any(|start| line.starts_with(start));
    if (lost_communication && names_machine) || LOST.iter().any(|start| line.starts_with(start)) {
        return Some((Cause::WorkerLost, None));
    }
    if line.starts_with("The log length has exceeded the limit of ") {
        return Some((Cause::Exhausted, None));
    }
    // Also when another job of the run failed: only where nothing else is known.
    matches!(
        line.trim_end(),
        "The operation was canceled." | "The operation was cancelled."
    )
    .then_some((Cause::Killed, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(Cause, Option<u64>)>) {
        assert_eq!(read(line), expected, "{line}");
        let telling = Regex::new(TELLING).unwrap();
        assert!(expected.is_none() || telling.is_match(line), "{line}");
    }

    #[test]
    fn jobs_that_took_too_long() {
        for (line, seconds) in [
            (
                "The job running on runner GitHub Actions 12 has exceeded the maximum execution time of 360 minutes.",
                Some(21_600),
            ),
            (
                "The job running on agent Azure Pipelines 3 ran longer than the maximum time of 60 minutes. For more information, see https://go.microsoft.com/fwlink/?linkid=2077134",
                Some(3600),
            ),
            (
                "The job running on agent w4 has exceeded the maximum execution time of 360.",
                Some(21_600),
            ),
            (
                "The job running on agent w6 has exceeded the maximum execution time of 08:20:00.",
                Some(30_000),
            ),
            (
                "No output has been received in the last 10m0s, this potentially indicates a stalled build or something wrong with the build itself.",
                Some(600),
            ),
            (
                "The job exceeded the maximum time limit for jobs, and has been terminated.",
                None,
            ),
            (
                "Build execution time has reached the maximum allowed time for your plan (60 minutes).",
                Some(3600),
            ),
        ] {
            check(line, Some((Cause::TimedOut, seconds)));
        }
    }

    #[test]
    fn machines_that_went_away_and_limits() {
        for line in [
            "The runner has received a shutdown signal. This can happen when the runner service is stopped, or a manually started runner is canceled.",
            "The hosted runner: GitHub Actions 8 lost communication with the server. Anything in your workflow that terminates the runner process can cause this error.",
            "The hosted runner lost communication with the server.",
            "The self-hosted runner: arm64-2 lost communication with the server.",
            "We stopped hearing from agent Azure Pipelines 3. Verify the agent machine is running.",
            "The agent: build-7 lost communication with the server.",
            "The agent lost communication",
        ] {
            check(line, Some((Cause::WorkerLost, None)));
        }
        for line in [
            "The log length has exceeded the limit of 4 MB (this usually means that the test suite is raising the same exception over and over).",
            "The job exceeded the maximum log length, and has been terminated.",
        ] {
            check(line, Some((Cause::Exhausted, None)));
        }
        check("The operation was canceled.", Some((Cause::Killed, None)));
    }

    #[test]
    fn other_sentences_are_none() {
        for line in [
            "",
            "the peer lost communication with the server",
            "RecursionError: maximum recursion depth exceeded",
            "test_x: The operation was canceled.",
            "ValueError: The job exceeded the maximum",
            "The operation was canceled by the user",
        ] {
            check(line, None);
        }
    }
}
