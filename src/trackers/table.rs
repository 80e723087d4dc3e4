//! The table below a comment: put in, or put in the place of an earlier one.

/// The lines that a table stands between, and nothing else does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fence {
    /// The line before it.
    pub(super) start: &'static str,
    /// The line behind it.
    pub(super) end: &'static str,
}

/// The text with the table as its last part, or where a table stood before. Other
/// lines stay as they are, but for the ends of lines.
pub(super) fn with_table(text: &str, table: &str, fence: Fence) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let at = |wanted: &str| lines.iter().position(|line| line.trim() == wanted);
    let (before, after) = match (at(fence.start), at(fence.end)) {
        (Some(start), Some(end)) if start < end => (
            lines.get(..start).unwrap_or_default(),
            lines.get(end + 1..).unwrap_or_default(),
        ),
        _ => (lines.as_slice(), [].as_slice()),
    };
    let mut whole = before.join("\n");
    whole.truncate(whole.trim_end().len());
    whole.push_str(&format!(
        "\n\n{}\n{}\n{}\n",
        fence.start,
        table.trim_end(),
        fence.end
    ));
    for line in after {
        whole.push_str(line);
        whole.push('\n');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const FENCE: Fence = Fence {
        start: "<!-- table -->",
        end: "<!-- end -->",
    };

    #[test]
    fn a_table_is_put_below_and_then_replaced() {
        let first = with_table("It failed.\r\nHere.\n\n", "a: 1\n", FENCE);
        assert_eq!(
            first,
            "It failed.\nHere.\n\n<!-- table -->\na: 1\n<!-- end -->\n"
        );
        let edited = format!("{first}And a person adds this.\n");
        let second = with_table(&edited, "a: 2\nb: 1", FENCE);
        assert_eq!(
            second,
            "It failed.\nHere.\n\n<!-- table -->\na: 2\nb: 1\n<!-- end -->\n\
             And a person adds this.\n"
        );
        assert_eq!(with_table(&second, "a: 2\nb: 1", FENCE), second);
    }

    #[test]
    fn half_a_fence_is_text() {
        for half in ["x\n<!-- table -->\ny", "x\n<!-- end -->\n<!-- table -->"] {
            let whole = with_table(half, "a: 1", FENCE);
            assert!(whole.starts_with(half), "{whole}");
            assert!(whole.ends_with("<!-- table -->\na: 1\n<!-- end -->\n"));
        }
    }
}
