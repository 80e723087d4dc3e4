//! Ids of our own mails, issues and comments.
//!
//! They are HMAC-SHA256 with the instance's key, so that nobody else can post
//! something under an id before we do or pass off a mail as ours. What carries
//! a valid one and is not in the store was made by this instance before an old
//! database was restored (I22).

use ring::hmac;

use crate::domain::draft::hex;

/// How many hex digits of a hash an id has: 128 bits.
const ID_DIGITS: usize = 32;

/// The Message-ID, without angle brackets, of the reply to the notification with
/// this content key: `bbw.<32 hex>@domain`.
///
/// There is one reply to a notification at most. Its id depends on nothing that
/// the database counts, so that an old copy of the database gives the same one
/// and finds out that it was sent (I22). `domain` comes from the configuration.
pub fn message_id(key: &[u8], content_key: &str, domain: &str) -> String {
    let hash = keyed(key, "message-id", &[content_key]);
    format!("bbw.{}@{domain}", short(&hash))
}

/// How many hex digits of a hash a token has: 80 bits. It is part of an address, whose
/// local part has 64 octets at most (RFC 5321, section 4.5.3.1.1).
pub const TOKEN_DIGITS: usize = 20;

/// What binds a person's answer to one revision of one draft: [`TOKEN_DIGITS`] hex
/// digits that nobody can guess. `round` counts the tokens for the same that are used up.
pub fn answer_token(
    key: &[u8],
    (content_key, revision, digest): (&str, u32, &str),
    approver: &str,
    round: u64,
) -> String {
    let (revision, round) = (revision.to_string(), round.to_string());
    let texts = [content_key, &revision, digest, approver, &round];
    let mut token = keyed(key, "answer-token", &texts);
    token.truncate(TOKEN_DIGITS);
    token
}

/// What the Message-ID of every mail to an approver begins with.
const LETTER: &str = "bbw.letter.";

/// The Message-ID, without angle brackets, of a mail to an approver. `about` tells it
/// from all others.
pub fn letter_id(key: &[u8], about: &[&str], domain: &str) -> String {
    let hash = keyed(key, "letter-id", about);
    format!("{LETTER}{}@{domain}", short(&hash))
}

/// Whether an id has the form of a mail to an approver; whether it is one, the store
/// knows.
pub fn is_letter_id(id: &str) -> bool {
    id.starts_with(LETTER)
}

/// What the loop header of the mail with this Message-ID holds: 64 hex digits.
pub fn loop_header(key: &[u8], message_id: &str) -> String {
    keyed(key, "loop", &[message_id])
}

/// Whether this instance wrote the mail with this Message-ID and loop header.
pub fn is_own_loop_header(key: &[u8], message_id: &str, header: &str) -> bool {
    loop_header(key, message_id) == header.trim().to_ascii_lowercase()
}

/// The hidden mark of one effect in the tracker, for the notification with this
/// content key: 64 hex digits. `work` names the effect among those of the draft,
/// and by nothing that the database counts (I22): `open 0`, `comment 1 on 123`.
///
/// The first half names the effect, the second proves that the first is ours.
pub fn marker(key: &[u8], content_key: &str, work: &str) -> String {
    let hash = keyed(key, "marker", &[content_key, work]);
    let id = short(&hash);
    let proof = marker_proof(key, id);
    format!("{id}{proof}")
}

/// Whether this instance made the marker, whatever for. It counts only in a
/// text that our own account wrote: anybody can copy it.
pub fn is_own_marker(key: &[u8], marker: &str) -> bool {
    match marker.split_at_checked(ID_DIGITS) {
        Some((id, proof)) => marker_proof(key, id) == proof,
        None => false,
    }
}

fn marker_proof(key: &[u8], id: &str) -> String {
    short(&keyed(key, "marker-proof", &[id])).to_owned()
}

fn short(hash: &str) -> &str {
    hash.get(..ID_DIGITS).unwrap_or_default()
}

/// HMAC-SHA256 in hex over a purpose and texts, each with its length in front:
/// one hash is never valid for another purpose or another split of the texts.
fn keyed(key: &[u8], purpose: &str, texts: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for text in std::iter::once(&purpose).chain(texts) {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    hex(context.sign().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"an instance key";

    #[test]
    fn message_ids_are_stable_and_pass_the_grammar() {
        let id = message_id(KEY, "abc", "example.org");
        assert_eq!(id, "bbw.15ea997fe6300300ec89666c2bca78a6@example.org");
        assert!(crate::domain::message_id::is_valid(&id));
        assert_ne!(id, message_id(KEY, "abd", "example.org"));
        assert_ne!(id, message_id(b"another key", "abc", "example.org"));
    }

    #[test]
    fn loop_headers_belong_to_one_mail() {
        let header = loop_header(KEY, "a@x");
        assert_eq!(header.len(), 64);
        assert!(is_own_loop_header(KEY, "a@x", &header));
        assert!(is_own_loop_header(KEY, "a@x", &format!(" {header}\r\n")));
        assert!(!is_own_loop_header(KEY, "b@x", &header));
        assert!(!is_own_loop_header(b"another key", "a@x", &header));
        for forged in ["", "yes", &"0".repeat(64), "☠"] {
            assert!(!is_own_loop_header(KEY, "a@x", forged));
        }
    }

    #[test]
    fn markers_prove_themselves() {
        let marker = marker(KEY, "abc", "open 0");
        assert_eq!(marker.len(), 64);
        assert!(is_own_marker(KEY, &marker));
        assert_ne!(marker, super::marker(KEY, "abc", "open 1"));
        assert_ne!(
            super::marker(KEY, "abc1", "x"),
            super::marker(KEY, "abc", "1x")
        );
        assert!(!is_own_marker(b"another key", &marker));
        let (id, proof) = marker.split_at(ID_DIGITS);
        let swapped = format!("{proof}{id}");
        for forged in ["", "☠☠☠☠☠☠☠☠☠☠☠☠", &"0".repeat(64), &swapped, id] {
            assert!(!is_own_marker(KEY, forged), "{forged}");
        }
    }
}
