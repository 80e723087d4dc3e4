//! The steps to be killed at, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use super::steps::{Step, has_effect};
use super::tracer::{Ended, Kill, Moment};

/// How often a step is aimed at. Every undisturbed run had it; a run that goes
/// another way for once, because the network was slow, is no reason to give up.
const TRIES: u32 = 5;

/// A step to be killed at.
#[derive(Debug, Clone)]
pub struct Target {
    kill: Kill,
    tries: u32,
}

impl Target {
    fn name(&self) -> String {
        let step = &self.kill.step;
        match self.kill.moment {
            Moment::Before => step.clone(),
            Moment::Sent => format!("{step} [sent]"),
            Moment::Answered => format!("{step} [answered]"),
        }
    }

    pub fn kill(&self) -> Kill {
        self.kill.clone()
    }

    /// Whether it is something said to the submission server.
    pub fn is_submission(&self) -> bool {
        self.kill.step.starts_with("submission")
    }
}

/// Deals the steps out among those who enumerated them. A step that not all of
/// them saw is chance: a cursor that moved only because a second had passed, a
/// listing in two pages.
pub fn share(mut all: Vec<Kills>) -> Vec<Kills> {
    let own = |kills: &Kills| kills.targets.iter().map(Target::name).collect();
    let seen: Vec<BTreeSet<String>> = all.iter().map(own).collect();
    let is_everywhere = |name: &String| seen.iter().all(|seen| seen.contains(name));
    let targets: Vec<Target> = all.first().map_or_else(Vec::new, |kills| {
        let targets = kills.targets.iter().cloned();
        targets.filter(|it| is_everywhere(&it.name())).collect()
    });
    let lanes = all.len();
    for (which, kills) in all.iter_mut().enumerate() {
        let by_chance = |target: &&Target| !is_everywhere(&target.name());
        kills.chance = kills
            .targets
            .iter()
            .filter(by_chance)
            .map(Target::name)
            .collect();
        kills.targets = targets.iter().skip(which).step_by(lanes).cloned().collect();
        kills.enumerated = kills.targets.iter().map(Target::name).collect();
    }
    all
}

/// Every step of one scenario, and which of them were hit.
#[derive(Debug, Default)]
pub struct Kills {
    pub scenario: &'static str,
    targets: Vec<Target>,
    enumerated: BTreeSet<String>,
    /// Steps that an undisturbed run had and another had not.
    chance: BTreeSet<String>,
    hit: BTreeSet<String>,
    /// Runs that had not the step they were to be killed at.
    missed: u32,
    /// Doubts that a person had to resolve.
    pub resolved: u32,
}

impl Kills {
    /// Every step of an undisturbed run that `is_wanted`.
    pub fn of(scenario: &'static str, steps: &[Step], is_wanted: impl Fn(&str) -> bool) -> Self {
        let mut targets = Vec::new();
        let wanted = steps.iter().filter(|step| is_wanted(&step.name));
        for step in wanted {
            let is_last = steps.iter().rfind(|it| it.said == step.said) == Some(step);
            let moments: &[Moment] = match (&step.said, has_effect(&step.name)) {
                (None, _) => &[Moment::Before],
                (Some(_), true) if is_last => &[Moment::Before, Moment::Sent, Moment::Answered],
                (Some(_), true) => &[Moment::Before, Moment::Sent],
                (Some(_), false) if is_last => &[Moment::Before, Moment::Answered],
                // Nobody can tell how much came of what only asks.
                (Some(_), false) => &[],
            };
            targets.extend(moments.iter().map(|moment| Target {
                kill: Kill {
                    step: step.name.clone(),
                    moment: *moment,
                },
                tries: 0,
            }));
        }
        targets.reverse();
        Self {
            scenario,
            targets,
            ..Self::default()
        }
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.enumerated.len()
    }

    /// The next step to kill at.
    pub fn next(&mut self) -> Option<Target> {
        self.targets.pop()
    }

    /// What became of a run that was to be killed.
    pub fn ended(&mut self, mut target: Target, ended: &Ended) {
        let name = target.name();
        if std::env::var_os("SHOW_KILLS").is_some() {
            let hit = if ended.was_hit {
                "hit"
            } else {
                "never came to"
            };
            println!("{}: {hit} {name}", self.scenario);
            if !ended.was_hit {
                for step in &ended.steps {
                    println!("    {}", step.name);
                }
            }
        }
        if ended.was_hit {
            self.hit.insert(name);
            return;
        }
        self.missed += 1;
        target.tries += 1;
        if target.tries < TRIES {
            self.targets.insert(0, target);
        }
    }

    /// Adds what another one did of the same scenario.
    pub fn add(&mut self, other: Self) {
        self.enumerated.extend(other.enumerated);
        self.chance.extend(other.chance);
        self.hit.extend(other.hit);
        self.missed += other.missed;
        self.resolved += other.resolved;
    }

    /// Tells what was done, and fails the test if it was not everything.
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
            "{}: killed at {} of {all} steps ({}); {} runs had not the step, {} doubts \
             resolved by a person; steps only by chance: {:?}",
            self.scenario,
            all - left.len(),
            kinds.join(", "),
            self.missed,
            self.resolved,
            self.chance,
        );
        assert!(all > 10, "too few steps were found: {:?}", self.enumerated);
        assert!(left.is_empty(), "never killed at {left:?}");
    }
}
