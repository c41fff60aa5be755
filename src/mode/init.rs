//! `botmm init`: a configuration file to begin with.

use crate::cli::InitArgs;
use crate::exit::AppError;
use crate::files::{Readers, write_whole};
use crate::masked::masked;
use crate::{settings, terminal};

/// Writes the file, whole or not at all, and says how to go on. What is there already stays, unless
/// `--force` or a person at the terminal says otherwise.
pub fn run(args: &InitArgs) -> Result<(), AppError> {
    let path = args.path.display();
    // A link to nowhere is there too.
    let taken = args.path.symlink_metadata().is_ok();
    if taken
        && !args.force
        && !terminal::confirm(&format!("{path} is already there. Overwrite it?"))
    {
        return Err(AppError::Usage(format!(
            "{path}: already there, and left as it is; name another file, or give --force to write it \
             anew"
        )));
    }
    write_whole(&args.path, settings::starter().as_bytes(), Readers::All)?;
    terminal::print(&masked(&format!(
        "{path}: written; every key in it is still switched off. Change some, then\n  \
         botmm check --config {path}\n  botmm --config {path}\n"
    )))
}
