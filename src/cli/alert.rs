//! What `botmm alert` takes.

use crate::side::alert::Level;
use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use std::path::PathBuf;

/// `botmm alert`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    DISCORD_WEBHOOK_URL=https://... botmm alert 'does this reach me?'\n  \
    botmm alert --level critical 'the disk of host 2 is full'\n\n\
    Where it goes is set up as for a bot: see docs/alerts.md. Exit code 5: a webhook did not take it\n\
    within 20 s.")]
pub struct AlertArgs {
    /// What to tell.
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// How soon a person should look: info, warn, critical.
    #[arg(long, value_name = "LEVEL", default_value = "info",
          value_parser = PossibleValuesParser::new(["info", "warn", "critical"])
              .map(|word| Level::from_word(&word).unwrap_or(Level::Info)))]
    pub level: Level,
    /// Configuration file, with the webhooks' files [default: botmm.toml here, if there is one].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
