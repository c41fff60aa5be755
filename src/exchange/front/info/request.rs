//! What can be asked for (PROTOCOL §2). Whatever is not one of these is no request.

use crate::exchange::front::json::{User, parse_cloid};
use botmm_pipeline::types::{Nanos, Oid};
use botmm_pipeline::venue::hl::sign::OrderRef;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

/// The body of `POST /info`, and the payload of a websocket post of type `info`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[allow(missing_docs, reason = "named as PROTOCOL names them")]
#[allow(dead_code, reason = "what a request must have, whatever its answer needs of it")]
pub enum InfoRequest {
    // The market.
    Meta {
        #[serde(default)]
        dex: FirstDex,
    },
    MetaAndAssetCtxs {
        #[serde(default)]
        dex: FirstDex,
    },
    AllPerpMetas,
    PerpDexs,
    SpotMeta,
    SpotMetaAndAssetCtxs,
    OutcomeMeta,
    AllMids {
        #[serde(default)]
        dex: FirstDex,
    },
    L2Book(BookRequest),
    CandleSnapshot {
        req: CandleRequest,
    },
    RecentTrades {
        coin: String,
    },
    FundingHistory {
        coin: String,
        start_time: u64,
        end_time: Option<u64>,
    },
    PredictedFundings,
    PerpsAtOpenInterestCap {
        #[serde(default)]
        dex: FirstDex,
    },
    MarginTable {
        id: u32,
    },
    MaxMarketOrderNtls,
    ExchangeStatus,
    // An account.
    ClearinghouseState {
        user: User,
        #[serde(default)]
        dex: FirstDex,
    },
    SpotClearinghouseState {
        user: User,
    },
    ActiveAssetData {
        user: User,
        coin: String,
    },
    OpenOrders {
        user: User,
        #[serde(default)]
        dex: FirstDex,
    },
    FrontendOpenOrders {
        user: User,
        #[serde(default)]
        dex: FirstDex,
    },
    OrderStatus {
        user: User,
        oid: OrderId,
    },
    HistoricalOrders {
        user: User,
    },
    UserFills {
        user: User,
        aggregate_by_time: Option<bool>,
    },
    UserFillsByTime {
        user: User,
        start_time: u64,
        end_time: Option<u64>,
        aggregate_by_time: Option<bool>,
        reversed: Option<bool>,
    },
    UserFees {
        user: User,
    },
    UserRateLimit {
        user: User,
    },
    UserRole {
        user: User,
    },
    ExtraAgents {
        user: User,
    },
    UserFunding {
        user: User,
        start_time: u64,
        end_time: Option<u64>,
    },
    UserAbstraction {
        user: User,
    },
    Portfolio {
        user: User,
    },
    UserNonFundingLedgerUpdates {
        user: User,
        start_time: u64,
        end_time: Option<u64>,
    },
    MaxBuilderFee {
        user: User,
        builder: User,
    },
    UserTwapSliceFills {
        user: User,
    },
    UserTwapSliceFillsByTime {
        user: User,
        start_time: u64,
        end_time: Option<u64>,
    },
    TwapHistory {
        user: User,
    },
    // What every account here is without.
    UserVaultEquities {
        user: User,
    },
    Delegations {
        user: User,
    },
    DelegatorHistory {
        user: User,
    },
    DelegatorRewards {
        user: User,
    },
    DelegatorSummary {
        user: User,
    },
    Referral {
        user: User,
    },
    SubAccounts {
        user: User,
    },
    UserToMultiSigSigners {
        user: User,
    },
    UserDexAbstraction {
        user: User,
    },
    LeadingVaults {
        user: User,
    },
    VaultDetails {
        vault_address: User,
    },
    VaultSummaries,
    Liquidatable,
    ValidatorSummaries,
}

/// Of `l2Book`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookRequest {
    /// Whose book.
    pub coin: String,
    /// Significant figures to merge levels to.
    pub n_sig_figs: Option<u8>,
    /// What the last figure is a multiple of.
    pub mantissa: Option<u8>,
}

/// Of `candleSnapshot`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandleRequest {
    /// Of which coin.
    pub coin: String,
    /// How long a bar is.
    pub interval: Interval,
    /// Milliseconds.
    pub start_time: u64,
    /// Milliseconds; none = now.
    pub end_time: Option<u64>,
}

/// The first perp exchange, the only one here: absent, null or the empty name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FirstDex;

