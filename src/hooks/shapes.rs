//! What each kind of receiver wants to be posted.
//!
//! | shape | receiver | text |
//! |---|---|---|
//! | `json` | any program | the parts of each thing besides the words |
//! | `discord` | Discord, execute webhook | `content`, at most 2000; `allowed_mentions` allow nobody |
//! | `slack` | Slack, incoming webhook | `text`, with `&`, `<`, `>` as entities |
//! | `zulip` | Zulip's Slack-compatible incoming webhook | `text`, in Zulip's Markdown |
//! | `matrix` | matrix-hookshot, generic webhook | `text` and `html` |

use serde_json::{Value, json};

use crate::domain::Seconds;
use crate::domain::alert::{Item, Markup, Message, Shape};
use crate::domain::calendar::timestamp;
use crate::domain::untrusted::plain_line;

/// Who speaks.
const NAME: &str = "buildbot-watch";

/// What Discord takes of a text, in UTF-16 code units.
const DISCORD_MOST: usize = 2000;

/// Zulip takes 10,000 characters and Slack cuts at 40,000; nobody reads as much.
const MOST: usize = 4000;

/// Names of builders and failures that are told to programs, of each thing.
const MOST_NAMES: usize = 20;

/// The longest such name, in characters.
const NAME_CHARS: usize = 300;

/// The body of a request that posts a message.
pub(super) fn body(shape: Shape, message: &Message, id: &str, now: Seconds) -> Value {
    match shape {
        Shape::Json => json!({
            "version": 1,
            "id": id,
            "sent_at": timestamp(now),
            "text": message.text(Markup::Plain, MOST),
            "events": message.items.iter().map(event).collect::<Vec<_>>(),
        }),
        Shape::Discord => json!({
            "username": NAME,
            "content": message.text(Markup::Discord, DISCORD_MOST),
            "allowed_mentions": { "parse": [] },
        }),
        Shape::Slack => json!({
            "text": message.text(Markup::Slack, MOST),
            "unfurl_links": false,
            "unfurl_media": false,
        }),
        Shape::Zulip => json!({ "text": message.text(Markup::Zulip, MOST) }),
        Shape::Matrix => json!({
            "username": NAME,
            "text": message.text(Markup::Plain, MOST),
            "html": message.text(Markup::Html, MOST),
        }),
    }
}

fn event(item: &Item) -> Value {
    let names = |names: &[String]| -> Vec<String> {
        names
            .iter()
            .take(MOST_NAMES)
            .map(|name| plain_line(name, NAME_CHARS))
            .collect()
    };
    json!({
        "event": item.event.name(),
        "text": item.line.rendered(Markup::Plain),
        "since": timestamp(item.since),
        "notification": item.notification,
        "builders": names(&item.builders),
        "failures": names(&item.failures),
        "failure_count": item.failures.len(),
        "certainty": item.certainty,
        "link": item.link,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::domain::alert::{Event, Line, Piece};

    fn message() -> Message {
        let item = Item {
            event: Event::Drafts,
            line: Line(vec![
                Piece::Own("New draft 12: ".to_owned()),
                Piece::Foreign("test_os @here <!channel>".to_owned()),
                Piece::Own(" ".to_owned()),
                Piece::Link("https://watch.example.org/draft/12".to_owned()),
            ]),
            since: 1_800_000_000,
            notification: Some(12),
            builders: vec!["AMD64 Fedora\n3.x".to_owned()],
            failures: vec!["test_os".to_owned()],
            certainty: Some("new"),
            link: Some("https://watch.example.org/draft/12".to_owned()),
        };
        Message { items: vec![item] }
    }

    #[track_caller]
    fn check(shape: Shape, expect: Expect) {
        let body = body(shape, &message(), "9", 1_800_000_060);
        let text = serde_json::to_string_pretty(&body).unwrap();
        expect.assert_eq(&text.replace('\u{200b}', "|"));
    }

    #[test]
    fn programs_get_the_parts() {
        check(
            Shape::Json,
            expect![[r#"
                {
                  "events": [
                    {
                      "builders": [
                        "AMD64 Fedora 3.x"
                      ],
                      "certainty": "new",
                      "event": "drafts",
                      "failure_count": 1,
                      "failures": [
                        "test_os"
                      ],
                      "link": "https://watch.example.org/draft/12",
                      "notification": 12,
                      "since": "2027-01-15T08:00:00Z",
                      "text": "New draft 12: test_os @|here <!channel> https://watch.example.org/draft/12"
                    }
                  ],
                  "id": "9",
                  "sent_at": "2027-01-15T08:01:00Z",
                  "text": "New draft 12: test_os @|here <!channel> https://watch.example.org/draft/12",
                  "version": 1
                }"#]],
        );
    }

    #[test]
    fn each_chat_gets_what_it_takes() {
        check(
            Shape::Discord,
            expect![[r#"
                {
                  "allowed_mentions": {
                    "parse": []
                  },
                  "content": "New draft 12: `test_os @|here <!channel>` <https://watch.example.org/draft/12>",
                  "username": "buildbot-watch"
                }"#]],
        );
        check(
            Shape::Slack,
            expect![[r#"
                {
                  "text": "New draft 12: `test_os @|here &lt;!channel&gt;` <https://watch.example.org/draft/12>",
                  "unfurl_links": false,
                  "unfurl_media": false
                }"#]],
        );
        check(
            Shape::Zulip,
            expect![[r#"
                {
                  "text": "New draft 12: `test_os @|here <!channel>` https://watch.example.org/draft/12"
                }"#]],
        );
        check(
            Shape::Matrix,
            expect![[r#"
                {
                  "html": "New draft 12: <code>test_os @|here &lt;!channel&gt;</code> <a href=\"https://watch.example.org/draft/12\">https://watch.example.org/draft/12</a>",
                  "text": "New draft 12: test_os @|here <!channel> https://watch.example.org/draft/12",
                  "username": "buildbot-watch"
                }"#]],
        );
    }
}
