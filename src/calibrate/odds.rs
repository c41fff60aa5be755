//! With what probability a queue model says that a trade reaches an order.
//!
//! A model says of a cancel only how probable it was behind us. So each order is drawn many times: in each draw every
//! cancel was behind or ahead of us as a seeded number says, and the share of draws in which no more was ahead than
//! was traded is the probability. That a trade did *not* reach us is known from then on: draws in which it would have
//! are replaced by those in which it did not. (A replay takes the mean in place of draws, and is exact where these
//! all agree.)
//!
//! An order that leaves has no further chances, and nothing is assumed of those that it might have had: each chance is
//! asked about with what was known just before it, so leaving early favours no model.

use super::story::{Step, Story};
use botmm_pipeline::types::{Qty, SCALE};
use botmm_pipeline::venue::sim::queue::QueueModel;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How often an order is drawn.
pub const DRAWS: usize = 100;

/// A trade at the price of an order that stood there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance {
    /// That it reaches the order, as the model says.
    pub said: f64,
    /// It did.
    pub is_hit: bool,
}

/// The chances of an order whose place could be known. Trades that went on to worse prices are none: they fill whoever
/// stands here, whatever the queue.
pub fn chances(story: &Story, model: QueueModel, seed: u64) -> Vec<Chance> {
    let mut places = Places::new(story.ahead, seed);
    let mut found = Vec::new();
    for step in &story.steps {
        match *step {
            Step::Shown(now) => places.shown(now, model),
            Step::Traded { qty, is_past, is_hit } => {
                if !is_past && places.before.is_some() {
                    found.push(Chance { said: places.said(qty), is_hit });
                }
                places.passed_by(qty);
            }
        }
    }
    found
}

/// What is ahead of an order, by draw.
struct Places {
    ahead: [i64; DRAWS],
    /// Displayed when it was last told; [`None`] = it never was.
    before: Option<Qty>,
    /// Traded since.
    traded: Qty,
    rng: ChaCha8Rng,
}

impl Places {
    fn new(ahead: Option<Qty>, seed: u64) -> Self {
        Self {
            ahead: [ahead.unwrap_or_default().raw(); DRAWS],
            before: ahead,
            traded: Qty::ZERO,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// That so much reaches the order. Never nought or one: no share of draws is certain.
    fn said(&self, qty: Qty) -> f64 {
        let reached = self.ahead.iter().filter(|ahead| **ahead < qty.raw()).count();
        (reached as f64 + 0.5) / (DRAWS as f64 + 1.0)
    }

    /// So much was traded, and did not reach the order: at least as much was ahead of it. Where no draw says so the
    /// model is wrong, and the order as near as can be.
    fn passed_by(&mut self, qty: Qty) {
        self.traded += qty;
        let left: Vec<i64> =
            self.ahead.iter().map(|ahead| ahead - qty.raw()).filter(|left| *left >= 0).collect();
        for (i, place) in self.ahead.iter_mut().enumerate() {
            let left_here = *place - qty.raw();
            *place = match left.len() {
                _ if left_here >= 0 => left_here,
                0 => 0,
                n => left[i % n],
            };
        }
    }

    /// The displayed size was told again; what it fell by and was not traded, somebody cancelled.
    fn shown(&mut self, now: Qty, model: QueueModel) {
        let traded = std::mem::take(&mut self.traded);
        let Some(before) = self.before.replace(now) else {
            self.ahead = [now.raw(); DRAWS];
            return;
        };
        let cancelled = (before - now - traded).raw();
        // Draws that agree ask the model once.
        let mut asked = (-1, 1.0);
        for place in &mut self.ahead {
            if cancelled > 0 {
                if asked.0 != *place {
                    asked = (*place, p_behind(model, *place, before.raw()));
                }
                if self.rng.random::<f64>() >= asked.1 {
                    *place -= cancelled;
                }
            }
            *place = (*place).clamp(0, now.raw());
        }
    }
}

/// As a replay asks: of what is ahead, and what else was displayed before.
fn p_behind(model: QueueModel, ahead: i64, before: i64) -> f64 {
    let coin = |raw: i64| raw.max(0) as f64 / SCALE as f64;
    model.p_behind(coin(ahead), coin(before - ahead))
}

#[cfg(test)]
#[path = "odds_tests.rs"]
mod tests;
