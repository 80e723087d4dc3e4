//! A log's lines as the readers want them: without Buildbot's stream letters,
//! bounded, without private keys.

use super::ci_decoration::undecorated;

/// Longest line that is looked at, in bytes; the rest of it is skipped.
const MAX_LINE: usize = 64 * 1024;
/// Lines looked at to tell whether a log has stream letters.
const SAMPLE: usize = 200;

/// The lines of a log, without copying them.
pub(super) fn lines(log: &str) -> impl Iterator<Item = &str> {
    let letters = has_stream_letters(log);
    let mut in_key = false;
    log.lines().filter_map(move |line| {
        let line = clipped(line);
        let line = match letters {
            true => without_letter(line),
            false => undecorated(line),
        };
        let was_in_key = in_key;
        if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
            in_key = true;
        }
        let ends = line.contains("-----END ");
        let hidden = in_key || was_in_key;
        if ends || line.is_empty() {
            in_key = false;
        }
        (!hidden).then_some(line)
    })
}

/// Buildbot stores `h` (header), `o` (stdout) or `e` (stderr) before each line.
/// A log in which (nearly) every line begins so, has them; a short one must
/// begin with a header.
fn has_stream_letters(log: &str) -> bool {
    let mut seen = 0;
    let mut with_letter = 0;
    for line in log.lines().take(SAMPLE) {
        seen += 1;
        with_letter += usize::from(line.starts_with(['h', 'o', 'e']));
    }
    let nearly_all = seen > 0 && with_letter * 50 >= seen * 49;
    nearly_all && (seen >= 10 || log.starts_with('h'))
}

fn without_letter(line: &str) -> &str {
    line.strip_prefix(['h', 'o', 'e']).unwrap_or(line)
}

fn clipped(line: &str) -> &str {
    if line.len() <= MAX_LINE {
        return line;
    }
    let end = (0..=MAX_LINE).rev().find(|at| line.is_char_boundary(*at));
    end.and_then(|end| line.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_stripped_only_where_all_lines_have_them() {
        let log = "hmake test\noone\no\netwo\n";
        assert_eq!(
            lines(log).collect::<Vec<_>>(),
            ["make test", "one", "", "two"]
        );
        let plain = "make test\none\n\nerror\n";
        assert_eq!(
            lines(plain).collect::<Vec<_>>(),
            ["make test", "one", "", "error"]
        );
    }

    #[test]
    fn private_keys_and_long_lines_are_cut_out() {
        let log = "a\n-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nb\n";
        assert_eq!(lines(log).collect::<Vec<_>>(), ["a", "b"]);
        let long = "é".repeat(MAX_LINE);
        assert_eq!(lines(&long).next().unwrap().len(), MAX_LINE);
    }
}
