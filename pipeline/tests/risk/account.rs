//! The checker's own books: plain cash, from what the venue says. No lots, no average prices.

use botmm_pipeline::types::*;
use std::collections::VecDeque;

/// What an account that began with nothing is worth, in 1e-16 USD.
#[derive(Default)]
pub struct Account {
    position: Vec<i64>,
    mid: Vec<i64>,
    cash: i128,
}

impl Account {
    pub fn new(assets: usize) -> Self {
        Self { position: vec![0; assets], mid: vec![0; assets], cash: 0 }
    }
    pub fn open(&mut self, asset: AssetId, position: Qty, mark: Px) {
        self.position[asset.index()] = position.raw();
        self.mid[asset.index()] = mark.raw();
        self.cash -= i128::from(position.raw()) * i128::from(mark.raw());
    }
    pub fn fill(&mut self, asset: AssetId, fill: &Fill) {
        let signed = fill.qty.raw() * fill.side.sign();
        self.position[asset.index()] += signed;
        self.cash -= i128::from(signed) * i128::from(fill.px.raw());
        self.pay(fill.fee);
    }
    pub fn pay(&mut self, cost: Usd) {
        self.cash -= i128::from(cost.raw()) * i128::from(SCALE);
    }
    pub fn mid(&mut self, asset: AssetId, mid: Px) {
        self.mid[asset.index()] = mid.raw();
    }
    pub fn position(&self, asset: AssetId) -> Qty {
        Qty::from_raw(self.position[asset.index()])
    }
    /// Everything, at the newest mids.
    pub fn equity(&self) -> Usd {
        let held = self.position.iter().zip(&self.mid);
        let held: i128 = held.map(|(q, m)| i128::from(*q) * i128::from(*m)).sum();
        Usd::from_raw(((self.cash + held) / i128::from(SCALE)) as i64)
    }
}

/// A number over the last while: what it was all that time lies between `low` and `high`.
pub struct Window<T> {
    span: Nanos,
    /// When it became what; the first may be older than the window, and held when that began.
    changes: VecDeque<(Nanos, T)>,
}

impl<T: Copy + Ord> Window<T> {
    pub fn new(span: Nanos) -> Self {
        Self { span, changes: VecDeque::new() }
    }
    pub fn set(&mut self, now: Nanos, value: T) {
        if self.changes.back().is_none_or(|(_, last)| *last != value) {
            self.changes.push_back((now, value));
        }
        while self.changes.len() > 1 && self.changes[1].0 <= now - self.span {
            self.changes.pop_front();
        }
    }
    /// Brings the window up to a time at which nothing changes.
    pub fn at(&mut self, now: Nanos) -> &Self {
        if let Some((_, last)) = self.changes.back().copied() {
            self.set(now, last);
        }
        self
    }
    pub fn low(&self) -> Option<T> {
        self.changes.iter().map(|(_, v)| *v).min()
    }
    pub fn high(&self) -> Option<T> {
        self.changes.iter().map(|(_, v)| *v).max()
    }
}

#[test]
fn a_window_holds_what_was_so_when_it_began() {
    let mut w = Window::new(Nanos(10));
    for (t, v) in [(0, 5), (8, 7), (15, 6)] {
        w.set(Nanos(t), v);
    }
    assert_eq!((w.low(), w.high()), (Some(5), Some(7)), "it was 5 until 8");
    let w = w.at(Nanos(18));
    assert_eq!((w.low(), w.high()), (Some(6), Some(7)));
}

#[test]
fn cash_is_all_there_is_to_it() {
    let (mut a, x) = (Account::new(1), AssetId::new(0));
    a.open(x, Qty::whole(-2), Px::whole(50));
    let fill =
        Fill { px: Px::whole(40), qty: Qty::whole(3), fee: Usd::whole(1), ..Fill::default() };
    a.fill(x, &fill);
    a.mid(x, Px::whole(44));
    // Sold at 50, bought back at 40, one more held from 40 to 44, and a fee of 1.
    assert_eq!((a.position(x), a.equity()), (Qty::whole(1), Usd::whole(20 + 4 - 1)));
}
