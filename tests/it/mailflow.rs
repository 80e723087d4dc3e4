//! What becomes of each mail, from the mailbox to the list and the tracker: with
//! the real list and mail servers where they add something, else on a desk.

mod answers_folder;
mod approvals;
mod auto;
mod auto_acting;
mod by_mail;
pub mod by_real_mail;
mod caps;
pub mod desk;
pub mod dkim;
mod doubts;
mod incidents;
mod letters;
mod long_history;
mod never_answered;
pub mod on_disk;
pub mod on_the_list;
mod people;
mod reopening;
mod reported;
mod restored;
mod rules;
mod signing;
mod smtp_line;
mod twins;
