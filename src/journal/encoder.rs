//! From the pipeline's records to lines: which of them are told, and in which words.

use super::end_word;
use super::line::{self, Level, Line};
use crate::when::{utc, utc_date};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::params::FairPrice;
use botmm_pipeline::types::record::AccountView;
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, Breaks, Commentary, Fact, Feature, FillCause, FitState, Moment,
    Nanos, OrderRequest, Qty, QuoteLevel, QuoteTarget, QuoteTerms, Record, RiskSnapshot, RiskState,
    Side, Term, Universe,
};
use std::collections::{BTreeMap, VecDeque};

/// Without a fill the account is told so often.
const ACCOUNT_PERIOD: Nanos = Nanos::secs(60);
/// Terms kept until their decision comes: more than one drain of the rings can bring.
const TERMS_WAITING: usize = 1024;

/// Makes lines of records. It knows what was told last, so that nothing is told twice.
pub struct Encoder {
    universe: Universe,
    last_decision: [Option<QuoteTarget>; MAX_ASSETS],
    terms: [Terms; MAX_ASSETS],
    last_account: Nanos,
    last_position: [Qty; MAX_ASSETS],
    fills_since_account: bool,
    last_breaks: Breaks,
}

impl Encoder {
    /// Nothing yet.
    pub fn new(universe: &Universe) -> Self {
        Self {
            universe: universe.clone(),
            last_decision: [None; MAX_ASSETS],
            terms: Default::default(),
            last_account: Nanos(i64::MIN),
            last_position: [Qty::ZERO; MAX_ASSETS],
            fills_since_account: false,
            last_breaks: Breaks::default(),
        }
    }

    /// The line of a record; [`None`] = it is not told, or is part of another's.
    pub fn line(&mut self, record: &Record) -> Option<Line> {
        match record {
            Record::Fact(fact) => self.fact(fact),
            Record::Commentary(commentary) => self.comment(commentary),
        }
    }

    fn comment(&mut self, commentary: &Commentary) -> Option<Line> {
        Some(match commentary {
            Commentary::Terms(terms) => {
                self.terms[terms.asset.index()].add(terms);
                return None;
            }
            Commentary::Decision(target) => return self.decision(target).map(Line::Decision),
            Commentary::Action(action) => self.action(action),
            Commentary::SideState { asset, time, bid, ask } => {
                let (bid, ask) = (bid.as_str().to_owned(), ask.as_str().to_owned());
                Line::State(line::State { time: utc(*time), coin: self.coin(*asset), bid, ask })
            }
        })
    }

