//! At the beginning of a UTC day the limits become shares of what the account is worth then: what was won,
//! lost, brought and taken the day before is in it, and the new day's loss is counted from there.

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::reload::Reload;
use super::task::Turn;
use crate::exit::AppError;
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::{Nanos, Usd};
use std::sync::Arc;

/// When the account is asked again after it did not answer.
const AGAIN: Nanos = Nanos::secs(60);
/// How long an answer may take, the wait for other questions included.
const PATIENCE: Nanos = Nanos::secs(60);

/// Asks what the account is worth.
pub type AskWorth = Arc<dyn Fn() -> Result<Usd, AppError> + Send + Sync>;

/// See the module.
pub struct Capital {
    ask: AskWorth,
    /// Whose value holds.
    day: i64,
    next: Nanos,
    asked: Option<(i64, Pending<Result<Usd, AppError>>)>,
}

impl Capital {
    /// The start has just asked.
    pub fn new(ask: AskWorth, now: Nanos) -> Self {
        Self { ask, day: utc_day(now), next: now, asked: None }
    }

    /// Asks when a day begins, and lets the limits follow.
    pub fn turn(&mut self, reload: &mut Reload, turn: &mut Turn<'_>) {
        let (now, today) = (turn.now, utc_day(turn.now));
        let Some((day, asked)) = &self.asked else {
            if today != self.day && now >= self.next {
                let ask = self.ask.clone();
                let work = move || ask();
                self.asked = Some((today, turn.workers.questions.send(now, PATIENCE, work)));
            }
            return;
        };
        let (day, Some(answer)) = (*day, asked.told(now)) else { return };
        self.asked = None;
        match answer {
            Ok(worth) => {
                self.day = day;
                reload.account_is_worth(worth);
            }
            Err(why) => {
                self.next = now + AGAIN;
                let said = format!(
                    "the account's value could not be read for the new day ({why}): limits stay as \
                     they are; asking again"
                );
                turn.say(Alert::warn(Topic::Account, said));
            }
        }
    }
}
