//! What the side thread asks of the stages. Each stage has a ring of its own; a full one refuses, and
//! the side thread says so.

use super::candle::Candle;
use super::fit::FitState;
use super::fixed::{Nanos, Qty};
use super::level::AssetId;
use super::params::AssetParams;
use serde::{Deserialize, Serialize};

/// New parameters of one asset. They hold from the moment that a message of their generation
/// arrives, so that no decision is made from two generations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParamsChange {
    /// Rises with each change; all assets that change together share one.
    pub generation: u32,
    /// Whose.
    pub asset: AssetId,
    /// All of them, those that did not change included.
    pub params: AssetParams,
}

/// To the feed: let a generation of parameters take effect after the newest market event. Their
/// [`ParamsChange`]s were handed to the other stages before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewParams {
    /// Which.
    pub generation: u32,
}

/// Bars that the quote stage builds.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Series {
    /// Of the direction signal.
    Signal = 0,
    /// Of the average true range.
    Atr = 1,
}

/// To the quote stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "commands are copied into a ring, never boxed")]
pub enum QuoteCommand {
    /// A candle of before the start, oldest first; several may fall into one bar.
    Candle {
        /// Whose.
        asset: AssetId,
        /// For which bars.
        series: Series,
        /// The candle.
        candle: Candle,
    },
    /// There are no more candles of the series: it goes on from them.
    CandlesDone {
        /// Whose.
        asset: AssetId,
        /// Which bars.
        series: Series,
    },
    /// How the venue lists the asset.
    Listed {
        /// Whose.
        asset: AssetId,
        /// How.
        listing: Listing,
    },
    /// What an earlier run's fit of the asset had learned: it goes on from there.
    Fit {
        /// Whose.
        asset: AssetId,
        /// All of it.
        state: FitState,
    },
    /// Our own way to the wire takes too long: until then every half spread is multiplied by this.
    Slow {
        /// Until when.
        until: Nanos,
        /// Millionths, at least one million.
        mult_e6: i64,
    },
}

/// How the venue lists an asset.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Listing {
    /// As it was at the start.
    #[default]
    Listed = 0,
    /// Not any more.
    Gone = 1,
    /// Under another number: what we would send is not what we mean.
    GridChanged = 2,
}

/// To the risk stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RiskCommand {
    /// A person ends a halt or a cool-down; losses count from here.
    Rearm,
    /// What we believe of an asset is not what the venue says, or (nothing) is so again: until then only
    /// what reduces both positions is quoted.
    Doubt {
        /// Whose.
        asset: AssetId,
        /// The venue's position.
        venue: Option<Qty>,
    },
    /// What we believe of the whole account (orders, worth) is not what the venue says: until it is so
    /// again every asset is only reduced.
    ReduceOnly(bool),
}
