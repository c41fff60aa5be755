//! What whoever is away is told of a run's beginning and end, beside what happens in between.

use super::Live;
use crate::exit::AppError;
use crate::journal::line::{self, Line};
use crate::masked::masked;
use crate::report::Summary;
use crate::side::alert::{Alert, Topic};
use crate::side::errands::Errands;
use crate::side::notify::Notify;
use crate::side::takeover::Difference;
use crate::when::utc;
use botmm_pipeline::rt::threads::Threads;
use botmm_pipeline::rt::{HaltLevel, WallClock};

impl Live {
    /// The run has begun, and the account was found otherwise than the last one left it.
    pub(super) fn tell_the_beginning(&mut self, found: Vec<Difference>) {
        let coins: Vec<_> = self.config.universe.iter().map(|(_, i)| i.coin.to_string()).collect();
        let worth = self.venue.start.value;
        let text = format!("started: {}; the account is worth {worth} USD", coins.join(", "));
        self.tasks.notify.tell(self.start_time, &Alert::info(Topic::Run, text));
        for Difference { coin, words } in found {
            if let Some(journal) = &mut self.journal {
                let (time, alert) = (utc(self.start_time), masked(&words).into_owned());
                journal.write_line(&Line::Alert(line::Alert {
                    time,
                    coin: Some(coin.clone()),
                    alert,
                }));
            }
            self.say(Alert::warn(Topic::Account, format!("{coin}: {words}")));
        }
    }

    /// What ended the run, when it was not a person.
    pub(super) fn ended_by(&self) -> Option<String> {
        let dead = self.threads.as_ref().and_then(Threads::dead_lane);
        let is_halted = self.pipeline.level.raised() == HaltLevel::Halt;
        dead.map(|lane| format!("lane {lane} died"))
            .or_else(|| is_halted.then(|| self.why_halted()))
    }
}

/// What is told of a run's end.
pub(super) fn end_of(summary: &Summary, by: Option<&str>, left: &Result<(), AppError>) -> Alert {
    let words = format!(
        "net {} USD, {} fills, volume {} USD",
        summary.net_pnl_usd, summary.fills, summary.volume_usd
    );
    match (left, by) {
        (Err(e), _) => Alert::critical(Topic::Run, format!("ended, and {e}; {words}")),
        (Ok(()), Some(why)) => {
            Alert::critical(Topic::Run, format!("halted, no order of ours rests: {why}; {words}"))
        }
        (Ok(()), None) => {
            Alert::info(Topic::Run, format!("ended, no order of ours rests; {words}"))
        }
    }
}

/// Tells it, and waits a moment until that and all that was to be told before has arrived.
pub(super) fn tell_the_end(notify: &mut Notify, errands: &Errands, clock: &WallClock, end: &Alert) {
    notify.tell(clock.now(), end);
    notify.settle(errands, &|| clock.now());
}
