//! What becomes of each mail, from the mailbox to the list and the tracker: with
//! the real list and mail servers where they add something, else on a desk.

mod answers_folder;
mod approvals;
mod auto;
mod by_mail;
mod by_real_mail;
mod caps;
pub mod desk;
mod dkim;
mod doubts;
mod incidents;
mod letters;
mod never_answered;
mod on_the_list;
mod people;
mod restored;
mod rules;
mod signing;
mod smtp_line;
mod twins;
