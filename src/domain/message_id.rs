//! The strict grammar of message ids (I13).

/// Longest id that is taken over into a header of ours, in octets.
const MAX_LENGTH: usize = 250;

/// Whether `id` (without angle brackets) is a `msg-id` of RFC 5322, 3.6.4,
/// without the obsolete forms: `dot-atom-text "@" (dot-atom-text / "[" *dtext "]")`,
/// at most 250 octets. Such an id holds no white space, no control character
/// and no angle bracket, so it cannot carry a header into a mail of ours.
pub fn is_valid(id: &str) -> bool {
    if id.len() > MAX_LENGTH {
        return false;
    }
    let Some((left, right)) = id.split_once('@') else {
        return false;
    };
    is_dot_atom(left) && (is_dot_atom(right) || is_literal(right))
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_literal(text: &str) -> bool {
    text.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|inner| {
            inner
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"[]\\<>".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn what_servers_make_is_valid() {
        for id in [
            "20261122.4N3X@mail.python.org",
            "CA+3b=x@gmail.com",
            "a@[::1]",
        ] {
            assert!(is_valid(id), "{id}");
        }
    }

    #[test]
    fn what_could_carry_a_header_is_not() {
        for id in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b\r\nBcc: x@y",
            "a@b>",
            "a@b@c",
        ] {
            assert!(!is_valid(id), "{id}");
        }
    }
}
