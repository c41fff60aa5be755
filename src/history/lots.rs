//! FIFO lots: what was bought first is sold first, as tax offices want it. A lot is opened by a fill and
//! closed by one or more; each part that is closed is a row, with its share of both fees. All exact: the
//! shares of a fee add up to the fee.

use super::book::Book;
use botmm_pipeline::types::{Nanos, Px, Qty, Side, Usd, notional};
use std::collections::{BTreeMap, VecDeque};

/// A part of a lot that was closed at once, or what is still open of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Of which coin.
    pub coin: String,
    /// [`Side::Bid`] = bought first (long).
    pub side: Side,
    /// How much, positive.
    pub qty: Qty,
    /// When it was opened.
    pub opened: Nanos,
    /// At which price; [`None`] = elsewhere: the history does not know.
    pub open_px: Option<Px>,
    /// Its share of the opening fill's fee.
    pub open_fee: Usd,
    /// How it was closed; [`None`] = it is open.
    pub close: Option<Close>,
}

/// How a lot was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// When.
    pub time: Nanos,
    /// At which price; [`None`] = elsewhere.
    pub px: Option<Px>,
    /// Its share of the closing fill's fee.
    pub fee: Usd,
}

impl Lot {
    /// What it brought after both fees; [`None`] = it is open, or a price is not known.
    pub fn gain(&self) -> Option<Usd> {
        let close = self.close.as_ref()?;
        let (open_px, close_px) = (self.open_px?, close.px?);
        let moved = notional(close_px, self.qty) - notional(open_px, self.qty);
        let moved = if self.side == Side::Bid { moved } else { -moved };
        Some(moved - self.open_fee - close.fee)
    }
}

/// Something that changes a position.
struct Change {
    time: Nanos,
    side: Side,
    qty: Qty,
    /// [`None`] = it happened elsewhere.
    px: Option<Px>,
    fee: Usd,
}

/// The lots of a book, in the order in which they were closed; the open ones last.
pub fn lots(book: &Book) -> Vec<Lot> {
    let mut open: BTreeMap<&str, VecDeque<Lot>> = BTreeMap::new();
    let mut closed = Vec::new();
    let mut openings = book.openings.iter().peekable();
    for fill in &book.fills {
        while let Some(found) = openings.next_if(|o| o.time <= fill.time) {
            let lots = open.entry(&found.coin).or_default();
            elsewhere(lots, &found.coin, found.qty, found.time, &mut closed);
        }
        let change = Change {
            time: fill.time,
            side: fill.side,
            qty: fill.qty,
            px: Some(fill.px),
            fee: fill.fee,
        };
        add(open.entry(&fill.coin).or_default(), &fill.coin, change, &mut closed);
    }
    for found in openings {
        let lots = open.entry(&found.coin).or_default();
        elsewhere(lots, &found.coin, found.qty, found.time, &mut closed);
    }
    closed.extend(open.into_values().flatten());
    closed
}

/// A run found another position than its forerunners left: somebody else traded.
fn elsewhere(lots: &mut VecDeque<Lot>, coin: &str, qty: Qty, time: Nanos, closed: &mut Vec<Lot>) {
    let signed = |lot: &Lot| if lot.side == Side::Bid { lot.qty } else { -lot.qty };
    let left: Qty = lots.iter().map(signed).sum();
    let differs = qty - left;
    if differs.is_zero() {
        return;
    }
    let side = if differs.is_positive() { Side::Bid } else { Side::Ask };
    let change = Change { time, side, qty: differs.abs(), px: None, fee: Usd::ZERO };
    add(lots, coin, change, closed);
}

/// Closes what is of the other side, oldest first, and opens a lot with the rest.
fn add(lots: &mut VecDeque<Lot>, coin: &str, mut change: Change, closed: &mut Vec<Lot>) {
    while change.qty.is_positive() {
        let Some(first) = lots.front_mut().filter(|lot| lot.side != change.side) else { break };
        let qty = first.qty.min(change.qty);
        let open_fee = share(first.open_fee, qty, first.qty);
        let fee = share(change.fee, qty, change.qty);
        let close = Close { time: change.time, px: change.px, fee };
        closed.push(Lot { qty, open_fee, close: Some(close), ..first.clone() });
        first.qty -= qty;
        first.open_fee -= open_fee;
        change.qty -= qty;
        change.fee -= fee;
        if first.qty.is_zero() {
            lots.pop_front();
        }
    }
    if change.qty.is_positive() {
        lots.push_back(Lot {
            coin: coin.to_owned(),
            side: change.side,
            qty: change.qty,
            opened: change.time,
            open_px: change.px,
            open_fee: change.fee,
            close: None,
        });
    }
}

/// Of a fee, what falls to a part of a size; to the last part all that is left.
fn share(fee: Usd, part: Qty, whole: Qty) -> Usd {
    let raw = i128::from(fee.raw()) * i128::from(part.raw()) / i128::from(whole.raw());
    Usd::from_raw(i64::try_from(raw).unwrap_or(fee.raw()))
}
