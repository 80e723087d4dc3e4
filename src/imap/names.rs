//! Folders: opening one, and their names on the wire.

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode};

use crate::domain::mailbox::Selected;
use crate::imap::error::ImapError;
use crate::imap::wire::Wire;

/// Opens a folder for reading only.
pub(super) async fn examine(wire: &mut Wire, folder: &str) -> Result<Selected, ImapError> {
    let mut uidvalidity = None;
    let mut uidnext = None;
    let mut exists = 0;
    let command = format!("EXAMINE {}", quoted(folder));
    let answer = wire
        .command(&command, |response| match response {
            Response::Data { outcome, .. } => match outcome.code {
                Some(ResponseCode::UidValidity(number)) => uidvalidity = Some(number),
                Some(ResponseCode::UidNext(number)) => uidnext = Some(number),
                _ => {}
            },
            Response::MailboxData(MailboxDatum::Exists(number)) => exists = *number,
            _ => {}
        })
        .await;
    // How many there are is no news; whoever opens a folder looks into it.
    wire.forget_news();
    if let Err(error) = answer {
        return Err(missing_or(error, wire, folder).await);
    }
    let Some(uidvalidity) = uidvalidity else {
        // RFC 9051, section 2.3.1.1 demands it; without it no mail has a name.
        return Err(ImapError::Unreadable {
            why: "it gives the folder no UIDVALIDITY".to_owned(),
        });
    };
    let uidnext = match uidnext {
        Some(number) => number,
        None => highest_uid(wire).await?.saturating_add(1),
    };
    Ok(Selected {
        uidvalidity,
        uidnext,
        exists,
    })
}

/// For servers that do not say UIDNEXT, which RFC 3501 only wished for.
async fn highest_uid(wire: &mut Wire) -> Result<u32, ImapError> {
    let mut highest = 0;
    wire.command("UID SEARCH ALL", |response| {
        if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
            highest = uids.iter().copied().fold(highest, u32::max);
        }
    })
    .await?;
    Ok(highest)
}

/// A refused EXAMINE is a missing folder only if the folder is not listed.
async fn missing_or(error: ImapError, wire: &mut Wire, folder: &str) -> ImapError {
    if !error.is_plain_refusal() {
        return error;
    }
    match folders(wire).await {
        Ok(existing) if !existing.iter().any(|name| *name == encode(folder)) => {
            ImapError::FolderMissing {
                folder: folder.to_owned(),
                existing,
            }
        }
        _ => error,
    }
}

/// The folders of the account, as the server spells them; at most 100.
async fn folders(wire: &mut Wire) -> Result<Vec<String>, ImapError> {
    let mut names = Vec::new();
    wire.command("LIST \"\" \"*\"", |response| {
        if let Response::MailboxData(MailboxDatum::List(folder)) = response
            && names.len() < 100
        {
            names.push(folder.name.to_string());
        }
    })
    .await?;
    names.sort_unstable();
    Ok(names)
}

/// A folder's name as a quoted string. Line breaks can't stand in one, so they
/// are left out; the folder is then not found.
fn quoted(folder: &str) -> String {
    let mut quoted = String::from("\"");
    for c in encode(folder).chars() {
        match c {
            '\r' | '\n' | '\0' => {}
            '"' | '\\' => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Modified UTF-7 (RFC 3501, section 5.1.3): `Entwürfe` is `Entw&APw-rfe`.
fn encode(folder: &str) -> String {
    let mut encoded = String::new();
    let mut shifted: Vec<u16> = Vec::new();
    for c in folder.chars() {
        if c.is_ascii() {
            flush(&mut encoded, &mut shifted);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    flush(&mut encoded, &mut shifted);
    encoded
}

/// Writes out the characters beyond ASCII: base64 of UTF-16 with `,` for `/`.
fn flush(encoded: &mut String, shifted: &mut Vec<u16>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
    if shifted.is_empty() {
        return;
    }
    encoded.push('&');
    let bytes: Vec<u8> = shifted.drain(..).flat_map(u16::to_be_bytes).collect();
    for chunk in bytes.chunks(3) {
        let mut bits = 0_u32;
        for index in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for index in 0..=chunk.len() {
            let six = (bits >> (18 - 6 * index)) & 63;
            let digit = ALPHABET.get(six as usize).copied().unwrap_or(b'A');
            encoded.push(char::from(digit));
        }
    }
    encoded.push('-');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_ascii_are_encoded() {
        assert_eq!(encode("INBOX"), "INBOX");
        assert_eq!(encode("Entwürfe"), "Entw&APw-rfe");
        assert_eq!(encode("a&b"), "a&-b");
        // The example of RFC 3501, section 5.1.3.
        assert_eq!(
            encode("~peter/mail/台北/日本語"),
            "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
        );
        assert_eq!(encode("\u{2620}\u{1F600}"), "&JiDYPd4A-");
    }

    #[test]
    fn names_can_not_break_out_of_their_quotes() {
        assert_eq!(quoted("a\"b\\c\r\nA1 DELETE x"), r#""a\"b\\cA1 DELETE x""#);
    }
}
