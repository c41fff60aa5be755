//! What is shown of a bot: one picture of one moment. Screen, page and `botmm status` are made of it and of nothing
//! else, and whoever shows more of the bot reads the same, so that all of them say the same numbers. Prices,
//! sizes and money are exact text in JSON.

use super::curve::Curve;
use super::fills::{LastFills, SHOWN_HORIZON};
use super::latency::{StageView, WireView};
use super::words::{doing, why};
use crate::masked::masked;
use crate::rungs::Rungs;
use crate::when::utc;
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::rt::{Latencies, Trips};
use botmm_pipeline::stage::numbers::{AssetNumbers, Numbers};
use botmm_pipeline::stage::status::{AssetStatus, StrategyStatus};
use botmm_pipeline::types::{Nanos, Px, Qty, Reason, RiskState, Side, Universe, Usd, notional};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Who tells it.
    pub source: Source,
    /// The moment, UTC.
    pub at: String,
    /// Which network it is, in large.
    pub network: String,
    /// Real money is at stake.
    pub is_real_money: bool,
    /// What runs.
    pub title: String,
    /// Since the start, seconds.
    pub elapsed_s: f64,
    /// What the account was worth at the start, by the venue; [`None`] = not told yet.
    #[serde(with = "some_exact")]
    pub opening_usd: Option<Usd>,
    /// What it is worth: the opening and all that was earned since.
    #[serde(with = "some_exact")]
    pub equity_usd: Option<Usd>,
    /// Before fees and funding, at the newest marks.
    #[serde(with = "exact")]
    pub gross_usd: Usd,
    /// Positive = paid.
    #[serde(with = "exact")]
    pub fees_usd: Usd,
    /// Positive = paid.
    #[serde(with = "exact")]
    pub funding_usd: Usd,
    /// All together.
    #[serde(with = "exact")]
    pub net_usd: Usd,
    /// Where gross comes from; [`None`] = nobody is there who measured.
    pub split: Option<Split>,
    /// Net of the present UTC day; [`None`] = not known.
    #[serde(with = "some_exact")]
    pub today_usd: Option<Usd>,
    /// Deepest fall of net from a peak.
    #[serde(with = "some_exact")]
    pub drawdown_usd: Option<Usd>,
    /// Net since the start.
    pub curve: CurveView,
    /// What was counted; [`None`] = nobody is there who did.
    pub counts: Option<Counts>,
    /// Requests that the venue still allows us; [`None`] = not told yet.
    pub requests_left: Option<u64>,
    /// What the risk stage holds, in words.
    pub risk: String,
    /// Nothing is quoted until a person re-arms it.
    pub is_halted: bool,
    /// Who would cancel what rests, were the bot gone; [`None`] = it is gone.
    pub rungs: Option<Rungs>,
    /// How long nobody has looked after what rests, seconds, and why: `order link down`.
    pub unattended: Option<(f64, String)>,
    /// The coins, in the order in which they were asked for.
    pub coins: Vec<CoinView>,
    /// How long polls took, in the order of the stages.
    pub stages: Vec<StageView>,
    /// From wire to wire; [`None`] = nothing is known of it.
    #[serde(default)]
    pub wire: Option<WireView>,
    /// The newest fills, newest first.
    pub last_fills: Vec<FillView>,
    /// The newest alerts, newest last.
    pub alerts: Vec<String>,
}

/// Who tells a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The running bot.
    Running {
        /// Its process.
        pid: u32,
    },
    /// The journal of one that does not run, or does not answer: this is its last word.
    Journal {
        /// Where it is.
        path: String,
        /// Somebody is there, and does not answer: it hangs.
        is_held: bool,
    },
}

/// Where profit before fees and funding comes from: the three add up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Fills against the mid before them.
    #[serde(with = "exact")]
    pub spread_captured_usd: Usd,
    /// What the mid did in the five seconds after them.
    #[serde(with = "exact")]
    pub adverse_selection_usd: Usd,
    /// What it did from then on, and all of fills that are not measured yet.
    #[serde(with = "exact")]
    pub inventory_drift_usd: Usd,
}

/// A line to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CurveView {
    /// How far its points are apart, seconds.
    pub every_s: f64,
    /// They, oldest first.
    #[serde(with = "each_exact")]
    pub net_usd: Vec<Usd>,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `Numbers`")]
pub struct Counts {
    pub events: u64,
    pub decisions: u64,
    pub orders: u64,
    pub modifies: u64,
    pub cancels: u64,
    pub rejects: u64,
    /// Requests signed ahead, and the ordinary way although that was asked for.
    #[serde(default)]
    pub presigned: u64,
    /// See `presigned`.
    #[serde(default)]
    pub not_presigned: u64,
    pub open_orders: u64,
    pub fills: u64,
    #[serde(with = "exact")]
    pub volume_usd: Usd,
    /// What the journal lacks of the whys of decisions, for want of room.
    pub commentary_dropped: u64,
}

