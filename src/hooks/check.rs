//! A webhook is tried for `check`.

use reqwest::Method;

use super::{ANSWER_CAP, Hook, Posted};
use crate::domain::Seconds;
use crate::domain::alert::Message;
use crate::domain::finding::Finding;

/// Asks the server of a webhook for its front page: the name, the connection and the
/// certificate are tried, and nothing is posted.
pub async fn check(hook: &Hook) -> Finding {
    let mut front = hook.url.clone();
    front.set_path("/");
    front.set_query(None);
    front.set_fragment(None);
    let host = hook.host();
    let asked = hook.http.request(Method::HEAD, front);
    match hook.http.send(asked, ANSWER_CAP).await {
        Ok(_) => Finding::fine(format!(
            "connect to {host}: it answers; nothing was posted (--send-test does)"
        )),
        Err(broken) => Finding::bad(format!("connect to {host}: {broken}"), broken.remedy()),
    }
}

/// Posts a message, to see that it arrives.
pub async fn send_test(hook: &Hook, message: &Message, now: Seconds) -> Finding {
    let host = hook.host();
    match hook.post(message, "test", now).await {
        Posted::Taken(_) => Finding::fine(format!("post a test to {host}: it was taken")),
        Posted::Refused { why, remedy, .. } => {
            Finding::bad(format!("post a test to {host}: {why}"), remedy)
        }
        Posted::Unclear(why) => Finding::doubtful(
            format!("post a test to {host}: {why}"),
            "Check whether it arrived.",
        ),
    }
}
