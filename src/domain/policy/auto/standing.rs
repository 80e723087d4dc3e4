//! How right a rule would have been, and whether it may act.

use crate::domain::policy::auto::{AutoRule, Mode};

/// Of fewer drafts nothing is said of the long run.
pub const ENOUGH: u32 = 10;

/// What a rule would have done, beside what people decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often a person approved exactly what the rule would have approved.
    pub right: u32,
    /// Where a person decided otherwise.
    pub wrong: Vec<Wrong>,
    /// The notifications that it would approve and that nobody decided on yet.
    pub open: Vec<i64>,
}

/// A draft that a rule would have approved, or did, and a person says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The notification.
    pub notification: i64,
    /// Who said what, in words.
    pub why: String,
}

impl Figures {
    /// Of how many drafts people said whether it was right.
    pub fn decided(&self) -> u32 {
        let wrong = u32::try_from(self.wrong.len()).unwrap_or(u32::MAX);
        self.right.saturating_add(wrong)
    }

    /// The share that was right, from 0.0 to 1.0; `None` if nothing was decided.
    pub fn precision(&self) -> Option<f64> {
        let decided = self.decided();
        (decided > 0).then(|| f64::from(self.right) / f64::from(decided))
    }

    /// Between which shares it would be right in the long run, with a confidence of 95 %
    /// (the score interval of Wilson, 1927); `None` of fewer than [`ENOUGH`] drafts.
    /// Each draft counts for itself: many of one incident tell less.
    pub fn interval(&self) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_963_985;
        if self.decided() < ENOUGH {
            return None;
        }
        let share = self.precision()?;
        let n = f64::from(self.decided());
        let square = Z * Z / n;
        let middle = share + square / 2.0;
        let half = Z * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
        let low = (middle - half) / (1.0 + square);
        let high = (middle + half) / (1.0 + square);
        Some((low.max(0.0), high.min(1.0)))
    }

    /// `41 of 42 right (97 %); in the long run 87 to 99 % (95 % confidence)`.
    pub fn in_full(&self) -> String {
        let words = self.in_words();
        match self.interval() {
            _ if self.decided() == 0 => words,
            None => format!("{words}; too few to tell how right it is in the long run"),
            Some((low, high)) => format!(
                "{words}; in the long run {} to {} % (95 % confidence)",
                whole(low),
                whole(high)
            ),
        }
    }

    /// `19 of 20 right (95 %)`.
    pub fn in_words(&self) -> String {
        match self.precision() {
            None => "people decided on nothing that it would have approved".to_owned(),
            Some(share) => format!(
                "{} of {} right ({} %)",
                self.right,
                self.decided(),
                whole(share)
            ),
        }
    }
}

/// In per cent. A mistake is never rounded away.
fn whole(share: f64) -> u32 {
    (share * 100.0 + 1e-9).floor() as u32
}

/// Whether a rule acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It decides.
    On,
    /// It only tells what it would do; why, in words.
    Shadow(String),
}

/// Whether a rule may act, by how right it would have been so far.
pub fn standing(rule: &AutoRule, figures: &Figures) -> Standing {
    let name = &rule.name;
    if rule.mode == Mode::Shadow {
        return Standing::Shadow(format!(
            "it is in shadow; mode = \"on\" in the table of {name} lets it act"
        ));
    }
    if rule.below_precision {
        return Standing::On;
    }
    let (decided, wanted) = (figures.decided(), rule.decisions);
    let flag = "below_precision = true in its table lets it act all the same";
    if decided < wanted {
        return Standing::Shadow(format!(
            "people decided on {decided} drafts that it would have approved, and {wanted} are \
             needed; {flag}"
        ));
    }
    let right = u64::from(figures.right) * 100;
    if right < u64::from(rule.precision) * u64::from(decided) {
        return Standing::Shadow(format!(
            "{}, and {} % are needed; {flag}",
            figures.in_words(),
            rule.precision
        ));
    }
    Standing::On
}
