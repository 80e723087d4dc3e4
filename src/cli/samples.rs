//! The mails of the demo: notifications as the list's members receive them.

/// A mail to put into the mailbox.
pub(super) struct Sample {
    /// The file's name.
    pub(super) name: String,
    /// The octets.
    pub(super) raw: Vec<u8>,
}

macro_rules! notices {
    ($($file:literal),* $(,)?) => {
        [$(include_bytes!(concat!("../../fixtures/mails/", $file)).as_slice()),*]
    };
}

/// Notifications as the CI system sends them, before the list has seen them.
const NOTICES: [&[u8]; 7] = notices![
    "bb43-single-test-method.eml",
    "bb43-timeout-faulthandler.eml",
    "bb43-refleak-fdleak.eml",
    "bb403-many-files-subtests.eml",
    "bb403-compile-failure.eml",
    "bb403-segfault.eml",
    "default-plain-4.x-recovery.eml",
];

/// What went through the list already: a notification, and a person's answer to it.
const POSTS: [&[u8]; 2] = [
    include_bytes!("../../fixtures/mails/mailman-post-multi-builder.eml"),
    include_bytes!("../../fixtures/demo/human-reply.eml"),
];

/// Every mail of the demo, in order.
pub(super) fn mails() -> Vec<Sample> {
    let notices = NOTICES
        .iter()
        .enumerate()
        .map(|(index, raw)| posted(index + 1, raw));
    let posts = POSTS.iter().map(|raw| raw.to_vec());
    notices
        .chain(posts)
        .enumerate()
        // A Maildir's names begin with the second of delivery.
        .map(|(index, raw)| Sample {
            name: format!("{}.demo{index}.example", 1_795_324_000 + index),
            raw,
        })
        .collect()
}

/// What a list adds to a mail: an id if there is none, and its own name.
fn posted(number: usize, raw: &[u8]) -> Vec<u8> {
    let headers = format!(
        "Message-ID: <demo-{number}@buildbot.example.org>\r\n\
         List-Id: <buildbot-status.python.org>\r\n"
    );
    [headers.as_bytes(), raw].concat()
}
