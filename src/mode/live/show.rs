//! Where the status of a running bot goes.

use crate::side::screen::Picture;
use crate::terminal;
use std::io::IsTerminal as _;
use std::time::Duration;

/// Pictures of the status screen, and lines where there is no screen.
const SCREEN_EVERY: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// See the module.
pub enum Show {
    /// A terminal: one refreshed screen.
    Screen,
    /// A pipe or a log: a line now and then.
    Lines,
    /// Nothing but the summary.
    Nothing,
}

impl Show {
    /// By what stdout is.
    pub fn choose(json: bool) -> Self {
        match json {
            true => Self::Nothing,
            false if std::io::stdout().is_terminal() => Self::Screen,
            false => Self::Lines,
        }
    }

    /// The alternate screen, without a cursor: what was there before comes back at the end.
    pub fn begin(&self) {
        if matches!(self, Self::Screen) {
            let _ = terminal::print("\x1b[?1049h\x1b[?25l");
        }
    }

    /// How often.
    pub fn every(&self) -> Duration {
        if matches!(self, Self::Screen) { SCREEN_EVERY } else { LINE_EVERY }
    }

    /// Shows where the bot stands.
    pub fn picture(&self, picture: &Picture<'_>) {
        let _ = match self {
            Self::Screen => {
                // Each line erases the rest of what was there, so that nothing flickers.
                let text = picture.text().replace('\n', "\x1b[K\n");
                terminal::print(&format!("\x1b[H{text}\x1b[J"))
            }
            Self::Lines => terminal::print(&format!("{}\n", picture.line())),
            Self::Nothing => Ok(()),
        };
    }
}

/// However it ends, a panic included, the terminal is given back as it was.
impl Drop for Show {
    fn drop(&mut self) {
        if matches!(self, Self::Screen) {
            let _ = terminal::print("\x1b[?25h\x1b[?1049l");
        }
    }
}
