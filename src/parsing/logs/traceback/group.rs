//! The exceptions within an exception group, which is printed as a tree:
//!
//! ```text
//!   | ExceptionGroup: outer (2 sub-exceptions)
//!   +-+---------------- 1 ----------------
//!     | Traceback (most recent call last):
//!     |   File "…", line 40, in bad
//!     | ValueError: v
//!     +---------------- 2 ----------------
//!     | ExceptionGroup: inner (1 sub-exception)
//!     +-+---------------- 1 ----------------
//!       | KeyError: 'k'
//!       +------------------------------------
//! ```

/// Most exceptions kept of one group.
const MAX_LEAVES: usize = 10;

/// What was read of a group.
#[derive(Debug, Default, Clone)]
pub(super) struct Group {
    /// How far the bar of the outermost group is indented.
    depth: usize,
    is_told: bool,
    /// The exceptions that are no groups themselves.
    pub(super) leaves: Vec<String>,
    /// Their lines and those of inner groups, as printed.
    pub(super) shown: Vec<String>,
}

/// What a line is to a group.
pub(super) enum Branch<'a> {
    /// Text of the outermost group itself, without its bar.
    Own(&'a str),
    /// It was taken.
    Taken,
    /// It does not belong to the tree.
    Outside,
}

impl Group {
    /// The group that begins with `  + Exception Group Traceback (most recent …`.
    pub(super) fn begin(line: &str) -> Option<Self> {
        let bars = line.trim_start_matches(' ');
        let text = bars.trim_start_matches(['|', '+', ' ']);
        text.starts_with("Exception Group Traceback (most recent call last):")
            .then(|| Self {
                depth: line.len() - bars.len(),
                ..Self::default()
            })
    }

    /// Takes a line of the tree.
    pub(super) fn push<'a>(&mut self, line: &'a str) -> Branch<'a> {
        let bars = line.trim_start_matches(' ');
        let depth = line.len() - bars.len();
        if bars.starts_with("+-") {
            self.is_told = false;
            return Branch::Taken;
        }
        let Some(text) = bars.strip_prefix('|') else {
            return Branch::Outside;
        };
        let text = text.strip_prefix(' ').unwrap_or(text);
        if depth <= self.depth {
            return Branch::Own(text);
        }
        if super::CHAINS.contains(&text.trim()) {
            // What comes is the exception; what came was its cause.
            self.leaves.pop();
            self.shown.pop();
            self.is_told = false;
        } else if !self.is_told && !text.is_empty() && !text.starts_with(' ') && !is_start(text) {
            self.is_told = true;
            self.keep(line, text);
        }
        Branch::Taken
    }

    fn keep(&mut self, line: &str, text: &str) {
        if self.shown.len() >= MAX_LEAVES {
            return;
        }
        self.shown.push(line.to_owned());
        let is_group = text.ends_with(" sub-exception)") || text.ends_with(" sub-exceptions)");
        if !is_group {
            self.leaves.push(text.to_owned());
        }
    }
}

fn is_start(text: &str) -> bool {
    text.ends_with("Traceback (most recent call last):")
}
