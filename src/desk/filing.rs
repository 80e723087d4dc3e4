//! A build that somebody names, for which nobody mailed.

use std::sync::Arc;

pub use crate::store::Taken;
pub use crate::worker::NotFiled;

/// Reads the build at an address and takes it in, in the name of the second; it may
/// take minutes. Whoever puts the program together knows how.
pub type Filing = Arc<dyn Fn(&str, &str) -> Result<Taken, NotFiled> + Send + Sync>;
