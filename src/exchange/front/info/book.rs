//! Books as they are shown: whole, or merged to fewer figures (PROTOCOL §2.3 and appendix D).

use crate::exchange::front::shapes::LevelShape;
use crate::exchange::model::ShownLevel;
use crate::exchange::venue::Venue;
use botmm_pipeline::types::{AssetId, Px, Side};
use serde::Serialize;

/// Levels of a side in a whole book.
pub const DEPTH: usize = 20;
/// Levels of a side in a fast book.
pub const FAST_DEPTH: usize = 5;
/// Levels read before merging: twenty merged ones of most books.
const MERGE_FROM: usize = 4000;

/// `l2Book`.
#[derive(Debug, Serialize)]
pub struct BookShape<'a> {
    coin: &'a str,
    time: i64,
    levels: [Vec<LevelShape>; 2],
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    fast: bool,
}

/// How a book is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Figures kept; none = all.
    pub n_sig_figs: Option<u8>,
    /// The last figure is a multiple of it.
    pub mantissa: Option<u8>,
    /// Few levels.
    pub fast: bool,
}

/// An asset's book.
pub fn book(venue: &Venue, asset: AssetId, rounding: Rounding) -> BookShape<'_> {
    let depth = if rounding.fast { FAST_DEPTH } else { DEPTH };
    let side = |side| {
        let Some(figures) = rounding.n_sig_figs else {
            return shapes(&venue.levels(asset, side, depth));
        };
        let levels = venue.levels(asset, side, MERGE_FROM);
        let step = |px| step(px, u32::from(figures), i64::from(rounding.mantissa.unwrap_or(1)));
        let mut merged = merge(&levels, side, step);
        merged.truncate(depth);
        shapes(&merged)
    };
    BookShape {
        coin: venue.universe().get(asset).coin.as_str(),
        time: venue.book_time(asset).as_millis(),
        levels: [side(Side::Bid), side(Side::Ask)],
        fast: rounding.fast,
    }
}

/// Best bid and ask.
pub fn touch(venue: &Venue, asset: AssetId) -> [Option<LevelShape>; 2] {
    Side::BOTH.map(|side| venue.levels(asset, side, 1).first().map(LevelShape::from))
}

fn shapes(levels: &[ShownLevel]) -> Vec<LevelShape> {
    levels.iter().map(LevelShape::from).collect()
}

/// Distance of two prices that differ in the last of so many figures.
fn step(px: Px, figures: u32, mantissa: i64) -> i64 {
    let digits = px.raw().max(1).ilog10() + 1;
    10_i64.pow(digits.saturating_sub(figures)) * mantissa
}

/// Bids rounded down, asks up; what falls together is added up.
fn merge(levels: &[ShownLevel], side: Side, step: impl Fn(Px) -> i64) -> Vec<ShownLevel> {
    let mut merged: Vec<ShownLevel> = Vec::new();
    for level in levels {
        let (raw, step) = (level.px.raw(), step(level.px));
        let px = Px::from_raw(match side {
            Side::Bid => raw.div_euclid(step) * step,
            Side::Ask => -((-raw).div_euclid(step)) * step,
        });
        match merged.last_mut() {
            Some(last) if last.px == px => {
                last.qty += level.qty;
                last.orders = last.orders.saturating_add(level.orders);
            }
            _ => merged.push(ShownLevel { px, ..*level }),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::Qty;

    fn merged(pxs: &[&str], side: Side, figures: u32, mantissa: i64) -> Vec<(String, i64, u32)> {
        let levels: Vec<ShownLevel> = pxs
            .iter()
            .map(|px| ShownLevel { px: Px::parse(px).unwrap(), qty: Qty::whole(1), orders: 2 })
            .collect();
        let merged = merge(&levels, side, |px| step(px, figures, mantissa));
        merged
            .iter()
            .map(|l| (l.px.to_string(), l.qty.raw() / Qty::whole(1).raw(), l.orders))
            .collect()
    }

    /// The examples of appendix D.
    #[test]
    fn levels_merge_away_from_the_mid() {
        let level = |px: &str, n: i64| (px.to_owned(), n, 2 * n as u32);
        let bids = ["80858", "80857", "80856", "80855"];
        assert_eq!(
            merged(&bids, Side::Bid, 5, 2),
            [level("80858", 1), level("80856", 2), level("80854", 1)]
        );
        let asks = ["80859", "80860", "80861", "80864"];
        assert_eq!(
            merged(&asks, Side::Ask, 5, 2),
            [level("80860", 2), level("80862", 1), level("80864", 1)]
        );
        assert_eq!(merged(&bids, Side::Bid, 3, 1), [level("80800", 4)]);
        assert_eq!(merged(&asks, Side::Ask, 3, 1), [level("80900", 4)]);
        assert_eq!(merged(&bids, Side::Bid, 5, 1).len(), 4, "five figures are all of them");
        assert_eq!(merged(&["99999"], Side::Ask, 2, 1), [level("100000", 1)]);
        assert_eq!(merged(&["0.0012345"], Side::Bid, 2, 1), [level("0.0012", 1)]);
    }
}
