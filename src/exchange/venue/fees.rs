//! What trading costs an account: its tier by the volume of the last fourteen days, and a rebate by
//! its share of all maker volume. Both look at whole UTC days before today.

use super::Venue;
use super::client::utc_day;
use crate::exchange::model::BuilderFee;
use botmm_pipeline::types::{Bps, Usd};

/// Days that count.
const DAYS: i64 = 14;

impl Venue {
    /// Lets a builder take up to so much from now on, in place of what was approved before.
    pub(super) fn approve_builder(&mut self, who: usize, fee: BuilderFee) {
        self.core.accounts[who].builders.insert(fee.builder, fee.tenths_bp);
    }

    /// Rates are those of a UTC day: they look at days before it.
    pub(super) fn renew_rates(&mut self) {
        let today = utc_day(self.core.time);
        if std::mem::replace(&mut self.rates_of, today) != today {
            for who in 0..self.core.accounts.len() {
                let (maker, taker) = self.rates(who);
                self.core.accounts[who].rates = [maker, taker];
            }
        }
    }

    /// (maker, taker) of an account today.
    pub(super) fn rates(&self, who: usize) -> (Bps, Bps) {
        let fees = &self.config.fees;
        if fees.volume_tiers.is_empty() {
            return (Bps::default(), Bps::default());
        }
        let today = utc_day(self.core.time);
        let counts = |day: i64| (today - DAYS..today).contains(&day);
        let days = self.records.clients[who].days.iter().filter(|d| counts(d.day));
        let (mut volume, mut maker) = (Usd::ZERO, Usd::ZERO);
        for day in days {
            volume += day.taker + day.maker;
            maker += day.maker;
        }
        let above = fees.volume_tiers.iter().take_while(|t| volume > t.min_volume_usd).count();
        let tier = above.saturating_sub(1);
        let all: Usd =
            self.records.traded.range(today - DAYS..today).map(|(_, value)| *value).sum();
        let share_pct = if all.is_positive() { maker.to_f64() / all.to_f64() * 100.0 } else { 0.0 };
        let rebates = fees.maker_rebates.iter();
        let rebate = rebates.take_while(|r| share_pct > r.min_maker_share_pct).count();
        fees.with_rebate(tier, rebate)
    }
}