    fn fact(&mut self, fact: &Fact) -> Option<Line> {
        Some(match fact {
            Fact::Fill { asset, time, venue_time, fill } => {
                self.fills_since_account = true;
                Line::Fill(line::Fill {
                    time: utc(*time),
                    coin: self.coin(*asset),
                    side: side_word(fill.side).to_owned(),
                    px: fill.px.to_string(),
                    qty: fill.qty.to_string(),
                    fee_usd: fill.fee.to_string(),
                    venue_time: Some(utc(*venue_time)),
                    oid: fill.oid.0,
                    tid: fill.tid,
                    taker: fill.crossed,
                    cause: fill.cause.map(FillCause::as_str).map(str::to_owned),
                })
            }
            Fact::Funding { asset, time, venue_time, paid } => Line::Funding(line::Funding {
                time: utc(*time),
                coin: self.coin(*asset),
                venue_time: utc(*venue_time),
                paid_usd: paid.to_string(),
            }),
            Fact::MidAtFill { asset, time, venue_time, tid, side, qty, px, mid } => {
                Line::MidAtFill(line::MidAtFill {
                    time: utc(*time),
                    coin: self.coin(*asset),
                    tid: *tid,
                    side: side_word(*side).to_owned(),
                    px: px.to_string(),
                    qty: qty.to_string(),
                    venue_time: Some(utc(*venue_time)),
                    mid: mid.to_string(),
                })
            }
            Fact::Markout { asset, time, tid, side, qty, horizon, px, mid_at_fill, mid } => {
                Line::Markout(line::Markout {
                    time: utc(*time),
                    coin: self.coin(*asset),
                    tid: *tid,
                    side: side_word(*side).to_owned(),
                    px: px.to_string(),
                    qty: qty.to_string(),
                    after_s: HORIZONS[*horizon].as_millis() / 1_000,
                    mid_at_fill: mid_at_fill.to_string(),
                    mid: mid.to_string(),
                })
            }
            Fact::Reject { asset, time, reject } => Line::Reject(line::Reject {
                time: utc(*time),
                coin: self.coin(*asset),
                of: kind_word(reject.of).to_owned(),
                reason: reject.reason.as_str().to_owned(),
                best_bid: reject.best_bid.to_string(),
                best_ask: reject.best_ask.to_string(),
            }),
            Fact::CancelRefused { asset, time, cloid, oid, tries } => {
                let (time, coin) = (utc(*time), self.coin(*asset));
                let (cloid, oid, tries) = (cloid.to_string(), oid.0, *tries);
                Line::CancelRefused(line::CancelRefused { time, coin, cloid, oid, tries })
            }
            Fact::Account(account) => return self.account(account).map(Line::Account),
            Fact::Day(day) => Line::Day(line::Day {
                date: utc_date(day.day),
                net_usd: day.net.to_string(),
                whole: day.whole,
            }),
            // What changed is known where the parameters were handed over.
            Fact::Params { .. } => return None,
            Fact::Risk(kept) => return self.risk(kept).map(Line::Risk),
            Fact::RiskState { asset, time, state } => Line::Risk(line::Risk {
                time: utc(*time),
                coin: Some(self.coin(*asset)),
                state: state.as_str().to_owned(),
                breaks: None,
                marks: None,
                day_profit_usd: None,
                below_peak_usd: None,
                api_errors: None,
            }),
            Fact::Fit { asset, time, state } => Line::Fit(line::Fit {
                time: utc(*time),
                coin: self.coin(*asset),
                samples: state.samples,
                r2: state.recent.r2(),
                micro_r2: state.recent.micro_r2(),
                weights: weights(state),
                state: Box::new(*state),
            }),
            Fact::Alert { asset, time, kind } => Line::Alert(line::Alert {
                time: utc(*time),
                coin: asset.map(|a| self.coin(a)),
                alert: kind.to_string(),
            }),
        })
    }

    fn decision(&mut self, target: &QuoteTarget) -> Option<line::Decision> {
        let terms = self.terms[target.asset.index()].of(target.made);
        let last = &mut self.last_decision[target.asset.index()];
        let same = |old: &QuoteTarget| {
            (old.bids, old.asks, old.bid_reason, old.ask_reason)
                == (target.bids, target.asks, target.bid_reason, target.ask_reason)
        };
        if last.as_ref().is_some_and(same) {
            return None;
        }
        *last = Some(*target);
        Some(line::Decision {
            time: utc(target.time),
            coin: self.coin(target.asset),
            mid: target.mid.map(|mid| mid.to_string()),
            fair: target.mid.map(|_| target.fair.to_string()),
            vol_bps: (target.vol_bps_e6 >= 0).then(|| target.vol_bps_e6 as f64 / 1e6),
            bids: ladder(&target.bids),
            asks: ladder(&target.asks),
            bid: target.bid_reason.as_str().to_owned(),
            ask: target.ask_reason.as_str().to_owned(),
            market_seq: target.cause.market_seq,
            terms: terms.map(|t| Box::new(line_of(&t))),
        })
    }

    fn action(&self, action: &Action) -> Line {
        let kind = action.kind;
        let body = line::Action {
            time: utc(action.sent_time),
            coin: action.items().first().map(|i| self.coin(i.asset)),
            items: action.items().iter().map(|i| item(kind, i)).collect(),
            market_seq: action.cause.market_seq,
        };
        match kind {
            ActionKind::Place => Line::Place(body),
            ActionKind::Modify => Line::Modify(body),
            ActionKind::Cancel => Line::Cancel(body),
        }
    }

