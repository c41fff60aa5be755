//! Nothing that an order is asked with may come from after it. That is not believed but tried: the lines of a
//! journal are cut off at several places and labelled again, and no number of an order before the cut may have
//! changed.

use super::label::{Order, when};
use crate::journal::line::Line;
use crate::when::utc;
use botmm_pipeline::types::params::{FEATURES, FILL_FEATURES};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use thiserror::Error;

/// Lines that are tried, of each journal: the first ones.
pub const LINES: usize = 20_000;
/// How often they are cut.
const CUTS: usize = 12;

/// A number that knows the future.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{feature} of the order of {coin} at {sent} is another when what comes later is taken away: it looks into \
     the future, and nothing is learned from it"
)]
pub struct Leak {
    feature: &'static str,
    coin: String,
    sent: String,
}

/// Labels the lines whole and cut off, at seeded places, and compares.
///
/// # Errors
/// The first number that differs.
pub fn check(lines: &[Line], seed: u64, label: impl Fn(&[Line]) -> Vec<Order>) -> Result<(), Leak> {
    // By time: a line that was written late is part of what was known.
    let mut lines = lines.to_vec();
    lines.sort_by_key(when);
    let whole = label(&lines);
    let key = |order: &Order| (order.coin.clone(), order.side, order.px, order.sent);
    let known: HashMap<_, &Order> = whole.iter().map(|order| (key(order), order)).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..CUTS {
        let cut = rng.random_range(0..=lines.len());
        for early in &label(&lines[..cut]) {
            // An order that a line after the cut moves before then is none of the whole.
            let Some(late) = known.get(&key(early)) else { continue };
            let differs =
                (0..FEATURES).find(|i| early.asked[*i].to_bits() != late.asked[*i].to_bits());
            if let Some(at) = differs {
                let (coin, sent) = (early.coin.clone(), utc(early.sent));
                return Err(Leak { feature: FILL_FEATURES[at], coin, sent });
            }
        }
    }
    Ok(())
}
