//! The `botmm` command.

use botmm::exit::Exit;
use botmm::masked::masked;
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    botmm::terminal::give_back_on_panic();
    let cli = match botmm::cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => return explain(&refused),
    };
    match botmm::mode::run(cli.into_verb()) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            botmm::terminal::complain(&error);
            error.exit().into()
        }
    }
}

/// What clap has to say: help, the version, or what is wrong with the command line, which it repeats.
fn explain(refused: &clap::Error) -> ExitCode {
    let text = refused.to_string();
    let shown = masked(&text);
    if shown == text {
        refused.exit(); // In colours, where there are any.
    }
    eprint!("{shown}");
    Exit::Usage.into()
}