/// A coin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoinView {
    /// Its name.
    pub coin: String,
    /// Zero = the book has none.
    #[serde(with = "exact")]
    pub mid: Px,
    /// What the position counts at: the last mid that there was.
    #[serde(with = "exact")]
    pub mark: Px,
    /// Our nearest bid in the book; zero = none.
    #[serde(with = "exact")]
    pub bid: Px,
    /// Our nearest ask; zero = none.
    #[serde(with = "exact")]
    pub ask: Px,
    /// Signed.
    #[serde(with = "exact")]
    pub position: Qty,
    /// The position at its mark; [`None`] = it has none.
    #[serde(with = "some_exact")]
    pub value_usd: Option<Usd>,
    /// Why the bid is quoted or not, by its code.
    pub bid_reason: String,
    /// Why the ask is.
    pub ask_reason: String,
    /// Why it is not quoted, in words; empty = both sides are.
    pub why: String,
    /// A breaker holds it.
    pub is_broken: bool,
    /// Fills since the start; [`None`] = nobody is there who counted.
    pub fills: Option<u64>,
    /// Before fees and funding.
    #[serde(with = "some_exact")]
    pub gross_usd: Option<Usd>,
    /// Positive = paid.
    #[serde(with = "some_exact")]
    pub fees_usd: Option<Usd>,
    /// Positive = paid.
    #[serde(with = "some_exact")]
    pub funding_usd: Option<Usd>,
    /// All together.
    #[serde(with = "some_exact")]
    pub net_usd: Option<Usd>,
    /// How late the newest message was when it came, ms.
    pub feed_delay_ms: Option<i64>,
    /// How long ago that was, ms.
    pub book_age_ms: Option<i64>,
    /// What its strategy does, in words.
    pub doing: Vec<String>,
    /// Seconds spent in each state since the start, bid and ask.
    pub reason_s: [BTreeMap<String, f64>; 2],
}

/// A fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillView {
    /// When, UTC.
    pub time: String,
    /// Of which coin.
    pub coin: String,
    /// We bought.
    pub is_buy: bool,
    /// At which price.
    #[serde(with = "exact")]
    pub px: Px,
    /// How much.
    #[serde(with = "exact")]
    pub qty: Qty,
    /// Positive = paid.
    #[serde(with = "exact")]
    pub fee_usd: Usd,
    /// How far the mid was in our favour 1, 5, 30 and 60 s later, of the price; [`None`] = not measured yet.
    pub markouts_bps: [Option<f64>; HORIZONS.len()],
}

/// The newest view, for whoever asks while the bot runs.
#[derive(Clone, Debug, Default)]
pub struct Newest(Arc<Mutex<Option<Arc<View>>>>);

impl Newest {
    /// From now on this is the newest.
    pub fn set(&self, view: View) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(view));
    }

    /// It; [`None`] = nothing was shown yet.
    pub fn get(&self) -> Option<Arc<View>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a running bot makes its view of.
pub struct Parts<'a> {
    /// The moment.
    pub now: Nanos,
    /// See [`View::network`].
    pub network: &'a str,
    /// See [`View::is_real_money`].
    pub is_real_money: bool,
    /// See [`View::title`].
    pub title: &'a str,
    /// Since the start.
    pub elapsed: Duration,
    /// See [`View::opening_usd`].
    pub opening: Option<Usd>,
    /// See [`View::requests_left`].
    pub requests_left: Option<u64>,
    /// See [`View::rungs`].
    pub rungs: Rungs,
    /// See [`View::unattended`].
    pub unattended: Option<(Duration, String)>,
    /// The assets.
    pub universe: &'a Universe,
    /// Their states, in the universe's order.
    pub assets: &'a [AssetStatus],
    /// What their strategies do, likewise.
    pub strategies: &'a [StrategyStatus],
    /// See [`View::risk`].
    pub risk: String,
    /// What was counted.
    pub numbers: &'a Numbers,
    /// See [`Counts::commentary_dropped`].
    pub commentary_dropped: u64,
    /// How long polls took.
    pub latencies: &'a Latencies,
    /// How long the way from wire to wire took.
    pub trips: &'a Trips,
    /// See [`View::curve`].
    pub curve: &'a Curve,
    /// The newest fills.
    pub fills: &'a LastFills,
    /// See [`View::alerts`].
    pub alerts: &'a [String],
}

