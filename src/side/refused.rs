//! Orders that the venue refuses to cancel over the order link are cancelled over HTTPS.

use super::alert::{Alert, Topic};
use super::errands::Pending;
use super::task::{Task, Turn};
use crate::exit::AppError;
use crate::venue_api::account::Way;
use botmm_pipeline::logic::orders::HTTPS_AFTER;
use botmm_pipeline::rt::WallClock;
use botmm_pipeline::types::{AssetId, Fact, Nanos, Oid};

/// How long a try may take.
const PATIENCE: Nanos = Nanos::secs(15);

/// See the module. When to try again is for the order manager to say: each try is its own.
pub struct RefusedCancels {
    way: Way,
    clock: WallClock,
    waiting: Vec<(AssetId, Oid)>,
    trying: Option<(usize, Pending<Result<(), AppError>>)>,
}

impl RefusedCancels {
    /// None is known of yet.
    pub fn new(way: Way, clock: WallClock) -> Self {
        Self { way, clock, waiting: Vec::new(), trying: None }
    }
}

impl Task for RefusedCancels {
    fn name(&self) -> &'static str {
        "refused cancels"
    }

    /// Takes note of an order whose cancel was refused once more.
    fn hear(&mut self, fact: &Fact) {
        if let Fact::CancelRefused { asset, oid, tries, .. } = *fact
            && tries >= HTTPS_AFTER
            && !self.waiting.contains(&(asset, oid))
        {
            self.waiting.push((asset, oid));
        }
    }

    /// Tries once for all of them.
    fn turn(&mut self, turn: &mut Turn<'_>) {
        if let Some((count, trying)) = &self.trying {
            let Some(answer) = trying.told(turn.now) else { return };
            turn.say(match answer {
                Ok(()) => {
                    let said = "orders that the order link could not cancel: HTTPS did";
                    Alert::warn(Topic::Orders, format!("{count} {said}"))
                }
                Err(why) => {
                    let said = "orders rest, and neither way can cancel them";
                    Alert::critical(Topic::Orders, format!("{count} {said}: {why}"))
                }
            });
            self.trying = None;
        }
        if self.waiting.is_empty() {
            return;
        }
        let (way, clock) = (self.way.clone(), self.clock.clone());
        let orders = core::mem::take(&mut self.waiting);
        let count = orders.len();
        let cancel = move || {
            let mut venue = way()?;
            let orders: Vec<_> =
                orders.iter().map(|(asset, oid)| venue.order(*asset, *oid)).collect();
            venue.cancel(clock.now(), &orders)
        };
        self.trying = Some((count, turn.workers.cancels.send(turn.now, PATIENCE, cancel)));
    }
}
