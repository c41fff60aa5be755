//! Floor 0, the words: fixed-point money, venue rules, messages, parameters and limits.
//!
//! Everything here is plain data. It depends on nothing else in the crate.

pub mod alert;
pub mod candle;
pub mod command;
pub mod decimal;
pub mod duration;
pub mod fit;
pub mod fixed;
pub mod hash;
pub mod instrument;
pub mod level;
pub mod limits;
pub mod market;
pub mod order;
pub mod params;
pub mod quote;
pub mod reason;
pub mod record;
pub mod risk;
pub mod terms;

pub use alert::AlertKind;
pub use candle::Candle;
pub use command::{Listing, NewParams, ParamsChange, QuoteCommand, RiskCommand, Series};
pub use decimal::{DecimalError, SCALE, parse_decimal, read_decimal, read_rate};
pub use fit::{Feature, FitScore, FitState, Fitted};
pub use fixed::{Bps, Nanos, Px, Qty, Usd, by_scale, nearest, notional};
pub use hash::DecisionHash;
pub use instrument::{Coin, Instrument, Universe};
pub use level::{AssetId, Level, LevelChange, LevelNews, Side};
pub use market::{
    Arrival, Bbo, BookForm, BookHead, BookSnapshot, EventHead, FeedChange, FeedStatus, LentEvent,
    MarkPrice, MarketEvent, Trade, Zero,
};
pub use order::{
    Action, ActionKind, Cloid, Done, DoneWhy, Fill, FillCause, Inquiry, Oid, OrderRequest, Reject,
    RejectReason, Tif, VenueEvent, VenueEventKind,
};
pub use params::{AssetParams, QuoteModel, RiskLimits, Strategy};
pub use quote::{ArrivalFit, BookState, BookView, Cause, Marked, QuoteLevel, QuoteTarget};
pub use reason::Reason;
pub use record::{Commentary, DayNet, Fact, Record};
pub use risk::{BreakEnd, BreakWhy, Breaks, Marks, RiskSnapshot, RiskState};
pub use terms::{Moment, QuoteTerms, Regime, SideTerms, Term};
