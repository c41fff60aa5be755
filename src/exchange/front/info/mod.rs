//! Answers to `/info` (PROTOCOL §2): each reads the venue and writes one JSON value.

mod accounts;
pub mod book;
mod constants;
mod market;
mod request;

pub use accounts::{
    ActiveAsset, LedgerUpdate, Span, account, fills, frontend_orders, history, ledger_updates,
    slice_fills, twap_history,
};
pub use constants::SpotState;
use constants::{delegator_summary, referral};
pub use market::{Mids, candle_bars, ctx, ctxs};
pub use request::{FirstDex, InfoRequest, Interval, is_book_rounding};

use super::json::{Decimal, Nothing, Null, to_bytes};
use crate::exchange::venue::Venue;

/// An answer, and how many items it has where its weight depends on them.
pub struct Reply {
    /// A JSON value.
    pub json: Vec<u8>,
    /// Zero where it has no list.
    pub items: usize,
}

impl Reply {
    fn one(value: &(impl serde::Serialize + ?Sized)) -> Self {
        Self { json: to_bytes(value), items: 0 }
    }
    fn list(values: &[impl serde::Serialize]) -> Self {
        Self { json: to_bytes(values), items: values.len() }
    }
}

/// Answers a request.
pub fn answer(venue: &Venue, request: &InfoRequest) -> Reply {
    use InfoRequest as R;
    match request {
        R::Meta { .. } => Reply::one(&market::meta(venue)),
        R::MetaAndAssetCtxs { .. } => Reply::one(&(market::meta(venue), market::ctxs(venue))),
        R::AllPerpMetas => Reply::one(&[market::meta(venue)]),
        R::PerpDexs => Reply::one(&[Null]),
        R::SpotMeta => Reply::one(&constants::SpotMeta::default()),
        R::SpotMetaAndAssetCtxs => Reply::one(&(constants::SpotMeta::default(), Nothing)),
        R::OutcomeMeta => Reply::one(&constants::OutcomeMeta::default()),
        R::AllMids { .. } => Reply::one(&Mids(venue)),
        R::L2Book(b) => Reply::one(&market::l2_book(venue, b)),
        R::CandleSnapshot { req } => Reply::list(&market::candles(venue, req)),
        R::RecentTrades { coin } => market::recent_trades(venue, coin)
            .map_or(Reply::one(&Null), |trades| Reply::list(&trades)),
        R::FundingHistory { coin, start_time, end_time } => {
            Reply::list(&market::funding_history(venue, coin, *start_time, *end_time))
        }
        R::PredictedFundings => Reply::one(&market::predicted_fundings(venue)),
        R::MarginTable { id } => Reply::one(&market::MarginTable::single(*id)),
        R::MaxMarketOrderNtls => Reply::one(&constants::MAX_MARKET_ORDER_NTLS),
        R::ExchangeStatus => Reply::one(&market::ExchangeStatus::new(venue)),
        R::ClearinghouseState { user, .. } => Reply::one(&account(venue, user)),
        R::ActiveAssetData { user, coin } => Reply::one(&ActiveAsset::new(venue, user, coin)),
        R::OpenOrders { user, .. } => Reply::one(&accounts::open_orders(venue, user)),
        R::FrontendOpenOrders { user, .. } => Reply::one(&frontend_orders(venue, user)),
        R::OrderStatus { user, oid } => Reply::one(&accounts::order_status(venue, user, oid.0)),
        R::HistoricalOrders { user } => Reply::list(&history(venue, user)),
        R::UserFills { user, aggregate_by_time } => {
            let mut fills = fills(venue, user, aggregate_by_time.unwrap_or(false));
            fills.reverse();
            Reply::list(&fills)
        }
        R::UserFillsByTime { user, start_time, end_time, aggregate_by_time, reversed } => {
            let span = Span::new(*start_time, *end_time);
            let aggregate = aggregate_by_time.unwrap_or(false);
            let is_reversed = reversed.unwrap_or(false);
            Reply::list(&accounts::fills_by_time(venue, user, &span, aggregate, is_reversed))
        }
        R::UserTwapSliceFills { user } => {
            let mut slices = slice_fills(venue, user, &Span::ALL);
            slices.reverse();
            Reply::list(&slices)
        }
        R::UserTwapSliceFillsByTime { user, start_time, end_time } => {
            Reply::list(&slice_fills(venue, user, &Span::new(*start_time, *end_time)))
        }
        R::TwapHistory { user } => Reply::list(&twap_history(venue, user)),
        R::UserFees { user } => Reply::one(&constants::Fees::new(venue, user)),
        R::UserRateLimit { user } => Reply::one(&accounts::RateLimit::new(venue, user)),
        R::UserRole { user } => Reply::one(&accounts::role(venue, user)),
        R::ExtraAgents { user } => Reply::one(&accounts::extra_agents(venue, user)),
        R::UserFunding { user, start_time, end_time } => {
            let span = Span::new(*start_time, *end_time);
            Reply::list(&accounts::user_funding(venue, user, &span))
        }
        R::UserNonFundingLedgerUpdates { user, start_time, end_time } => {
            let span = Span::new(*start_time, *end_time);
            Reply::list(&ledger_updates(venue, user, &span))
        }
        R::Portfolio { user } => Reply::one(&accounts::portfolio(venue, user)),
        R::UserAbstraction { .. } => Reply::one("disabled"),
        R::UserDexAbstraction { .. } => Reply::one(&false),
        R::SpotClearinghouseState { .. } => Reply::one(&constants::SpotState::default()),
        R::Referral { user } => Reply::one(&referral(venue, user)),
        R::DelegatorSummary { .. } => Reply::one(&delegator_summary()),
        R::MaxBuilderFee { user, builder } => {
            Reply::one(&venue.max_builder_fee(&user.0, &builder.0))
        }
        R::SubAccounts { .. } | R::UserToMultiSigSigners { .. } | R::VaultDetails { .. } => {
            Reply::one(&Null)
        }
        R::PerpsAtOpenInterestCap { .. }
        | R::UserVaultEquities { .. }
        | R::Delegations { .. }
        | R::DelegatorHistory { .. }
        | R::DelegatorRewards { .. }
        | R::LeadingVaults { .. }
        | R::VaultSummaries
        | R::Liquidatable
        | R::ValidatorSummaries => Reply::one(&Nothing),
    }
}

/// Zero of anything, where a shape asks for a decimal that is never another.
const NONE: Decimal = Decimal::ZERO;
