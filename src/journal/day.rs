//! What each UTC day of a run came to, added up from facts as they come: what the daily report is made of.
//! Exact: the same facts are in the journal, and come to the same sums.
//!
//! A fill, its fee and funding belong to the day in which they reached us, as in the ledger; what a fill
//! captured and what the market did to it, to the day in which that was known.

use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::fixed::notional;
use botmm_pipeline::types::risk::utc_day;
use botmm_pipeline::types::{AssetId, DayNet, Fact, Px, Qty, Side, Usd};
use std::collections::BTreeMap;

/// Adverse selection is told at this one of [`HORIZONS`]: 5 s.
const HORIZON: usize = 1;
/// Days that are kept beside the newest: the one that is being told of, however the clock was set.
const KEPT: usize = 3;

/// What one coin came to in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoinDay {
    /// Fills.
    pub fills: u64,
    /// Their value.
    pub volume: Usd,
    /// Fees; positive = paid.
    pub fees: Usd,
    /// Funding; positive = paid.
    pub funding: Usd,
    /// In 1e-16 USD: what fills earned against the venue's mid just before them…
    captured_e16: i128,
    /// …and what the market did to them within the horizon.
    adverse_e16: i128,
}

/// What a day came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReport {
    /// Days since 1970-01-01.
    pub day: i64,
    /// The run was there from midnight to midnight.
    pub whole: bool,
    /// Profit at the marks, after fees and funding, by the ledger.
    pub net: Usd,
    /// By asset.
    pub coins: BTreeMap<usize, CoinDay>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct DayBook {
    days: BTreeMap<i64, BTreeMap<usize, CoinDay>>,
}

impl DayBook {
    /// Takes a fact in.
    pub fn hear(&mut self, fact: &Fact) {
        match *fact {
            Fact::Fill { asset, time, fill, .. } => {
                let of = self.at(asset, utc_day(time));
                of.fills += 1;
                of.volume += notional(fill.px, fill.qty);
                of.fees += fill.fee;
            }
            Fact::Funding { asset, time, paid, .. } => {
                let of = self.at(asset, utc_day(time));
                of.funding += paid;
            }
            Fact::MidAtFill { asset, time, side, qty, px, mid, .. } => {
                self.at(asset, utc_day(time)).captured_e16 += gain_e16(side, qty, px, mid);
            }
            Fact::Markout {
                asset, time, side, qty, horizon: HORIZON, mid_at_fill, mid, ..
            } => {
                self.at(asset, utc_day(time)).adverse_e16 += gain_e16(side, qty, mid_at_fill, mid);
            }
            _ => {}
        }
    }

    /// What a day that has ended came to.
    pub fn report(&mut self, of: DayNet) -> DayReport {
        let coins = self.days.get(&of.day).cloned().unwrap_or_default();
        DayReport { day: of.day, whole: of.whole, net: of.net, coins }
    }

    fn at(&mut self, asset: AssetId, day: i64) -> &mut CoinDay {
        while self.days.len() > KEPT {
            self.days.pop_first();
        }
        self.days.entry(day).or_default().entry(asset.index()).or_default()
    }
}

/// What somebody who bought (or sold) at the first price has at the second, in 1e-16 USD.
fn gain_e16(side: Side, qty: Qty, at: Px, then: Px) -> i128 {
    let gain = i128::from(then.raw() - at.raw()) * i128::from(qty.raw());
    if side == Side::Bid { gain } else { -gain }
}

impl CoinDay {
    /// What its fills earned against the venue's mid just before them.
    pub fn captured(&self) -> Usd {
        usd(self.captured_e16)
    }

    /// What the market did to them within five seconds; usually negative.
    pub fn adverse(&self) -> Usd {
        usd(self.adverse_e16)
    }
}

fn usd(e16: i128) -> Usd {
    let e8 = e16 / 100_000_000;
    Usd::from_raw(i64::try_from(e8).unwrap_or(if e8 < 0 { i64::MIN } else { i64::MAX }))
}

