//! Where the status of a running bot goes.

use crate::speaker;
use crate::terminal;
use crate::ui::screen::Sheet;
use crate::ui::view::View;
use console::Term;
use std::io::IsTerminal as _;
use std::time::Duration;

/// Pictures of the status screen, and lines where there is no screen.
const SCREEN_EVERY: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How long the end of a run, with orders to cancel, waits for a terminal that takes nothing.
const SETTLE: Duration = Duration::from_millis(200);
/// Of a terminal that does not tell its size.
const USUAL_SIZE: (u16, u16) = (24, 80);

/// See the module.
pub enum Show {
    /// A terminal: one refreshed screen.
    Screen,
    /// A pipe or a log: a line now and then.
    Lines,
    /// Nothing but the summary.
    Nothing,
    /// A defect of ours.
    #[cfg(test)]
    Panics,
}

impl Show {
    /// By what stdout is; a terminal that cannot move its cursor gets lines.
    pub fn choose(json: bool) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        match json {
            true => Self::Nothing,
            false if std::io::stdout().is_terminal() && !is_dumb => Self::Screen,
            false => Self::Lines,
        }
    }

    /// How often.
    pub fn every(&self) -> Duration {
        if matches!(self, Self::Screen) { SCREEN_EVERY } else { LINE_EVERY }
    }

    /// Whether `q` was pressed since the last look.
    pub fn is_asked_to_end(&self) -> bool {
        matches!(self, Self::Screen) && terminal::has_pressed(b'q')
    }

    /// Shows where the bot stands.
    pub fn view(&self, view: &View) {
        match self {
            Self::Screen => speaker::draw(view.text(sheet())),
            Self::Lines => speaker::print(view.line()),
            Self::Nothing => {}
            #[cfg(test)]
            Self::Panics => panic!("a test"),
        }
    }
}

fn sheet() -> Sheet {
    let (rows, cols) = Term::stdout().size_checked().unwrap_or(USUAL_SIZE);
    // https://no-color.org: any value but the empty one switches colours off.
    let has_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Sheet { cols: cols.into(), rows: rows.into(), has_colour }
}

/// However it ends, a panic included, the terminal is given back as it was.
impl Drop for Show {
    fn drop(&mut self) {
        if speaker::settle(SETTLE) && matches!(self, Self::Screen) {
            terminal::give_back();
        }
    }
}
