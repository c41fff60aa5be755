//! `botmm check`: is the configuration sound, and what does it come to?

use crate::bot::session;
use crate::cli::CheckArgs;
use crate::exit::AppError;
use crate::masked::masked;
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
    // Coins, paths and where each value came from are a person's words.
    let text = match args.json {
        true => {
            let mut json = settings.to_json();
            let hash = json["sha256"].take();
            json = serde_json::from_str(&masked(&json.to_string())).unwrap_or(json);
            json["sha256"] = hash;
            format!("{json:#}\n")
        }
        false => masked(&settings.render()).into_owned(),
    };
    terminal::print(&text)
}