impl<'de> Deserialize<'de> for FirstDex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None | Some("") => Ok(Self),
            Some(_) => Err(D::Error::custom("no such perp exchange")),
        }
    }
}

/// The venue's number of an order, or the client's text.
#[derive(Clone, Copy, Debug)]
pub struct OrderId(pub OrderRef);

impl<'de> Deserialize<'de> for OrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(oid) => Ok(Self(OrderRef::Oid(Oid(oid)))),
            Either::Text(text) => parse_cloid(&text)
                .map(|cloid| Self(OrderRef::Cloid(cloid)))
                .ok_or_else(|| D::Error::custom("not a client order id")),
        }
    }
}

/// How long a bar is (PROTOCOL, appendix E).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[allow(missing_docs, reason = "they say it themselves")]
pub enum Interval {
    #[serde(rename = "1m")]
    M1,
    #[serde(rename = "3m")]
    M3,
    #[serde(rename = "5m")]
    M5,
    #[serde(rename = "15m")]
    M15,
    #[serde(rename = "30m")]
    M30,
    #[serde(rename = "1h")]
    H1,
    #[serde(rename = "2h")]
    H2,
    #[serde(rename = "4h")]
    H4,
    #[serde(rename = "8h")]
    H8,
    #[serde(rename = "12h")]
    H12,
    #[serde(rename = "1d")]
    D1,
    #[serde(rename = "3d")]
    D3,
    #[serde(rename = "1w")]
    W1,
    #[serde(rename = "1M")]
    Month,
}

impl Interval {
    /// Its length and its name; a month counts 30 days.
    pub const fn length_and_name(self) -> (Nanos, &'static str) {
        const MINUTE_S: i64 = 60;
        const HOUR_S: i64 = 60 * MINUTE_S;
        const DAY_S: i64 = 24 * HOUR_S;
        let (seconds, name) = match self {
            Self::M1 => (MINUTE_S, "1m"),
            Self::M3 => (3 * MINUTE_S, "3m"),
            Self::M5 => (5 * MINUTE_S, "5m"),
            Self::M15 => (15 * MINUTE_S, "15m"),
            Self::M30 => (30 * MINUTE_S, "30m"),
            Self::H1 => (HOUR_S, "1h"),
            Self::H2 => (2 * HOUR_S, "2h"),
            Self::H4 => (4 * HOUR_S, "4h"),
            Self::H8 => (8 * HOUR_S, "8h"),
            Self::H12 => (12 * HOUR_S, "12h"),
            Self::D1 => (DAY_S, "1d"),
            Self::D3 => (3 * DAY_S, "3d"),
            Self::W1 => (7 * DAY_S, "1w"),
            Self::Month => (30 * DAY_S, "1M"),
        };
        (Nanos::secs(seconds), name)
    }
}

/// What a request takes of its address's weight: at once, and for each so many items of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// At once.
    pub base: u32,
    /// One more for each so many items.
    pub per_items: Option<usize>,
}

impl InfoRequest {
    /// As PROTOCOL's table says (§2, §6).
    pub const fn weight(&self) -> Weight {
        let (base, per_items) = match self {
            Self::AllMids { .. }
            | Self::L2Book(_)
            | Self::ClearinghouseState { .. }
            | Self::SpotClearinghouseState { .. }
            | Self::OrderStatus { .. }
            | Self::ExchangeStatus => (2, None),
            Self::UserRole { .. } => (60, None),
            Self::CandleSnapshot { .. } => (20, Some(60)),
            Self::RecentTrades { .. }
            | Self::HistoricalOrders { .. }
            | Self::UserFills { .. }
            | Self::UserFillsByTime { .. }
            | Self::FundingHistory { .. }
            | Self::UserFunding { .. } => (20, Some(20)),
            _ => (20, None),
        };
        Weight { base, per_items }
    }

    /// Whether its fields go together; one that fails is as good as unreadable.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::L2Book(book) => is_book_rounding(book.n_sig_figs, book.mantissa),
            _ => true,
        }
    }
}

/// Whether a book can be merged so.
pub fn is_book_rounding(n_sig_figs: Option<u8>, mantissa: Option<u8>) -> bool {
    match (n_sig_figs, mantissa) {
        (None, None) => true,
        (Some(n), None) => (2..=5).contains(&n),
        (Some(5), Some(m)) => matches!(m, 1 | 2 | 5),
        _ => false,
    }
}
