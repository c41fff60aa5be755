//! What can be configured, per asset. Units are in the names; validation and defaults live with
//! the settings (root crate), and [`AssetParams::is_usable`] is the last line of defence.

mod adaptive;
mod fill_model;
mod fit;
mod forest;
mod grid;
mod lookup;
mod risk;
mod sense;
mod signal;
mod sizer;

pub use adaptive::{AdaptiveParams, ToxicityParams};
pub use fill_model::{FillModel, FillModelRef};
pub use fit::{FitParams, LEADER_NAMES};
pub use forest::{FEATURES, FILL_FEATURES, Forest, MAX_LEAVES, MAX_TREES, Node};
pub use grid::{GRID_RUNGS, GRID_STEP, GRID_TICKS, GridParams};
pub use lookup::Lookup;
pub use risk::{DailyLossRearm, RiskLimits};
pub use sense::{LateAction, Touch};
pub use signal::SignalParams;
pub use sizer::SizerParams;

use super::fixed::{Bps, Nanos, Usd};
use super::limits::{BOOK_LEVELS, QUOTE_LEVELS};
use serde::{Deserialize, Serialize};

/// What the quoter takes for the fair price.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum FairPrice {
    /// Half way between the touch prices.
    Mid = 0,
    /// Touch prices weighted by the opposite sizes.
    #[default]
    Microprice = 1,
    /// The mid, and what the fit predicts of it (STRATEGY §3b).
    Fitted = 2,
}

impl FairPrice {
    /// All, in order of their codes.
    pub const ALL: [Self; 3] = [Self::Mid, Self::Microprice, Self::Fitted];
    /// The word used in the configuration and in journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mid => "mid",
            Self::Microprice => "microprice",
            Self::Fitted => "fitted",
        }
    }
}

/// Which formula the spread and the lean against inventory come from (`logic::model`).
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum QuoteModel {
    /// Spread by volatility, skew by average true ranges.
    #[default]
    Linear = 0,
    /// Avellaneda and Stoikov (2008), with a rolling horizon.
    AvellanedaStoikov = 1,
    /// Guéant, Lehalle and Fernandez-Tapia (2013), asymptotic.
    Glft = 2,
}

impl QuoteModel {
    /// All, in order of their codes.
    pub const ALL: [Self; 3] = [Self::Linear, Self::AvellanedaStoikov, Self::Glft];
    /// The word used in the configuration, on the screen and in journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::AvellanedaStoikov => "avellaneda_stoikov",
            Self::Glft => "glft",
        }
    }
}

/// What is done on top of the model.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Strategy {
    /// Nothing: fixed parameters.
    #[default]
    Basic = 0,
    /// Volatility regime, fill-rate targeting and inventory decay (STRATEGY §6).
    Adaptive = 1,
}

impl Strategy {
    /// All, in order of their codes.
    pub const ALL: [Self; 2] = [Self::Basic, Self::Adaptive];
    /// The word used in the configuration, on the screen and in journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Adaptive => "adaptive",
        }
    }
}

/// What happens to a side whose own spread does not cover the fee floor.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BelowFee {
    /// It is quoted at the floor.
    #[default]
    Widen = 0,
    /// It is not quoted (reason `below_fee`).
    Skip = 1,
}