    fn account(&mut self, account: &AccountView) -> Option<line::Account> {
        // A position that moved without a fill is what the account held when the run came.
        let due = self.fills_since_account
            || account.position != self.last_position
            || account.time - self.last_account >= ACCOUNT_PERIOD;
        if !due {
            return None;
        }
        (self.fills_since_account, self.last_account) = (false, account.time);
        self.last_position = account.position;
        let by_coin = |value: &dyn Fn(usize) -> String| {
            let coins = self.universe.iter();
            coins.map(|(id, i)| (i.coin.to_string(), value(id.index()))).collect()
        };
        Some(line::Account {
            time: utc(account.time),
            position: by_coin(&|i| account.position[i].to_string()),
            entry: by_coin(&|i| account.entry[i].to_string()),
            mark: by_coin(&|i| account.mark[i].to_string()),
            realized_usd: account.realized.to_string(),
            unrealized_usd: account.unrealized.to_string(),
            fees_usd: account.fees.to_string(),
            funding_usd: account.funding.to_string(),
            net_usd: account.net().to_string(),
        })
    }

    fn risk(&mut self, kept: &RiskSnapshot) -> Option<line::Risk> {
        if self.last_breaks.same_as(&kept.breaks) {
            return None;
        }
        self.last_breaks = kept.breaks;
        let state = if kept.breaks.any() { RiskState::CircuitBreak } else { RiskState::Safe };
        let held = kept.breaks.iter();
        let held = held.map(|(why, end)| (why.as_str().to_owned(), end_word(end, utc)));
        Some(line::Risk {
            time: utc(kept.time),
            coin: None,
            state: state.as_str().to_owned(),
            breaks: Some(held.collect()),
            marks: Some(marks(&kept.breaks)),
            day_profit_usd: Some(kept.day_profit.to_string()),
            below_peak_usd: Some(kept.below_peak.to_string()),
            api_errors: Some(kept.errors().len()),
        })
    }

    fn coin(&self, asset: AssetId) -> String {
        self.universe.get(asset).coin.to_string()
    }
}

/// The terms of an asset's newest decisions, which come before the decisions themselves.
#[derive(Default)]
struct Terms {
    waiting: VecDeque<QuoteTerms>,
    newest: Option<QuoteTerms>,
}

impl Terms {
    fn add(&mut self, terms: &QuoteTerms) {
        if self.waiting.len() == TERMS_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(*terms);
    }

    /// Those of a decision of this time; the gate may judge one decision more than once.
    fn of(&mut self, time: Nanos) -> Option<QuoteTerms> {
        while self.waiting.front().is_some_and(|t| t.time <= time) {
            self.newest = self.waiting.pop_front();
        }
        self.newest.filter(|t| t.time == time)
    }
}

/// By which marks the loss limits that hold were reached.
fn marks(breaks: &Breaks) -> BTreeMap<String, String> {
    let held = breaks.iter().filter_map(|(why, _)| Some((why, breaks.marks(why)?)));
    held.map(|(why, marks)| (why.as_str().to_owned(), marks.as_str().to_owned())).collect()
}

/// An order that is to rest, or one that is to go.
fn item(kind: ActionKind, item: &OrderRequest) -> line::Item {
    let rests = kind != ActionKind::Cancel;
    line::Item {
        cloid: item.cloid.to_string(),
        side: rests.then(|| side_word(item.side).to_owned()),
        px: rests.then(|| item.px.to_string()),
        qty: rests.then(|| item.qty.to_string()),
        oid: (!rests).then_some(item.oid.0),
    }
}

/// What does not count is left out.
fn weights(state: &FitState) -> BTreeMap<String, f64> {
    let all = Feature::ALL.into_iter().zip(state.weights);
    let counts = all.filter(|(_, weight)| weight.abs() > 0.0);
    counts.map(|(feature, weight)| (feature.as_str().to_owned(), weight)).collect()
}

