//! One mail at a time, in pieces, so that memory holds one mail and one piece.

use async_imap::imap_proto::{AttributeValue, Response};

use crate::domain::Seconds;
use crate::imap::Session;
use crate::imap::error::ImapError;

/// The size of a piece, in octets.
const PIECE: u64 = 1024 * 1024;

/// What became of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetching {
    /// The mail.
    Mail(Fetched),
    /// Somebody deleted it meanwhile.
    Gone,
}

/// One mail as it lies in the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID.
    pub uid: u32,
    /// Its octets; the first part of them if it is `truncated`.
    pub raw: Vec<u8>,
    /// How large it is in octets, by the server's word if it is `truncated`.
    pub size: u64,
    /// Whether it is larger than allowed and `raw` is only its head.
    pub truncated: bool,
    /// When the server took it in (INTERNALDATE), by the server's clock.
    pub received_at: Option<Seconds>,
}

impl Session {
    /// Fetches one mail. `\Seen` stays as it is.
    ///
    /// # Errors
    /// The connection is gone, the server refuses, or its answer can't be read.
    /// [`crate::domain::mailbox::FetchTries`] says when to give a mail up.
    pub async fn fetch(&mut self, uid: u32) -> Result<Fetching, ImapError> {
        let Some((size, received_at)) = self.size_of(uid).await? else {
            return Ok(Fetching::Gone);
        };
        let limit = if size > self.settings.max_size {
            self.settings.head_size.min(self.settings.max_size)
        } else {
            self.settings.max_size
        };
        let Some(raw) = self.first_octets(uid, size, limit).await? else {
            return Ok(Fetching::Gone);
        };
        let fetched = raw.len() as u64;
        let truncated = fetched >= limit && size != fetched;
        Ok(Fetching::Mail(Fetched {
            uid,
            raw,
            size: if truncated {
                size.max(fetched)
            } else {
                fetched
            },
            truncated,
            received_at,
        }))
    }

    async fn size_of(&mut self, uid: u32) -> Result<Option<(u64, Option<Seconds>)>, ImapError> {
        let mut size = None;
        let mut received_at = None;
        let command = format!("UID FETCH {uid} (UID RFC822.SIZE INTERNALDATE)");
        self.wire
            .command(&command, |response| {
                for attribute in attributes_of(response, uid) {
                    match attribute {
                        AttributeValue::Rfc822Size(octets) => size = Some(u64::from(*octets)),
                        AttributeValue::InternalDate(date) => received_at = seconds(date),
                        _ => {}
                    }
                }
            })
            .await?;
        Ok(size.map(|size| (size, received_at)))
    }

    /// Fetches piece after piece until nothing more comes. The size the server
    /// named is a lower bound only: some servers estimate it, and some give out
    /// shorter pieces than they are asked for.
    async fn first_octets(
        &mut self,
        uid: u32,
        size: u64,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ImapError> {
        let expected = size.min(limit).saturating_add(1);
        let mut raw = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        while (raw.len() as u64) < limit {
            let offset = raw.len() as u64;
            let wanted = PIECE.min(limit - offset);
            if !self.append_piece(uid, offset, wanted, &mut raw).await? {
                return Ok(None);
            }
            let got = (raw.len() as u64).saturating_sub(offset);
            if got > wanted && offset > 0 {
                return Err(ImapError::Unreadable {
                    why: "it sends more of a mail than was asked for".to_owned(),
                });
            }
            let is_short = got != wanted;
            if got == 0 || is_short && raw.len() as u64 >= size {
                break;
            }
        }
        if raw.is_empty() && size > 0 {
            return Err(ImapError::Unreadable {
                why: format!("a mail of {size} octets comes as nothing"),
            });
        }
        raw.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Some(raw))
    }

    /// Whether the mail is still there.
    async fn append_piece(
        &mut self,
        uid: u32,
        offset: u64,
        wanted: u64,
        raw: &mut Vec<u8>,
    ) -> Result<bool, ImapError> {
        let mut answered = false;
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[]<{offset}.{wanted}>)");
        self.wire
            .command(&command, |response| {
                for attribute in attributes_of(response, uid) {
                    if let AttributeValue::BodySection {
                        section: None,
                        data,
                        ..
                    } = attribute
                    {
                        answered = true;
                        raw.extend_from_slice(data.as_deref().unwrap_or_default());
                    }
                }
            })
            .await?;
        Ok(answered)
    }
}

/// The attributes of a FETCH response for this mail. Others may come unasked,
/// when another program changes flags.
fn attributes_of<'a>(response: &'a Response<'a>, uid: u32) -> &'a [AttributeValue<'a>] {
    match response {
        Response::Fetch(_, attributes) if attributes.contains(&AttributeValue::Uid(uid)) => {
            attributes
        }
        _ => &[],
    }
}

/// `17-Jul-2026 02:44:25 -0700` (RFC 9051, section 9, `date-time`).
fn seconds(internal_date: &str) -> Option<Seconds> {
    let (date, time) = internal_date.trim().split_once(' ')?;
    let text = format!("{} {time}", date.replace('-', " "));
    let date = mail_parser::DateTime::parse_rfc822(&text)?;
    (date.is_valid()).then(|| date.to_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates_are_read() {
        assert_eq!(seconds("17-Jul-2026 02:44:25 -0700"), Some(1_784_281_465));
        assert_eq!(seconds(" 7-Jul-2026 00:00:00 +0000"), Some(1_783_382_400));
        assert_eq!(seconds("nonsense"), None);
    }
}