/// Parameters of one asset (STRATEGY §1, §3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssetParams {
    /// How often the mid is sampled for the volatility.
    pub vol_sample: Nanos,
    /// Half-life of the volatility's moving average, seconds.
    pub vol_halflife_s: f64,
    /// Horizon that the volatility is scaled to, seconds.
    pub vol_horizon_s: f64,
    /// Volatility over the horizon to begin with (bps), from candles of before the start; 0 = it
    /// warms up. Never from a file.
    pub start_vol_bps: f64,
    /// Decimals of a size from now on; [`None`] = as before. From the venue's list, never from a file.
    pub sz_decimals: Option<u8>,
    /// Levels of the book imbalance, 1..=20.
    pub imbalance_levels: usize,
    /// Smoothing of the book imbalance, (0, 1].
    pub imbalance_alpha: f64,
    /// Which formula.
    pub model: QuoteModel,
    /// What is done on top of it.
    pub strategy: Strategy,
    /// Mid, microprice or fitted.
    pub fair_price: FairPrice,
    /// Lowest total spread.
    pub min_spread_bps: f64,
    /// Highest total spread.
    pub max_spread_bps: f64,
    /// Spread per unit of volatility.
    pub vol_multiplier: f64,
    /// Edge to keep above the maker fee, each side.
    pub min_edge_bps: f64,
    /// Whether the fee floor applies.
    pub fee_floor: bool,
    /// What happens below it.
    pub below_fee: BelowFee,
    /// Whether a side whose expected edge is below `min_edge_bps` is not quoted there.
    pub use_edge: bool,
    /// Where a side stands against the touch.
    pub touch: Touch,
    /// `linear`: price shift per unit of q, in average true ranges.
    pub skew_factor: f64,
    /// `linear`: |q| beyond which the skew grows faster, in [0, 1].
    pub skew_knee: f64,
    /// `linear`: by how much per unit of q beyond the knee.
    pub skew_knee_slope: f64,
    /// `avellaneda_stoikov`, `glft`: γ, aversion to risk, per basis point and order size.
    pub risk_aversion: f64,
    /// `avellaneda_stoikov`: T − t, rolling, seconds.
    pub risk_horizon_s: f64,
    /// A: arrivals a second and side at the mid, where the trades seen give no good fit. 0 = none.
    pub arrival_rate_per_s: f64,
    /// k: relative fall of arrivals per basis point of distance, likewise.
    pub arrival_decay_per_bps: f64,
    /// Half-life of the arrivals that A and k are fitted to, seconds.
    pub arrival_halflife_s: f64,
    /// Distance between two points of that fit.
    pub arrival_bin_bps: f64,
    /// Coefficient of determination that the fit must reach to be used, [0, 1].
    pub arrival_min_r2: f64,
    /// Weight of the direction signal in the shift, in half spreads.
    pub bias_strength: f64,
    /// Weight of the book imbalance in the shift, in half spreads.
    pub imbalance_strength: f64,
    /// Distance between quote levels.
    pub level_spacing_bps: f64,
    /// Levels quoted a side, 1..=4.
    pub num_levels: usize,
    /// Share of the order size at each level.
    pub level_weights: [f64; QUOTE_LEVELS],
    /// Value quoted a side, over all its levels.
    pub order_size_usd: Usd,
    /// |q| beyond which the adding side is dropped, (0, 1].
    pub one_sided_at: f64,
    /// Shortest time between two decisions for an asset.
    pub requote_min: Nanos,
    /// Longest time between two decisions for an asset.
    pub tick: Nanos,
    /// A resting order stays when its price is within this of the wanted one.
    pub requote_threshold_bps: f64,
    /// Maker fee at our tier; positive = cost. From the venue, never from a file.
    pub maker_fee: Bps,
    /// Bars and the direction signal.
    pub signal: SignalParams,
    /// What the `adaptive` strategy does.
    pub adaptive: AdaptiveParams,
    /// What the moves after our fills do.
    pub toxicity: ToxicityParams,
    /// What the fitted fair price learns from.
    pub fit: FitParams,
    /// How large quotes are beside `order_size_usd`.
    pub sizer: SizerParams,
    /// Limits that the gate holds.
    pub risk: RiskLimits,
    /// What says of each order whether it would fill, and what that would cost.
    pub fill_model: Option<FillModelRef>,
    /// The grid job in place of all that makes quotes.
    pub grid: Option<GridParams>,
}

