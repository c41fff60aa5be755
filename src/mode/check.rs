//! `botmm check`: is the configuration sound, and what does it come to?

use super::session;
use crate::cli::CheckArgs;
use crate::exit::AppError;
use crate::settings::Draft;
use crate::terminal;

/// Validates, then prints the resolved configuration; warnings go to stderr.
pub fn run(args: &CheckArgs) -> Result<(), AppError> {
    let file = session::config_file(args.config.as_deref());
    let draft = Draft::load(file.as_deref(), &|name| std::env::var(name).ok())?;
    let settings = draft.with_live_file()?.build()?;
    for warning in &settings.warnings {
        terminal::complain(format_args!("warning: {warning}"));
    }
    let text = if args.json { format!("{:#}\n", settings.to_json()) } else { settings.render() };
    terminal::print(&text)
}