impl DayReport {
    /// Profit at the marks, before fees and funding.
    pub fn gross(&self) -> Usd {
        self.net + self.fees() + self.funding()
    }

    /// Fees; positive = paid.
    pub fn fees(&self) -> Usd {
        self.sum(|c| c.fees)
    }

    /// Funding; positive = paid.
    pub fn funding(&self) -> Usd {
        self.sum(|c| c.funding)
    }

    /// Value of the fills.
    pub fn volume(&self) -> Usd {
        self.sum(|c| c.volume)
    }

    /// Fills.
    pub fn fills(&self) -> u64 {
        self.coins.values().map(|c| c.fills).sum()
    }

    /// What fills earned against the mid.
    pub fn captured(&self) -> Usd {
        self.sum(CoinDay::captured)
    }

    /// What the market did to them within five seconds.
    pub fn adverse(&self) -> Usd {
        self.sum(CoinDay::adverse)
    }

    /// What is left of the gross profit: what positions gained.
    pub fn drift(&self) -> Usd {
        self.gross() - self.captured() - self.adverse()
    }

    fn sum(&self, of: impl Fn(&CoinDay) -> Usd) -> Usd {
        self.coins.values().map(of).sum()
    }
}

/// How long after a fill the market's answer is told.
pub const fn horizon_s() -> i64 {
    HORIZONS[HORIZON].as_millis() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use botmm_pipeline::types::{Fill, Nanos};

    fn px(text: &str) -> Px {
        Px::parse(text).unwrap()
    }

    fn usd(text: &str) -> Usd {
        Usd::parse(text).unwrap()
    }

    #[test]
    fn a_day_is_the_sum_of_its_facts_and_the_split_adds_up_to_its_net() {
        let (asset, qty) = (AssetId::new(1), Qty::parse("0.25").unwrap());
        let at = |s: i64| Nanos::secs(86_400 * 3 + s);
        let mut book = DayBook::default();
        let mut fill = |s: i64, side| {
            let fill = Fill { px: px("100.5"), qty, fee: usd("0.01"), side, ..Fill::default() };
            book.hear(&Fact::Fill { asset, time: at(s), venue_time: at(s), fill });
            let (tid, mid) = (0, px("100.75"));
            book.hear(&Fact::MidAtFill {
                asset,
                time: at(s),
                venue_time: at(s),
                tid,
                side,
                qty,
                px: fill.px,
                mid,
            });
            for horizon in 0..4 {
                let (mid_at_fill, mid) = (mid, px("100.65"));
                let time = at(s);
                let px = fill.px;
                book.hear(&Fact::Markout {
                    asset,
                    time,
                    tid,
                    side,
                    qty,
                    horizon,
                    px,
                    mid_at_fill,
                    mid,
                });
            }
        };
        fill(-1, Side::Ask);
        fill(0, Side::Bid);
        fill(86_399, Side::Bid);
        fill(86_400, Side::Ask);
        let paid = usd("-0.002");
        book.hear(&Fact::Funding { asset, time: at(3_600), venue_time: at(3_600), paid });
        let report = book.report(DayNet { day: 3, net: usd("1.5"), whole: true });
        assert_eq!((report.fills(), report.volume()), (2, usd("50.25")));
        assert_eq!((report.fees(), report.funding()), (usd("0.02"), paid));
        assert_eq!((report.captured(), report.adverse()), (usd("0.125"), usd("-0.05")));
        let parts = report.captured() + report.adverse() + report.drift();
        assert_eq!(parts - report.fees() - report.funding(), report.net);
        // The day before is kept until its report was made, those before it are not.
        assert_eq!(book.report(DayNet { day: 2, net: Usd::ZERO, whole: true }).fills(), 1);
        for day in 5..40 {
            let fill = Fill { qty, ..Fill::default() };
            let time = Nanos::secs(86_400 * day);
            book.hear(&Fact::Fill { asset, time, venue_time: time, fill });
        }
        assert!(book.days.len() <= KEPT + 1);
    }
}
