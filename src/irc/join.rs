//! Into the channel, or why not in words.

use super::line::Line;
use super::wire::Wire;
use super::{IrcError, IrcSettings};
use crate::domain::untrusted::plain_line;

/// What a number says of a channel that we are not let into (RFC 2812, section 5.2;
/// 477 as most servers mean it), and what to do.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("403", "there is no such channel", "Check channel in [irc]."),
    (
        "405",
        "we are in too many channels",
        "Use an account that is in fewer.",
    ),
    (
        "437",
        "it cannot be joined for now",
        "Nothing: it is tried again.",
    ),
    (
        "470",
        "it leads to another one (+f)",
        "Choose that one in [irc], or ask its operators.",
    ),
    (
        "471",
        "it is full",
        "Ask its operators to raise the limit (+l).",
    ),
    (
        "473",
        "one has to be invited (+i)",
        "Ask its operators for an invitation exception (+I).",
    ),
    ("474", "we are banned (+b)", "Ask its operators."),
    (
        "475",
        "its key is missing or wrong (+k)",
        "Check channel_key in [irc].",
    ),
    (
        "476",
        "that is not the name of a channel",
        "Check channel in [irc].",
    ),
    (
        "477",
        "it is for those who are logged in (+r)",
        "Give user and password, or certificate, in [irc].",
    ),
    (
        "479",
        "that is not the name of a channel",
        "Check channel in [irc].",
    ),
    (
        "480",
        "it cannot be joined for now",
        "Nothing: it is tried again.",
    ),
    (
        "489",
        "it is for connections with TLS",
        "Ask its operators.",
    ),
    (
        "520",
        "it is for operators of the server",
        "Choose another channel in [irc].",
    ),
];

/// Joins the channel.
pub(super) async fn join(
    wire: &mut Wire,
    settings: &IrcSettings,
    nick: &str,
) -> Result<(), IrcError> {
    let channel = &settings.channel;
    let key = settings.key.as_ref();
    let key = key.map_or(String::new(), |key| format!(" {}", key.expose()));
    wire.send(&format!("JOIN {channel}{key}")).await?;
    loop {
        let line = wire.next().await?;
        match line.command.as_str() {
            "PING" => wire.send(&format!("PONG :{}", line.words())).await?,
            "ERROR" => return Err(IrcError::ended(line.words())),
            "JOIN" if line.from.eq_ignore_ascii_case(nick) => return Ok(()),
            _ => {
                if let Some(refusal) = refusal(&line, channel) {
                    return Err(refusal);
                }
            }
        }
    }
}

fn refusal(line: &Line, channel: &str) -> Option<IrcError> {
    if !line.param(1).eq_ignore_ascii_case(channel) {
        return None;
    }
    let words = plain_line(line.words(), 200);
    let number = match line.command.as_str() {
        // ngIRCd's number for that is the one of a channel that is full.
        "471" if words.to_ascii_lowercase().contains("registered users") => "477",
        other => other,
    };
    let (_, why, remedy) = REFUSALS.iter().find(|(known, ..)| *known == number)?;
    let what = format!("{channel} cannot be joined: {why}; the server says: {words}");
    Some(IrcError::refused(what, remedy))
}
