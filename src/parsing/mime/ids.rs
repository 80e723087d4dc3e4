//! The strict grammar of message ids (I13).

use crate::domain::message_id::is_valid;

/// The valid ids among those in angle brackets, in order.
pub(in crate::parsing) fn valid_ids(header: &str) -> Vec<String> {
    header
        .split('<')
        .skip(1)
        .filter_map(|piece| piece.split_once('>'))
        .map(|(id, _)| id)
        .filter(|id| is_valid(id))
        .map(str::to_owned)
        .collect()
}

/// The id of a header that holds exactly one and nothing besides.
pub(super) fn only_id(header: &str) -> Option<String> {
    let id = header.trim().strip_prefix('<')?.strip_suffix('>')?;
    is_valid(id).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_servers_make() {
        for id in [
            "20261122052600.4N3XyZ0001@mail.python.org",
            "CA+3bQGEreplyexample1@mail.gmail.com",
            "owner/repo/check-suites/CS_x/1700000000@github.com",
            "a@[127.0.0.1]",
        ] {
            assert!(is_valid(id), "{id}");
        }
    }

    #[test]
    fn refuses_what_could_carry_a_header() {
        for id in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b\r\nBcc: x@y",
            "a@b>",
            "a..b@c",
            "a@b@c",
            "\"a\"@b",
            "ä@b",
            "a@[x y]",
            &format!("{}@b", "a".repeat(250)),
        ] {
            assert!(!is_valid(id), "{id}");
        }
    }

    #[test]
    fn finds_ids_among_rubbish() {
        assert_eq!(valid_ids("<a@b> x <c d@e>\r\n <f@g>"), ["a@b", "f@g"]);
        assert_eq!(only_id(" <a@b> "), Some("a@b".to_owned()));
        assert_eq!(only_id("<a@b> <c@d>"), None);
        assert_eq!(only_id("a@b"), None);
    }
}
