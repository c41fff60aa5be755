//! Parameters that change while the bot trades: those of files, and the limits that are shares of the
//! account's value.

use super::capital::{AskWorth, Capital};
use super::reload::Reload;
use super::task::{Task, Turn};
use botmm_pipeline::types::Nanos;

/// See the module.
pub struct Params {
    /// What the files say, and what the stages were told.
    pub reload: Reload,
    capital: Capital,
}

impl Params {
    /// The start has just read the files, and asked what the account is worth.
    pub fn new(reload: Reload, worth: AskWorth, now: Nanos) -> Self {
        Self { reload, capital: Capital::new(worth, now) }
    }
}

impl Task for Params {
    fn name(&self) -> &'static str {
        "parameters"
    }

    fn turn(&mut self, turn: &mut Turn<'_>) {
        self.capital.turn(&mut self.reload, turn);
        self.reload.turn(turn);
    }
}
