//! How much may leave.

use crate::domain::Seconds;

/// The caps. They can be configured downwards freely, upwards with a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Replies to one notification.
    pub replies_per_notification: u32,
    /// Replies in any 3,600 s.
    pub replies_per_hour: u32,
    /// Replies in any 86,400 s.
    pub replies_per_day: u32,
    /// Replies in one mail thread.
    pub replies_per_thread: u32,
    /// Issues opened in one pass over the due deliveries.
    pub new_issues_per_run: u32,
    /// Issues opened in any 86,400 s.
    pub new_issues_per_day: u32,
    /// Seconds between two writes to the tracker, at least.
    pub seconds_between_tracker_writes: u32,
    /// Writes to the tracker in any 60 s.
    pub tracker_writes_per_minute: u32,
    /// Writes to the tracker in any 3,600 s.
    pub tracker_writes_per_hour: u32,
    /// The same text does not go to the list twice within this many days.
    pub same_body_days: u32,
    /// No automatic action on a notification older than this many seconds.
    pub max_action_age: Seconds,
}

impl Limits {
    /// What is promised when nothing is configured. The pace of writes is
    /// GitHub's: its documentation asks for one second between writes and
    /// refuses more than 80 a minute or 500 an hour.
    pub const PROMISED: Self = Self {
        replies_per_notification: 1,
        replies_per_hour: 6,
        replies_per_day: 30,
        replies_per_thread: 2,
        new_issues_per_run: 1,
        new_issues_per_day: 3,
        seconds_between_tracker_writes: 1,
        tracker_writes_per_minute: 80,
        tracker_writes_per_hour: 500,
        same_body_days: 30,
        max_action_age: 24 * 3600,
    };

    /// One sentence for each limit that allows more than [`Limits::PROMISED`].
    pub fn warnings(&self) -> Vec<String> {
        let promised = Self::PROMISED;
        let too_high = self
            .caps()
            .into_iter()
            .zip(promised.caps())
            .filter(|((_, set), (_, usual))| set > usual)
            .map(|((what, set), (_, usual))| (what, set, "more", usual));
        let too_low = self
            .floors()
            .into_iter()
            .zip(promised.floors())
            .filter(|((_, set), (_, usual))| set < usual)
            .map(|((what, set), (_, usual))| (what, set, "less", usual));
        too_high
            .chain(too_low)
            .map(|(what, set, which, usual)| {
                format!("{what}: {set}; {which} than {usual} is risky")
            })
            .collect()
    }

    /// Where more is looser.
    fn caps(&self) -> [(&'static str, Seconds); 9] {
        [
            (
                "replies per notification",
                self.replies_per_notification.into(),
            ),
            ("replies per hour", self.replies_per_hour.into()),
            ("replies per day", self.replies_per_day.into()),
            ("replies per thread", self.replies_per_thread.into()),
            ("new issues per run", self.new_issues_per_run.into()),
            ("new issues per day", self.new_issues_per_day.into()),
            (
                "writes to the tracker per minute",
                self.tracker_writes_per_minute.into(),
            ),
            (
                "writes to the tracker per hour",
                self.tracker_writes_per_hour.into(),
            ),
            (
                "greatest age for automatic actions, in seconds",
                self.max_action_age,
            ),
        ]
    }

    /// Where less is looser.
    fn floors(&self) -> [(&'static str, Seconds); 2] {
        [
            (
                "seconds between writes to the tracker",
                self.seconds_between_tracker_writes.into(),
            ),
            (
                "days before the same text may go to the list again",
                self.same_body_days.into(),
            ),
        ]
    }
}
