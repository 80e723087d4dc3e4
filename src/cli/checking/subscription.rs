//! Whether the list takes us in, and sends us what we write: as far as the database
//! knows, because asking the list would be a mail.

use crate::cli::words::date;
use crate::config::{Config, Outgoing};
use crate::daemon;
use crate::desk::facts::{OwnPosts, Replies, own_posts};
use crate::desk::outside::{standing, verb};
use crate::domain::finding::Finding;
use crate::store::{Store, Subscription};
use crate::worker::{UNSEEN_AFTER, wall_clock};

/// Looks into the database, if there is one. What is wrong with that is told elsewhere.
pub(super) fn findings(config: &Config) -> Vec<Finding> {
    let path = daemon::database(config);
    if matches!(config.outgoing, Outgoing::Maildir { .. }) || !path.exists() {
        return Vec::new();
    }
    let Ok(store) = Store::open(&path) else {
        return Vec::new();
    };
    let last = store.subscription().ok().flatten();
    let unseen = store.unseen_replies(wall_clock() - UNSEEN_AFTER);
    let unseen = unseen.map_or(0, |replies| replies.len());
    let mut findings: Vec<Finding> = last.iter().map(subscription).collect();
    if let Ok(Some(own)) = own_posts(&store, Replies::ToTheList) {
        findings.push(echo(own, unseen));
    }
    findings
}

fn subscription(last: &Subscription) -> Finding {
    match last.ended {
        Some((at, outcome)) => Finding::fine(format!(
            "{} is {} ({})",
            last.address,
            standing(last, outcome),
            date(at)
        )),
        None => Finding::doubtful(
            format!(
                "{} was asked on {} to {} {}, and that is not done yet",
                last.list,
                date(last.begun_at),
                last.request.name(),
                last.address
            ),
            format!("Type `{}` to go on.", verb(last.request)),
        ),
    }
}

fn echo(own: OwnPosts, unseen: usize) -> Finding {
    match own {
        OwnPosts::Seen(at) => {
            Finding::fine(format!("our own posts come back, seen on {}", date(at)))
        }
        OwnPosts::NotSeen if unseen > 0 => Finding::doubtful(
            "our own posts were not seen yet, although replies left over an hour ago",
            "Turn the member option \"receive own postings\" on (the README tells how), or ask \
             the list's owner whether posts are held.",
        ),
        OwnPosts::NotSeen => Finding::fine(
            "our own posts were not seen yet; the first reply shows whether they come back",
        ),
    }
}
