//! What differs between two texts, line by line.

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It stands in both.
    Same,
    /// It stands in the second alone.
    Added,
    /// It stands in the first alone.
    Removed,
}

/// Of longer texts everything between the first and the last line that differs counts
/// as replaced: comparing takes the product of the two lengths.
const MOST_COMPARED: usize = 1_000_000;

/// The lines of both, the fewest possible of them removed and added.
pub(crate) fn differences<'a>(before: &'a str, after: &'a str) -> Vec<(Kind, &'a str)> {
    let mut old: Vec<&str> = before.lines().collect();
    let mut new: Vec<&str> = after.lines().collect();
    let pairs = || old.iter().zip(&new);
    let begin = pairs().take_while(|(one, other)| one == other).count();
    let mut lines: Vec<(Kind, &str)> = old.drain(..begin).map(|line| (Kind::Same, line)).collect();
    new.drain(..begin);
    let backwards = old.iter().rev().zip(new.iter().rev());
    let end = backwards.take_while(|(one, other)| one == other).count();
    let tail = old.split_off(old.len() - end);
    new.truncate(new.len() - end);
    lines.extend(between(&old, &new));
    lines.extend(tail.into_iter().map(|line| (Kind::Same, line)));
    lines
}

/// By the longest common subsequence.
fn between<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Kind, &'a str)> {
    if old.len().saturating_mul(new.len()) > MOST_COMPARED {
        return replaced(old, new);
    }
    // Row `i`, column `j`: how many lines the ends of both from there on share.
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    let at = |common: &[u32], i: usize, j: usize| common.get(i * width + j).copied().unwrap_or(0);
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let best = if line == other {
                at(&common, i + 1, j + 1) + 1
            } else {
                at(&common, i + 1, j).max(at(&common, i, j + 1))
            };
            if let Some(cell) = common.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(line), Some(other)) = (old.get(i), new.get(j)) {
        if line == other {
            lines.push((Kind::Same, *line));
            (i, j) = (i + 1, j + 1);
        } else if at(&common, i + 1, j) >= at(&common, i, j + 1) {
            lines.push((Kind::Removed, *line));
            i += 1;
        } else {
            lines.push((Kind::Added, *other));
            j += 1;
        }
    }
    let (old, new) = (old.get(i..), new.get(j..));
    lines.extend(replaced(old.unwrap_or_default(), new.unwrap_or_default()));
    lines
}

fn replaced<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Kind, &'a str)> {
    let removed = old.iter().map(|line| (Kind::Removed, *line));
    let added = new.iter().map(|line| (Kind::Added, *line));
    removed.chain(added).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, expect: &str) {
        let marked = |(kind, line): &(Kind, &str)| match kind {
            Kind::Same => format!(" {line}"),
            Kind::Added => format!("+{line}"),
            Kind::Removed => format!("-{line}"),
        };
        let lines: Vec<String> = differences(before, after).iter().map(marked).collect();
        assert_eq!(lines.join("|"), expect);
    }

    #[test]
    fn the_fewest_lines_differ() {
        check("", "", "");
        check("a\nb", "a\nb\n", " a| b");
        check("a\nb\nc", "a\nc", " a|-b| c");
        check("a\nc", "a\nb\nc", " a|+b| c");
        check("a\nb\nc\nd", "b\nx\nd\ne", "-a| b|-c|+x| d|+e");
        check("a\na", "a\na\na", " a| a|+a");
    }

    #[test]
    fn long_texts_are_replaced_as_a_whole() {
        let text = |mark: &str| -> String { (0..1500).map(|n| format!("{mark}{n}\n")).collect() };
        let (before, after) = (format!("x\n{}y", text("a")), format!("x\n{}y", text("b")));
        let lines = differences(&before, &after);
        assert_eq!(lines.len(), 3002);
        assert_eq!(lines.first(), Some(&(Kind::Same, "x")));
        assert_eq!(lines.last(), Some(&(Kind::Same, "y")));
    }
}
