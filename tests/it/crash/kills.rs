//! The steps to be killed at, and what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::strace::Kill;
use super::trace::{Step, Trace, has_effect};

/// How often a step is aimed at before it is given up: what is read from the
/// network may come in one piece more or less.
const TRIES: u32 = 3;

/// A step to be killed at.
#[derive(Debug, Clone)]
pub struct Target {
    step: Step,
    moment: Moment,
    tries: u32,
}

/// When exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before the call.
    Before,
    /// When it was made, and the other side may not have seen it yet.
    Sent,
    /// When the other side has answered, and the answer was not read yet.
    Answered,
}

/// How long the other side is given for its answer.
const ANSWER: Duration = Duration::from_millis(400);

impl Target {
    fn name(&self) -> String {
        match self.moment {
            Moment::Before => self.step.name.clone(),
            Moment::Sent => format!("{} [sent]", self.step.name),
            Moment::Answered => format!("{} [answered]", self.step.name),
        }
    }

    /// How to kill there.
    pub fn kill(&self) -> Kill {
        let step = self.step.clone();
        match self.moment {
            Moment::Before => Kill::Before(step),
            Moment::Sent => Kill::After(step, Duration::ZERO),
            Moment::Answered => Kill::After(step, ANSWER),
        }
    }

    /// The next try, corrected by how far the last one was off.
    fn corrected(mut self, reference: &Trace, trace: &Trace) -> Self {
        self.tries += 1;
        let call = &self.step.call;
        if let Some(seen) = trace.step(&self.step.name) {
            self.step = seen.clone();
            return self;
        }
        let last = trace.steps.iter().rev().find(|step| step.call == *call);
        let known = last.and_then(|last| Some((last, reference.step(&last.name)?)));
        let aimed = reference.step(&self.step.name);
        if let (Some((last, there)), Some(aimed)) = (known, aimed) {
            self.step.count = (last.count + aimed.count)
                .saturating_sub(there.count)
                .max(1);
        }
        self
    }
}

/// Deals the steps out among those who enumerated them. A step that several of
/// them did not see is chance: a cursor that moved only because a second had
/// passed, a listing in two pages.
pub fn share(mut all: Vec<Kills>) -> Vec<Kills> {
    let mut seen: Vec<(String, Target, usize)> = Vec::new();
    for target in all.iter().flat_map(|kills| &kills.targets) {
        let name = target.name();
        match seen.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., times)) => *times += 1,
            None => seen.push((name, target.clone(), 1)),
        }
    }
    let lanes = all.len();
    seen.retain(|(.., times)| times + 1 >= lanes);
    for (which, kills) in all.iter_mut().enumerate() {
        let share = seen.iter().skip(which).step_by(lanes);
        let own = |(name, target, _): &(String, Target, usize)| {
            let own = kills.targets.iter().find(|own| own.name() == *name);
            own.unwrap_or(target).clone()
        };
        kills.targets = share.map(own).collect();
        kills.enumerated = kills.targets.iter().map(Target::name).collect();
    }
    all
}

/// Every step of one scenario, and which of them were hit.
#[derive(Debug, Default)]
pub struct Kills {
    pub scenario: &'static str,
    reference: Trace,
    targets: Vec<Target>,
    enumerated: BTreeSet<String>,
    hit: BTreeSet<String>,
    /// Kills that happened, wherever.
    pub happened: u32,
    /// Runs that ended before they could be killed.
    pub missed: u32,
    /// Doubts that a person had to resolve.
    pub resolved: u32,
}

impl Kills {
    /// Every step of an undisturbed run that `is_wanted`.
    pub fn of(scenario: &'static str, reference: Trace, is_wanted: impl Fn(&str) -> bool) -> Self {
        let mut targets = Vec::new();
        for step in reference.kinds() {
            let is_sent = matches!(step.call.as_str(), "writev" | "sendto" | "sendmsg");
            let moments: &[Moment] = match (is_sent, has_effect(&step.name)) {
                _ if !is_wanted(&step.name) => &[],
                (false, _) => &[Moment::Before],
                (true, false) => &[Moment::Before, Moment::Answered],
                (true, true) => &[Moment::Before, Moment::Sent, Moment::Answered],
            };
            targets.extend(moments.iter().map(|moment| Target {
                step: step.clone(),
                moment: *moment,
                tries: 0,
            }));
        }
        targets.reverse();
        Self {
            scenario,
            enumerated: targets.iter().map(Target::name).collect(),
            reference,
            targets,
            ..Self::default()
        }
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.enumerated.len()
    }

    /// The next step to kill at that was not hit yet.
    pub fn next(&mut self) -> Option<Target> {
        loop {
            let target = self.targets.pop()?;
            if !self.hit.contains(&target.name()) {
                return Some(target);
            }
        }
    }

    /// What a run that was to be killed ended in; gives where it was killed.
    pub fn ended(&mut self, target: Target, trace: &Trace, was_killed: bool) -> String {
        let last = trace.steps.last().cloned();
        let there = if !was_killed {
            self.missed += 1;
            String::new()
        } else {
            self.happened += 1;
            let hit = last.map(|step| Target {
                step,
                ..target.clone()
            });
            hit.map_or_else(String::new, |hit| hit.name())
        };
        if std::env::var_os("SHOW_KILLS").is_some() {
            println!("{}: aimed at {}, hit {there}", self.scenario, target.name());
            if there != target.name() {
                for step in &trace.steps {
                    println!("    {} {} {}", step.call, step.count, step.name);
                }
            }
        }
        self.hit.insert(there.clone());
        if there != target.name() && target.tries + 1 < TRIES {
            self.targets.push(target.corrected(&self.reference, trace));
        }
        there
    }

    /// Adds what another one did of the same scenario.
    pub fn add(&mut self, other: Self) {
        self.enumerated.extend(other.enumerated);
        self.hit.extend(other.hit);
        self.happened += other.happened;
        self.missed += other.missed;
        self.resolved += other.resolved;
    }

    /// Tells what was done, and fails the test if it was too little.
    pub fn tell(&self) {
        let mut kinds: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for name in &self.enumerated {
            let kind = name.trim_start_matches("half of ");
            let kind = kind.split([' ', ':']).next().unwrap_or_default();
            let (all, hit) = kinds.entry(kind).or_default();
            *all += 1;
            *hit += u32::from(self.hit.contains(name));
        }
        let kinds: Vec<String> = kinds
            .iter()
            .map(|(kind, (all, hit))| format!("{kind} {hit}/{all}"))
            .collect();
        let left: Vec<_> = self.enumerated.difference(&self.hit).collect();
        let all = self.enumerated.len();
        println!(
            "{}: {} of {all} steps hit ({}), {} kills, {} runs ended before, \
             {} doubts resolved by a person",
            self.scenario,
            all - left.len(),
            kinds.join(", "),
            self.happened,
            self.missed,
            self.resolved,
        );
        if !left.is_empty() {
            println!("{}: not hit: {left:?}", self.scenario);
        }
        assert!(all > 10, "too few steps were found: {:?}", self.enumerated);
        // Not all, for what comes in which piece and order is not ours to say.
        assert!(left.len() * 5 <= all, "too many steps were not hit");
        assert!(
            self.missed * 10 <= self.happened,
            "too many runs ended before"
        );
    }
}
