//! The `botmm` command.

use botmm::exit::Exit;
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = botmm::cli::Cli::parse();
    match botmm::mode::run(cli.into_verb()) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            botmm::terminal::complain(&error);
            error.exit().into()
        }
    }
}
