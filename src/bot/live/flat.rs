//! The end of a run that leaves no position either (`--flatten`): once no order rests, what is held of its coins is
//! closed over HTTPS, as `botmm kill --flatten` does. The lanes still go, so that the fills and what they cost come
//! over the order link into ledger and journal like all others.

use super::{Live, TURN};
use crate::exit::AppError;
use crate::side::alert::{Alert, Topic};
use crate::venue_api::flatten::{FLATTEN_FOR, Flatten, flatten};
use crate::venue_api::sweep::Sweep;
use botmm_pipeline::stage::status::AssetStatus;
use botmm_pipeline::types::Usd;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// So long after it is flat its last fills may come over the order link.
const FILLS_WITHIN: Duration = Duration::from_secs(5);

impl Live {
    /// Closes what is held, where that was asked for.
    ///
    /// # Errors
    /// What is left.
    pub(super) fn flatten(&mut self) -> Result<(), AppError> {
        let Some(within_bps) = self.flatten_within_bps else { return Ok(()) };
        self.watchdog.flattens();
        self.tasks.service.flattens(FLATTEN_FOR + FILLS_WITHIN);
        let (fills, fees) = self.paid();
        let coins = self.config.universe.iter().map(|(_, i)| i.coin.to_string()).collect();
        let how = Flatten::new(Some(coins), within_bps, FLATTEN_FOR);
        let how = Flatten { session: Some(self.tasks.state.session()), ..how };
        let (way, clock) = (self.way.clone(), self.clock.clone());
        let (tell, told) = mpsc::channel();
        let work = move || {
            let mut venue = Sweep::of(way()?, clock);
            flatten(&mut venue, &how, &|| false, &mut |said| drop(tell.send(said)))
        };
        // Who hears of fills must not wait for the venue.
        let work = thread::Builder::new().name("flatten".to_owned()).spawn(work);
        let work = work.map_err(AppError::io("flatten thread", "start"))?;
        while !work.is_finished() {
            self.say_what_was_closed(&told);
        }
        let came_to = work.join().unwrap_or_else(|_| {
            let problem = "the thread that closes positions panicked";
            Err(AppError::data("flatten", problem, "close them on the venue's page"))
        });
        let since = Instant::now();
        self.say_what_was_closed(&told);
        while came_to.is_ok() && self.holds_something() && since.elapsed() < FILLS_WITHIN {
            self.say_what_was_closed(&told);
        }
        self.say_what_was_closed(&told); // What it cost is counted by now.
        let (fills_now, fees_now) = self.paid();
        self.about.notes.push(match &came_to {
            Ok(()) if self.holds_something() => {
                "flat at the end, says the venue; fills of that are not in these numbers: they did not \
                 come over the order link"
                    .to_owned()
            }
            Ok(()) => format!(
                "flat at the end: {} fills as taker, {} USD of the fees",
                fills_now - fills,
                fees_now - fees
            ),
            Err(e) => e.to_string(),
        });
        self.watchdog.is_ending();
        came_to
    }

    fn say_what_was_closed(&mut self, told: &mpsc::Receiver<String>) {
        self.drain_in_any_case();
        told.try_iter().for_each(|said| self.say(Alert::info(Topic::Orders, said)));
        thread::sleep(TURN);
    }

    fn holds_something(&self) -> bool {
        self.pipeline.status.iter().any(|board| !AssetStatus::read(board).position.is_zero())
    }

    /// Fills so far, and fees of them.
    fn paid(&self) -> (u64, Usd) {
        let numbers = self.pipeline.metrics.numbers(self.config.universe.len());
        (numbers.fills, numbers.assets.iter().map(|asset| asset.fees).sum())
    }
}
