//! DKIM signatures (RFC 6376) made by the tests: rsa-sha256, relaxed/simple.

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{digest, signature};

use crate::world::World;

/// Headers that are signed where they are there.
const SIGNED: [&str; 6] = ["from", "to", "subject", "message-id", "in-reply-to", "date"];

/// A mail with CRLF line ends, with a signature of `domain` on top.
pub fn signed(world: &World, domain: &str, mail: &str) -> Vec<u8> {
    let path = world.mail.dkim_keys.join(format!("{domain}.key"));
    let key = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let key = RsaKeyPair::from_pkcs8(&key).expect("an RSA key");
    let mail = mail.replace("\r\n", "\n").replace('\n', "\r\n");
    let (head, body) = mail.split_once("\r\n\r\n").expect("headers and a body");
    let body = format!("{}\r\n", body.trim_end_matches("\r\n"));
    let found: Vec<(String, String)> = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), relaxed(value)))
        .filter(|(name, _)| SIGNED.contains(&name.as_str()))
        .collect();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let hash = base64(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    let tags = format!(
        "v=1; a=rsa-sha256; c=relaxed/simple; d={domain}; s=tests; h={}; bh={hash}; b=",
        names.join(":")
    );
    let mut text: String = found
        .iter()
        .map(|(name, value)| format!("{name}:{value}\r\n"))
        .collect();
    text.push_str(&format!("dkim-signature:{tags}"));
    let mut proof = vec![0; key.public().modulus_len()];
    let padding: &'static dyn signature::RsaEncoding = &RSA_PKCS1_SHA256;
    key.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut proof)
        .expect("a signature");
    let proof = base64(&proof);
    format!("DKIM-Signature: {tags}{proof}\r\n{head}\r\n\r\n{body}").into_bytes()
}

/// Runs of white space are one space (RFC 6376, section 3.4.2).
fn relaxed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0_u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for at in 0..4 {
            match at <= chunk.len() {
                true => text.push(char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize])),
                false => text.push('='),
            }
        }
    }
    text
}
