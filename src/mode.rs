//! One short file a verb.

pub mod check;

use crate::cli::Verb;
use crate::exit::AppError;

/// Does what was asked.
pub fn run(verb: Verb) -> Result<(), AppError> {
    let later = |what: &str| {
        Err(AppError::data(what, "is not part of this build yet", "only `botmm check` is"))
    };
    match verb {
        Verb::Check(args) => check::run(&args),
        Verb::Replay(_) => later("replay"),
        Verb::Paper(_) => later("paper"),
    }
}