impl AssetParams {
    /// Whether every number is finite and in range. A quote is never made from one that is not
    /// (reason `param_invalid`).
    pub fn is_usable(&self) -> bool {
        let positive = [
            self.vol_halflife_s,
            self.vol_horizon_s,
            self.imbalance_alpha,
            self.min_spread_bps,
            self.one_sided_at,
            self.risk_aversion,
            self.risk_horizon_s,
            self.arrival_halflife_s,
            self.arrival_bin_bps,
            self.level_weights[..self.num_levels.min(QUOTE_LEVELS)].iter().sum(),
        ];
        let not_negative = [
            self.start_vol_bps,
            self.vol_multiplier,
            self.min_edge_bps,
            self.skew_factor,
            self.skew_knee,
            self.skew_knee_slope,
            self.bias_strength,
            self.imbalance_strength,
            self.arrival_rate_per_s,
            self.arrival_decay_per_bps,
            self.level_spacing_bps,
            self.requote_threshold_bps,
            self.arrival_min_r2,
        ];
        positive.iter().all(|v| v.is_finite() && *v > 0.0)
            && not_negative.iter().all(|v| v.is_finite() && *v >= 0.0)
            && self.max_spread_bps.is_finite()
            && self.max_spread_bps >= self.min_spread_bps
            && self.level_weights.iter().all(|w| w.is_finite() && *w >= 0.0)
            && (1..=QUOTE_LEVELS).contains(&self.num_levels)
            && (1..=BOOK_LEVELS).contains(&self.imbalance_levels)
            && self.imbalance_alpha <= 1.0
            && self.one_sided_at <= 1.0
            && self.arrival_min_r2 <= 1.0
            && self.order_size_usd.is_positive()
            && self.vol_sample > Nanos::ZERO
            && self.requote_min > Nanos::ZERO
            && self.requote_min <= self.tick
            && self.signal.is_usable()
            && self.adaptive.is_usable()
            && self.toxicity.is_usable()
            && self.fit.is_usable()
            && self.sizer.is_usable()
            && self.risk.is_usable()
            && self.fill_model.is_none_or(|model| model.is_sound())
            && self.grid.is_none_or(|grid| grid.lots > 0)
    }

    /// Whether anybody asks what the fit says.
    pub fn wants_fit(&self) -> bool {
        self.fair_price == FairPrice::Fitted || self.fit.fit_always
    }

    /// Weights of the direction signal and of the book imbalance in the shift, in half spreads. The fit
    /// knows of both: with it they count only when a person says so.
    pub fn leans(&self) -> [f64; 2] {
        match self.fair_price == FairPrice::Fitted && !self.fit.keep_leans {
            true => [0.0; 2],
            false => [self.bias_strength, self.imbalance_strength],
        }
    }

    /// Total spread below which a maker earns nothing: 2 · (maker_fee + min_edge), or nothing when
    /// the floor is off.
    pub fn floor_bps(&self) -> f64 {
        let floor = 2.0 * (self.maker_fee.to_f64() + self.min_edge_bps);
        if self.fee_floor { floor.max(0.0) } else { 0.0 }
    }
}

/// STRATEGY's starting configuration. The fee is zero: fees come from the venue, or from the one
/// table of published tiers in the configuration.
impl Default for AssetParams {
    fn default() -> Self {
        Self {
            vol_sample: Nanos::millis(1000),
            vol_halflife_s: 60.0,
            vol_horizon_s: 10.0,
            start_vol_bps: 0.0,
            sz_decimals: None,
            imbalance_levels: 5,
            imbalance_alpha: 0.3,
            model: QuoteModel::Linear,
            strategy: Strategy::Basic,
            fair_price: FairPrice::Fitted,
            min_spread_bps: 2.0,
            max_spread_bps: 50.0,
            vol_multiplier: 1.5,
            min_edge_bps: 0.2,
            fee_floor: true,
            below_fee: BelowFee::Widen,
            use_edge: false,
            touch: Touch::Inside,
            skew_factor: 0.3,
            skew_knee: 0.6,
            skew_knee_slope: 1.5,
            risk_aversion: 0.05,
            risk_horizon_s: 10.0,
            arrival_rate_per_s: 0.5,
            arrival_decay_per_bps: 1.0,
            arrival_halflife_s: 600.0,
            arrival_bin_bps: 0.25,
            arrival_min_r2: 0.5,
            bias_strength: 0.0,
            imbalance_strength: 0.3,
            level_spacing_bps: 1.0,
            num_levels: 2,
            level_weights: [0.50, 0.30, 0.15, 0.05],
            order_size_usd: Usd::whole(150),
            one_sided_at: 0.8,
            requote_min: Nanos::millis(100),
            tick: Nanos::millis(1000),
            requote_threshold_bps: 0.5,
            maker_fee: Bps::from_e8(0),
            signal: SignalParams::default(),
            adaptive: AdaptiveParams::default(),
            toxicity: ToxicityParams::default(),
            fit: FitParams::default(),
            sizer: SizerParams::default(),
            risk: RiskLimits::default(),
            fill_model: None,
            grid: None,
        }
    }
}
