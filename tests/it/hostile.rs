//! Mails that somebody made to do harm: too large, too deep, or with words that
//! mean something to a terminal, a tracker or a mail program.

pub mod bounds;
pub mod texts;
