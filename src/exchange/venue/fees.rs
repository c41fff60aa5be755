//! What trading costs an account: its tier by the volume of the last fourteen days, and a rebate by
//! its share of all maker volume. Both look at whole UTC days before today. On top of that, what it
//! lets the builder of its client take. (Nobody here is a builder: that goes where fees go.)

use super::Venue;
use super::account::utc_day;
use crate::exchange::model::{BuilderFee, Order};
use botmm_pipeline::types::{Bps, Px, Qty, Usd};

/// Days that count.
const DAYS: i64 = 14;
/// The most that a builder takes of a perpetual's order, tenths of a basis point.
const MAX_BUILDER_FEE: u32 = 100;
/// A tenth of a basis point, units of 1e-8.
const TENTH_BP_E8: i32 = 1_000;

/// What one fill costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fee {
    /// All of it.
    pub total: Usd,
    /// The builder's part.
    pub builder: Usd,
}

impl Venue {
    /// What a fill of an order costs its owner.
    pub(super) fn fee(&self, who: usize, order: &Order, px: Px, qty: Qty, crossed: bool) -> Fee {
        let (maker, taker) = self.rates(who);
        let venue = if crossed { taker } else { maker }.fee_on(px, qty);
        let builder = order.builder.map_or(Usd::ZERO, |b| {
            let tenths = b.tenths_bp.min(MAX_BUILDER_FEE) as i32;
            Bps::from_e8(tenths * TENTH_BP_E8).fee_on(px, qty)
        });
        Fee { total: venue + builder, builder }
    }

    /// Whether an account lets a builder take so much. Nothing needs no permission.
    pub(super) fn is_allowed(&self, who: usize, fee: BuilderFee) -> bool {
        let most = self.accounts[who].builders.get(&fee.builder).map_or(0, |most| *most);
        fee.tenths_bp <= most.min(MAX_BUILDER_FEE)
    }

    /// Lets a builder take up to so much from now on, in place of what was approved before.
    pub(super) fn approve_builder(&mut self, who: usize, fee: BuilderFee) {
        self.accounts[who].builders.insert(fee.builder, fee.tenths_bp);
    }

    /// (maker, taker) of an account today.
    pub(super) fn rates(&self, who: usize) -> (Bps, Bps) {
        let fees = &self.config.fees;
        if fees.volume_tiers.is_empty() {
            return (Bps::default(), Bps::default());
        }
        let today = utc_day(self.time);
        let counts = |day: i64| (today - DAYS..today).contains(&day);
        let days = self.accounts[who].days.iter().filter(|d| counts(d.day));
        let (mut volume, mut maker) = (Usd::ZERO, Usd::ZERO);
        for day in days {
            volume += day.taker + day.maker;
            maker += day.maker;
        }
        let above = fees.volume_tiers.iter().take_while(|t| volume > t.min_volume_usd).count();
        let tier = above.saturating_sub(1);
        let all: Usd = self.traded.range(today - DAYS..today).map(|(_, value)| *value).sum();
        let share_pct = if all.is_positive() { maker.to_f64() / all.to_f64() * 100.0 } else { 0.0 };
        let rebates = fees.maker_rebates.iter();
        let rebate = rebates.take_while(|r| share_pct > r.min_maker_share_pct).count();
        fees.with_rebate(tier, rebate)
    }
}
