//! Where profit comes from (STRATEGY §4), over all symbols and by each.

use super::number::{Exact, Raw, exact};
use super::reasons::time_at_limit;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::stage::numbers::{AssetNumbers, MeasuredFills};
use botmm_pipeline::types::{Side, Usd};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use std::collections::BTreeMap;

/// What each symbol came to.
pub type BySymbol = BTreeMap<String, AssetNumbers>;

/// One value for each of [`HORIZONS`]; in JSON by name: `1s`, `5s`, `30s`, `60s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByHorizon<T>(pub [T; HORIZONS.len()]);

impl<T: Serialize> Serialize for ByHorizon<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(HORIZONS.iter().map(|h| format!("{}s", h.as_millis() / 1_000)).zip(&self.0))
    }
}

fn exact_by_horizon<T: Exact, S: Serializer>(
    values: &ByHorizon<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    ByHorizon(values.0.each_ref().map(Raw)).serialize(to)
}

/// Profit over all symbols, taken apart. For every horizon
/// `spread_captured + adverse_selection + inventory_drift − fees − funding = net`, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PnlSplit {
    /// Fills whose mid is known; what the others brought is drift.
    pub fills_with_mid: u64,
    /// What these earned against the venue's mid just before them.
    #[serde(serialize_with = "exact")]
    pub spread_captured_usd: Usd,
    /// What the market did to them until the horizon; usually negative.
    #[serde(serialize_with = "exact_by_horizon")]
    pub adverse_selection_usd: ByHorizon<Usd>,
    /// What it did from then to the last marks; fills not measured yet, and what a position held at
    /// the start gained, are in it.
    #[serde(serialize_with = "exact_by_horizon")]
    pub inventory_drift_usd: ByHorizon<Usd>,
    /// Fees; positive = paid.
    #[serde(serialize_with = "exact")]
    pub fees_usd: Usd,
    /// Funding; positive = paid.
    #[serde(serialize_with = "exact")]
    pub funding_usd: Usd,
    /// Profit at the last marks; negative = a loss.
    #[serde(serialize_with = "exact")]
    pub net_usd: Usd,
}

impl PnlSplit {
    /// Over all symbols.
    pub fn of(traded: &BySymbol) -> Self {
        let sum =
            |value: &dyn Fn(&AssetNumbers) -> Usd| -> Usd { traded.values().map(value).sum() };
        let captured = sum(&AssetNumbers::captured);
        let gross = sum(&AssetNumbers::gross);
        let adverse =
            |h: usize| sum(&|t| t.sides.iter().map(|s| s.measured[h].adverse).sum::<Usd>());
        let adverse: [Usd; HORIZONS.len()] = core::array::from_fn(adverse);
        Self {
            fills_with_mid: traded.values().flat_map(|t| &t.sides).map(|s| s.fills).sum(),
            spread_captured_usd: captured,
            adverse_selection_usd: ByHorizon(adverse),
            inventory_drift_usd: ByHorizon(adverse.map(|a| gross - captured - a)),
            fees_usd: sum(&|t| t.fees),
            funding_usd: sum(&|t| t.funding),
            net_usd: sum(&|t| t.net),
        }
    }
}

/// What the market did after the fills of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Markout {
    /// Fills measured: the horizon was over before the run was.
    pub fills: u64,
    /// Their value.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// Mid at the horizon against the fill's price, weighted by value; negative = against us.
    pub markout_bps: Option<f64>,
    /// Mid at the horizon against the mid at the fill, likewise.
    pub adverse_bps: Option<f64>,
    /// The markout in money. Before fees, as both others.
    #[serde(serialize_with = "exact")]
    pub usd: Usd,
}

impl Markout {
    fn of(m: &MeasuredFills) -> Self {
        Self {
            fills: m.fills,
            volume_usd: m.value,
            markout_bps: bps(m.markout, m.value),
            adverse_bps: bps(m.adverse, m.value),
            usd: m.markout,
        }
    }
}

/// A part in basis points of a whole; nothing of nothing.
pub(super) fn bps(part: Usd, whole: Usd) -> Option<f64> {
    ratio(part, whole).map(|share| share * 1e4)
}

/// A share; nothing of nothing.
pub(super) fn ratio(part: Usd, whole: Usd) -> Option<f64> {
    whole.is_positive().then(|| part.to_f64() / whole.to_f64())
}

/// Markouts of both sides, in the order of [`Side::BOTH`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SideMarkouts(pub [ByHorizon<Markout>; 2]);

impl SideMarkouts {
    /// Of one symbol.
    pub fn of(traded: &AssetNumbers) -> Self {
        Self(traded.sides.map(|side| ByHorizon(side.measured.each_ref().map(Markout::of))))
    }
}

impl Serialize for SideMarkouts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        for side in Side::BOTH {
            map.serialize_entry(super::reasons::side_key(side), &self.0[side.index()])?;
        }
        map.end()
    }
}

/// What one symbol came to.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct SymbolResult {
    /// Orders and modifications sent.
    pub quotes: u64,
    /// Fills.
    pub fills: u64,
    /// Value of the fills.
    #[serde(serialize_with = "exact")]
    pub volume_usd: Usd,
    /// What they earned against the venue's mid just before them.
    #[serde(serialize_with = "exact")]
    pub spread_captured_usd: Usd,
    /// Profit at the last mark, before fees and funding.
    #[serde(serialize_with = "exact")]
    pub gross_pnl_usd: Usd,
    /// Fees; positive = paid.
    #[serde(serialize_with = "exact")]
    pub fees_usd: Usd,
    /// Funding; positive = paid.
    #[serde(serialize_with = "exact")]
    pub funding_usd: Usd,
    /// Profit at the last mark, after both; negative = a loss.
    #[serde(serialize_with = "exact")]
    pub net_pnl_usd: Usd,
    /// Share of time in which a side was withheld because of the position, in [0, 1].
    pub time_at_limit: Option<f64>,
}

impl SymbolResult {
    /// Of one symbol.
    pub fn of(traded: &AssetNumbers) -> Self {
        Self {
            quotes: traded.quotes,
            fills: traded.fills,
            volume_usd: traded.volume,
            spread_captured_usd: traded.captured(),
            gross_pnl_usd: traded.gross(),
            fees_usd: traded.fees,
            funding_usd: traded.funding,
            net_pnl_usd: traded.net,
            time_at_limit: time_at_limit(&traded.reasons),
        }
    }
}
