//! Names with `*` and `?` in them.

use serde::Serialize;

/// A pattern for a whole name: `*` stands for any characters, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Glob {
    /// As it is written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it takes the whole name. Walks back to the last `*` only, so that the
    /// time is bounded by the product of the lengths.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut in_name) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while let Some(char) = name.get(in_name) {
            match pattern.get(at) {
                Some('*') => {
                    back = Some((at + 1, in_name));
                    at += 1;
                }
                Some(wanted) if *wanted == '?' || wanted == char => {
                    at += 1;
                    in_name += 1;
                }
                _ => {
                    let Some((after, taken)) = back else {
                        return false;
                    };
                    back = Some((after, taken + 1));
                    at = after;
                    in_name = taken + 1;
                }
            }
        }
        pattern.iter().skip(at).all(|rest| *rest == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        let check = |pattern: &str, name: &str, expect: bool| {
            assert_eq!(Glob::new(pattern).matches(name), expect, "{pattern} {name}");
        };
        check("AMD64 *", "AMD64 Fedora 3.x", true);
        check("*Windows*", "AMD64 Windows11 3.x", true);
        check("*Windows*", "AMD64 Fedora 3.x", false);
        check("3.?", "3.x", true);
        check("3.?", "3.15", false);
        check("*a*b", "xaxbxb", true);
        check("*a*b", "xaxbxc", false);
        check("3.x", "3.x", true);
        check("3.x", "3.x ", false);
        check("", "", true);
        check("", "x", false);
        check("***", "", true);
        check("é?", "éé", true);
        let long = "a".repeat(2000);
        check(&format!("{}b", "*a".repeat(20)), &long, false);
    }
}