fn fit_of(t: &QuoteTerms) -> Option<line::FitTerms> {
    let is_fitted = t.fair_price == FairPrice::Fitted;
    let e6 = |millionths: i64| millionths as f64 / 1e6;
    let terms = Feature::ALL.into_iter().zip(t.fit).filter(|(_, px)| !px.is_zero());
    let missing = Feature::ALL.into_iter().filter(|f| t.missing & 1 << *f as u8 != 0);
    (is_fitted || t.fit_samples > 0).then(|| line::FitTerms {
        mid: is_fitted.then(|| t.mid.to_string()),
        terms: terms.map(|(feature, px)| (feature.as_str().to_owned(), px.to_string())).collect(),
        fair_bps: e6(t.fit_bps_e6),
        residual_bps: e6(t.residual_bps_e6),
        r2: e6(t.fit_r2_e6),
        samples: t.fit_samples,
        missing: missing.map(|feature| feature.as_str().to_owned()).collect(),
    })
}

/// Prices as exact text; what is zero is left out.
fn line_of(t: &QuoteTerms) -> line::Terms {
    let e6 = |millionths: i64| millionths as f64 / 1e6;
    let side = |side: Side| {
        let terms = Term::ALL.iter().map(|term| (*term, t.side(side).get(*term)));
        let not_zero = terms.filter(|(_, px)| !px.is_zero());
        not_zero.map(|(term, px)| (term.as_str().to_owned(), px.to_string())).collect()
    };
    line::Terms {
        model: t.model.as_str().to_owned(),
        strategy: t.strategy.as_str().to_owned(),
        regime: t.regime.as_str().to_owned(),
        fair: t.fair.to_string(),
        bid: side(Side::Bid),
        ask: side(Side::Ask),
        spacing: t.spacing.to_string(),
        size_usd: t.size_usd.to_string(),
        size_factors: size_factors(&t.size_changes_e6),
        position: t.position.to_string(),
        share: e6(t.share_e6),
        atr: t.atr.to_string(),
        signal: t.signal,
        score: e6(t.score_e6),
        imbalance: e6(t.imbalance_e6),
        spread_mults: t.spread_mults_e6.map(e6).to_vec(),
        toxicity_mults: t.toxicity_mults_e6.map(e6).to_vec(),
        decay: e6(t.decay_e6),
        floor_bps: e6(t.floor_bps_e6),
        edge_bps: Some(t.edges_e6.map(e6)),
        adverse_bps: Some(t.adverse_e6.map(e6)),
        feed_delay_ms: (t.feed_delay > Nanos::ZERO).then(|| t.feed_delay.0 as f64 / 1e6),
        arrivals: (t.arrivals.rate_e6 > 0).then(|| line::Arrivals {
            rate_per_s: e6(t.arrivals.rate_e6),
            decay_per_bps: e6(t.arrivals.decay_e6),
            r2: e6(t.arrivals.r2_e6),
            trades: t.arrivals.trades,
        }),
        fit: fit_of(t),
        moment: (!t.moment.mid.is_zero()).then(|| moment(&t.moment)),
    }
}

fn moment(m: &Moment) -> line::Moment {
    let level = |level: QuoteLevel| [level.px.to_string(), level.qty.to_string()];
    line::Moment {
        bid: level(m.bid),
        ask: level(m.ask),
        mid: m.mid.to_string(),
        microprice: m.microprice.to_string(),
        vol_slow_bps: (m.vol_slow_bps_e6 >= 0).then(|| m.vol_slow_bps_e6 as f64 / 1e6),
        trades_per_s: m.trades_per_s_e6 as f64 / 1e6,
        delay_ns: m.delay.0,
        age_ns: m.age.0,
    }
}

/// None when they change nothing.
fn size_factors(changes_e6: &[i64]) -> Vec<f64> {
    match changes_e6.iter().all(|change| *change == 0) {
        true => Vec::new(),
        false => changes_e6.iter().map(|change| (1_000_000 + change) as f64 / 1e6).collect(),
    }
}

fn ladder(levels: &[QuoteLevel]) -> Vec<Level> {
    let wanted = levels.iter().filter(|l| l.qty.is_positive());
    wanted.map(|l| [l.px.to_string(), l.qty.to_string()]).collect()
}

fn side_word(side: Side) -> &'static str {
    match side {
        Side::Bid => "buy",
        Side::Ask => "sell",
    }
}

fn kind_word(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Place => "place",
        ActionKind::Modify => "modify",
        ActionKind::Cancel => "cancel",
    }
}
