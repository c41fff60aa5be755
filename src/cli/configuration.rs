//! `botmm check` and `botmm init`.

use clap::Args;
use std::path::PathBuf;

/// `botmm check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm check                        what is built in\n  \
    botmm check --config my.toml       that, with my.toml on top\n\n\
    Exit code 3 when the configuration is refused; the one line of the message names the file, the\n\
    key and what is allowed.")]
pub struct CheckArgs {
    /// Configuration whose keys go on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print as JSON, every coin's parameters spelt out.
    #[arg(long)]
    pub json: bool,
}

/// `botmm init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  \
    botmm init                 botmm.toml in this folder\n  \
    botmm init my.toml         another name\n  \
    botmm init --force         anew, over what is there\n\n\
    Every key in the file is switched off and at its default. A file that is already there stays: on a\n\
    terminal you are asked, anywhere else it is an error.")]
pub struct InitArgs {
    /// The file to write.
    #[arg(value_name = "PATH", default_value = "botmm.toml")]
    pub path: PathBuf,
    /// Overwrite a file that is already there, without asking.
    #[arg(long)]
    pub force: bool,
}
