//! From dollars to an order that the venue accepts: one place for lot rounding and the $10 rule.

use crate::types::instrument::MIN_NOTIONAL;
use crate::types::{Instrument, Px, Qty, Usd, notional};

/// The size that `weight` parts out of `total` of an amount buy at a price, rounded down. The only
/// place where a float becomes a size.
pub fn share_of(amount: Usd, weight: f64, total: f64, px: Px) -> Qty {
    Usd::from_raw((amount.raw() as f64 * weight / total) as i64).qty_at(px)
}

/// `qty` rounded down to whole lots, or [`None`] when that is worth less than the venue's minimum.
pub fn finish(instrument: &Instrument, px: Px, qty: Qty) -> Option<Qty> {
    let qty = instrument.round_qty_down(qty);
    (qty.is_positive() && notional(px, qty) >= MIN_NOTIONAL).then_some(qty)
}
