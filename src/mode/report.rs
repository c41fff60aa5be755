//! `botmm report`: what a run or a backtest came to, and why, as one page.

use crate::cli::ReportArgs;
use crate::exit::AppError;
use crate::files::{Readers, write_whole};
use crate::report::page;
use crate::terminal;

/// The page's name in a run's folder.
const NAME: &str = "report.html";

/// Runs the verb.
pub fn run(args: &ReportArgs) -> Result<(), AppError> {
    let page = page(&args.folder, args.parity.as_deref())?;
    let is_printed_alone = args.json || args.text;
    let beside = (!is_printed_alone).then(|| (args.folder.join(NAME), Readers::Group));
    let place = args.out.clone().map(|path| (path, Readers::All)).or(beside);
    if let Some((path, readers)) = &place {
        write_whole(path, page.to_html().as_bytes(), *readers)?;
    }
    let text = match args.json {
        true => page.to_json().map_err(|e| {
            AppError::data(args.folder.display().to_string(), e.to_string(), "report it")
        })?,
        false => page.to_string(),
    };
    terminal::print(&text)?;
    if let Some((path, _)) = place {
        terminal::complain(format_args!("the page: {}", path.display()));
    }
    Ok(())
}
