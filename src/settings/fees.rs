//! The venue's published fees: the one table of fee numbers in botmm.

use super::error::ConfigError;
use super::exact::{bps, usd};
use super::origins::{Origins, place_of};
use botmm_pipeline::types::{Bps, Usd};
use serde::Deserialize;

/// Fees above a 14-day volume.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeTier {
    /// Applies above this weighted volume.
    #[serde(deserialize_with = "usd")]
    pub min_volume_usd: Usd,
    /// What a taker pays.
    #[serde(deserialize_with = "bps")]
    pub taker_bps: Bps,
    /// What a maker pays.
    #[serde(deserialize_with = "bps")]
    pub maker_bps: Bps,
}

/// The maker's rate above a share of all maker volume.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakerRebate {
    /// Applies above this share of maker volume, percent.
    pub min_maker_share_pct: f64,
    /// What a maker pays; negative = is paid.
    #[serde(deserialize_with = "bps")]
    pub maker_bps: Bps,
}

/// All tiers. Signed rates: positive = cost.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeTable {
    /// By volume, lowest first; row 0 is the base tier.
    #[serde(rename = "volume_tier")]
    pub volume_tiers: Vec<VolumeTier>,
    /// By maker share, lowest first.
    #[serde(rename = "maker_rebate")]
    pub maker_rebates: Vec<MakerRebate>,
}

impl FeeTable {
    /// The same rates for everybody.
    pub fn flat(taker_bps: Bps, maker_bps: Bps) -> Self {
        let row = VolumeTier { min_volume_usd: Usd::ZERO, taker_bps, maker_bps };
        Self { volume_tiers: vec![row], maker_rebates: Vec::new() }
    }

    /// (maker, taker) of a volume tier; the last tier for numbers beyond it.
    pub fn maker_taker(&self, tier: usize) -> (Bps, Bps) {
        let last = self.volume_tiers.len().saturating_sub(1);
        match self.volume_tiers.get(tier.min(last)) {
            Some(row) => (row.maker_bps, row.taker_bps),
            None => (Bps::default(), Bps::default()),
        }
    }

    /// The same with a maker rebate tier, counted from 1; 0 = none.
    pub fn with_rebate(&self, tier: usize, rebate_tier: usize) -> (Bps, Bps) {
        let (maker, taker) = self.maker_taker(tier);
        let rebate = rebate_tier.checked_sub(1).and_then(|i| self.maker_rebates.get(i));
        (rebate.map_or(maker, |r| r.maker_bps), taker)
    }

    /// What staking leaves of a rate, so many percent taken off: of what is paid, never of what is earned.
    pub fn staked(rate: Bps, discount_pct: u32) -> Bps {
        let kept = 100 - discount_pct.min(100) as i32;
        if rate.e8() > 0 { Bps::from_e8(rate.e8() / 100 * kept) } else { rate }
    }

    /// Tiers must begin at zero and rise, and volume must never make fees dearer.
    pub(super) fn check(&self, origins: &Origins) -> Result<(), ConfigError> {
        let error = |key: &str, problem: &str| {
            Err(ConfigError::at(place_of(origins, key), key, problem.to_owned()))
        };
        let tiers = &self.volume_tiers;
        if tiers.first().is_none_or(|t| !t.min_volume_usd.is_zero()) {
            return error("fees.volume_tier", "the first tier must have min_volume_usd = 0");
        }
        if tiers.windows(2).any(|w| w[0].min_volume_usd >= w[1].min_volume_usd) {
            return error("fees.volume_tier", "min_volume_usd must rise from tier to tier");
        }
        if tiers.iter().any(|t| t.maker_bps > t.taker_bps) {
            return error("fees.volume_tier", "maker_bps must not exceed taker_bps");
        }
        let rebates = &self.maker_rebates;
        if rebates.windows(2).any(|w| w[0].min_maker_share_pct >= w[1].min_maker_share_pct) {
            return error("fees.maker_rebate", "min_maker_share_pct must rise from tier to tier");
        }
        Ok(())
    }
}