impl Parts<'_> {
    /// The view.
    pub fn view(self) -> View {
        let n = self.numbers;
        let coins = self.universe.iter().zip(self.assets).zip(self.strategies).zip(&n.assets);
        let coins = coins.map(|((((_, i), a), s), n)| CoinView::of(i.coin.as_str(), a, s, n));
        let fills = self.fills.iter().map(|f| FillView {
            time: utc(f.time),
            coin: self.universe.get(f.asset).coin.to_string(),
            is_buy: f.side == Side::Bid,
            px: f.px,
            qty: f.qty,
            fee_usd: f.fee,
            markouts_bps: f.markouts_bps,
        });
        View {
            source: Source::Running { pid: std::process::id() },
            at: utc(self.now),
            network: self.network.to_owned(),
            is_real_money: self.is_real_money,
            title: self.title.to_owned(),
            elapsed_s: self.elapsed.as_secs_f64(),
            opening_usd: self.opening,
            equity_usd: self.opening.map(|opening| opening + n.net()),
            gross_usd: n.gross,
            fees_usd: n.fees,
            funding_usd: n.funding,
            net_usd: n.net(),
            split: Some(Split::of(n)),
            today_usd: n.today.map(|today| today.net),
            drawdown_usd: Some(n.max_drawdown),
            curve: CurveView::of(self.curve),
            counts: Some(Counts {
                events: n.events,
                decisions: n.decisions,
                orders: n.orders,
                modifies: n.modifies,
                cancels: n.cancels,
                rejects: n.rejects,
                presigned: n.signing.presigned,
                not_presigned: n.signing.ordinary,
                open_orders: n.open_orders,
                fills: n.fills,
                volume_usd: n.volume,
                commentary_dropped: self.commentary_dropped,
            }),
            requests_left: self.requests_left,
            // It names a folder, by the command that ends a kill.
            risk: masked(&self.risk).into_owned(),
            is_halted: n.halted.is_some(),
            rungs: Some(self.rungs),
            unattended: self.unattended.map(|(span, why)| (span.as_secs_f64(), why)),
            coins: coins.collect(),
            stages: self.latencies.stages().map(StageView::of).collect(),
            wire: WireView::of(self.trips),
            last_fills: fills.collect(),
            alerts: self.alerts.to_vec(),
        }
    }
}

impl Split {
    fn of(n: &Numbers) -> Self {
        let captured = n.assets.iter().map(AssetNumbers::captured).sum();
        let sides = n.assets.iter().flat_map(|asset| &asset.sides);
        let adverse = sides.map(|side| side.measured[SHOWN_HORIZON].adverse).sum();
        Self {
            spread_captured_usd: captured,
            adverse_selection_usd: adverse,
            inventory_drift_usd: n.gross - captured - adverse,
        }
    }
}

impl CurveView {
    fn of(curve: &Curve) -> Self {
        let (every, points) = curve.points();
        Self { every_s: every.as_secs_f64(), net_usd: points.to_vec() }
    }
}

impl CoinView {
    fn of(coin: &str, a: &AssetStatus, s: &StrategyStatus, n: &AssetNumbers) -> Self {
        let reasons = n.reasons.map(|side| {
            let spent = Reason::ALL.iter().zip(side).filter(|(_, time)| time.0 > 0);
            spent.map(|(reason, t)| (reason.as_str().to_owned(), t.as_secs_f64())).collect()
        });
        Self {
            coin: coin.to_owned(),
            mid: a.mid,
            mark: a.mark,
            bid: a.bid,
            ask: a.ask,
            position: a.position,
            value_usd: a.mark.is_positive().then(|| notional(a.mark, a.position)),
            bid_reason: a.bid_reason.as_str().to_owned(),
            ask_reason: a.ask_reason.as_str().to_owned(),
            why: why(a, s, n.trouble),
            is_broken: n.state == RiskState::CircuitBreak,
            fills: Some(a.fills),
            gross_usd: Some(n.gross()),
            fees_usd: Some(n.fees),
            funding_usd: Some(n.funding),
            net_usd: Some(n.net),
            feed_delay_ms: (s.feed_delay != Nanos::ZERO).then(|| s.feed_delay.as_millis()),
            book_age_ms: (s.feed_delay != Nanos::ZERO).then(|| s.book_age.as_millis()),
            doing: doing(s),
            reason_s: reasons,
        }
    }
}

/// A fixed-point number, whose text is exact.
trait Fixed: Sized {
    fn read(text: &str) -> Result<Self, String>;
}

macro_rules! fixed {
    ($($name:ident)*) => {
        $(impl Fixed for $name {
            fn read(text: &str) -> Result<Self, String> {
                Self::parse(text).map_err(|e| e.to_string())
            }
        })*
    };
}

fixed!(Px Qty Usd);

/// As exact text.
mod exact {
    use super::Fixed;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::fmt::Display;

    pub fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub fn deserialize<'de, T: Fixed, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::read(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The same where there may be none.
mod some_exact {
    use super::Fixed;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use std::fmt::Display;

    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(T::to_string).serialize(to)
    }

    pub fn deserialize<'de, T: Fixed, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| T::read(&text).map_err(D::Error::custom)).transpose()
    }
}

/// The same of many.
mod each_exact {
    use super::Fixed;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::fmt::Display;

    pub fn serialize<T: Display, S: Serializer>(values: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(T::to_string))
    }

    pub fn deserialize<'de, T: Fixed, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| T::read(text).map_err(D::Error::custom)).collect()
    }
}
