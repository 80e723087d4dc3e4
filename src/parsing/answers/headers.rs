//! The headers of a mail in their order, read strictly: what looks odd is no answer.

/// Octets of headers that an answer may have.
const MOST_OCTETS: usize = 256 * 1024;

/// Headers that an answer may have.
const MOST_HEADERS: usize = 500;

/// One header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// In lower case.
    pub(super) name: String,
    /// Unfolded (RFC 5322, section 2.2.3), without white space around it.
    pub(super) value: String,
}

/// Everything up to the first empty line, from the top.
///
/// # Errors
///
/// What is wrong, in a sentence without a full stop.
pub(super) fn headers(raw: &[u8]) -> Result<Vec<Header>, String> {
    let mut all: Vec<Header> = Vec::new();
    let mut octets = 0;
    for line in raw.split_inclusive(|octet| *octet == b'\n') {
        octets += line.len();
        if octets > MOST_OCTETS || all.len() > MOST_HEADERS {
            return Err("it has more headers than an answer has".to_owned());
        }
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            let Some(last) = all.last_mut() else {
                return Err("its first header has no name".to_owned());
            };
            if !last.value.is_empty() {
                last.value.push(' ');
            }
            last.value.push_str(line.trim());
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err("a line between its headers is none".to_owned());
        };
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a header has a name that is none".to_owned());
        }
        all.push(Header {
            name: name.to_ascii_lowercase(),
            value: value.trim().to_owned(),
        });
    }
    Ok(all)
}

/// The values of every header of that name (in lower case), from the top.
pub(super) fn values<'a>(headers: &'a [Header], name: &str) -> Vec<&'a str> {
    let named = headers.iter().filter(|header| header.name == name);
    named.map(|header| header.value.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_and_are_unfolded() {
        let raw = b"A: 1\r\nb:\r\n  two\r\n\tthree\r\nA : 4\r\n\r\nA: body\r\n";
        let all = headers(raw).unwrap();
        assert_eq!(values(&all, "a"), ["1", "4"]);
        assert_eq!(values(&all, "b"), ["two three"]);
    }

    #[test]
    fn what_looks_odd_is_refused() {
        for raw in [
            " folded: first\r\n",
            "no colon\r\n",
            ": x\r\n",
            "a b: x\r\n",
        ] {
            assert!(headers(raw.as_bytes()).is_err(), "{raw:?}");
        }
        assert!(headers("a: b\r\n".repeat(502).as_bytes()).is_err());
        assert!(headers(format!("a: {}\r\n", "x".repeat(300_000)).as_bytes()).is_err());
    }
}
