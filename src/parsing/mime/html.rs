//! Just enough HTML to read a notice that has no plain text.

/// Tags before and after which a line ends.
const BLOCKS: [&str; 16] = [
    "p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "pre", "hr", "body",
    "title",
];
/// Elements whose text nobody sees.
const HIDDEN: [&str; 3] = ["script", "style", "head"];

/// The text of an HTML part, blocks on lines of their own. The target of a link
/// follows on the next line, indented by four spaces: Buildbot's HTML notices
/// give the build's address only so.
pub(super) fn to_text(html: &str) -> String {
    let mut out = Output::default();
    let mut rest = html;
    while let Some((text, behind)) = rest.split_once('<') {
        out.text(text);
        rest = skip_tag(behind, &mut out);
    }
    out.text(rest);
    out.end_line();
    out.done
}

/// Reads the tag that begins `text` (its `<` already taken) and returns what is
/// behind it; behind the whole element if it is a hidden one.
fn skip_tag<'a>(text: &'a str, out: &mut Output) -> &'a str {
    if let Some(comment) = text.strip_prefix("!--") {
        return comment.split_once("-->").map_or("", |(_, rest)| rest);
    }
    let Some((tag, rest)) = text.split_once('>') else {
        return "";
    };
    let name = tag
        .trim_start_matches('/')
        .split(|ch: char| !ch.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if HIDDEN.contains(&name.as_str()) && !tag.starts_with('/') {
        return find_closing(rest, &name);
    }
    if BLOCKS.contains(&name.as_str()) {
        out.end_line();
    }
    if name == "a"
        && let Some(target) = href(tag)
    {
        out.links.push(decode(target));
    }
    rest
}

fn find_closing<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("</") {
        let is_closing = behind
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name));
        if is_closing {
            return behind.split_once('>').map_or("", |(_, rest)| rest);
        }
        rest = behind;
    }
    ""
}

fn href(tag: &str) -> Option<&str> {
    let (_, value) = tag.split_once("href=")?;
    match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split_once(quote).map(|(url, _)| url),
        _ => value.split_ascii_whitespace().next(),
    }
}

#[derive(Default)]
struct Output {
    done: String,
    line: String,
    space_due: bool,
    links: Vec<String>,
}

impl Output {
    fn text(&mut self, text: &str) {
        for ch in decode(text).chars() {
            if ch.is_whitespace() {
                self.space_due = !self.line.is_empty();
                continue;
            }
            if std::mem::take(&mut self.space_due) {
                self.line.push(' ');
            }
            self.line.push(ch);
        }
    }

    fn end_line(&mut self) {
        self.space_due = false;
        if !self.line.is_empty() {
            self.done.push_str(&self.line);
            self.done.push('\n');
            self.line.clear();
        }
        for link in self.links.drain(..) {
            self.done.push_str("    ");
            self.done.push_str(link.trim());
            self.done.push('\n');
        }
    }
}

/// Undoes the character references that occur in notices.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let reference = behind
            .split_once(';')
            .filter(|(name, _)| name.len() <= 8)
            .and_then(|(name, after)| Some((character(name)?, after)));
        match reference {
            Some((ch, after)) => {
                out.push(ch);
                rest = after;
            }
            None => {
                out.push('&');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn blocks_become_lines_and_links_stay_readable() {
        let html = "<html><head><style>p { color: red }</style></head><body>\n<p>A new failure has been \
            detected on builder <a href=\"https://x/#/builders/1/builds/2?a=1&amp;b=2\">AMD64 &lt;x&gt; \
            3.x</a> while building P.</p>\n<ul><li>Build state: <b>failed</b> test</li>\n<li>Worker:\n \
            w</li></ul></body></html>";
        expect_test::expect![[r#"
            A new failure has been detected on builder AMD64 <x> 3.x while building P.
                https://x/#/builders/1/builds/2?a=1&b=2
            Build state: failed test
            Worker: w
        "#]]
        .assert_eq(&to_text(html));
    }

    #[test]
    fn broken_html_is_read_as_far_as_it_goes() {
        for html in [
            "<",
            "<a href=\"x",
            "<script>",
            "&#xffffffff;&#1114112;",
            "a<!-- b",
            "</",
            "<style></sty",
        ] {
            to_text(html);
        }
    }
}
