//! The journal: one JSON object a line, in `DIR/journal.jsonl` and the whole segments before it
//! ([`segments`]), readable while it grows.
//!
//! Decisions are written when they differ from the asset's last one (same orders and reasons, a
//! new time, would only fill the disk); actions, fills, mids at them, markouts, rejects, state changes, days and
//! alerts always; the account after each fill and at most once a minute without one; the risk state
//! when a break begins or ends, and an asset's when it changes. A decision carries the terms of its
//! prices, from which `explain` adds them up again.

pub mod find;
mod growing;
mod packer;
pub mod segments;
#[cfg(test)]
mod tests;

pub use packer::Bounds;

use crate::exit::AppError;
use crate::files::{Readers, make_folder};
use crate::when::{utc, utc_date, utc_s};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::limits::MAX_ASSETS;
use botmm_pipeline::types::record::AccountView;
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, BreakEnd, BreakWhy, Breaks, FillCause, Nanos, QuoteLevel,
    QuoteTarget, QuoteTerms, Record, RiskSnapshot, RiskState, Side, Term, Universe,
};
use growing::Growing;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Where runs keep their folders, unless `--out` names one.
pub const RUNS: &str = "runs";
/// What a run came to is kept in its folder under this name, once it is over.
pub const SUMMARY: &str = "summary.json";

const ACCOUNT_PERIOD: Nanos = Nanos::secs(60);
/// Terms kept until their decision comes: more than one drain of the rings can bring.
const TERMS_WAITING: usize = 1024;

/// See the module.
pub struct Journal {
    out: Growing,
    universe: Universe,
    last_decision: [Option<QuoteTarget>; MAX_ASSETS],
    terms: [Terms; MAX_ASSETS],
    last_account: Nanos,
    fills_since_account: bool,
    last_breaks: Breaks,
}

/// A folder name for a run that starts now: `2026-11-22T17-45-10Z`.
fn run_name(time: Nanos) -> String {
    utc_s(time).replace(':', "-")
}

/// Makes a folder for a run that starts now, in `base`: one that no other run has, even one that
/// started in the same second.
pub fn make_run_folder(base: &Path, time: Nanos) -> Result<PathBuf, AppError> {
    make_folder(base, Readers::Group)?;
    let name = run_name(time);
    let mut dir = base.join(&name);
    for n in 2_u32.. {
        match DirBuilder::new().mode(Readers::Group.dir_mode()).create(&dir) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                dir = base.join(format!("{name}-{n}"))
            }
            made => return made.map(|()| dir.clone()).map_err(AppError::io(&dir, "create")),
        }
    }
    Ok(dir)
}

/// Takes a folder of [`make_run_folder`] away again, with the one around it: the run did not begin. What
/// holds anything stays.
pub fn remove_empty_run_folder(dir: &Path) {
    let removed = std::fs::remove_dir(dir).is_ok();
    if let Some(base) = dir.parent().filter(|_| removed) {
        let _ = std::fs::remove_dir(base);
    }
}

impl Journal {
    /// Starts a journal in a folder, which is made when it is not there. A folder that already holds
    /// one is refused: a run's record is never overwritten. Without bounds it is one file, however long.
    pub fn create(
        dir: &Path,
        universe: &Universe,
        bounds: Option<Bounds>,
    ) -> Result<Self, AppError> {
        make_folder(dir, Readers::Group)?;
        Ok(Self {
            out: Growing::create(dir, bounds)?,
            universe: universe.clone(),
            last_decision: [None; MAX_ASSETS],
            terms: Default::default(),
            last_account: Nanos(i64::MIN),
            fills_since_account: false,
            last_breaks: Breaks::default(),
        })
    }

    /// Takes in a record. A full disk must not stop trading: [`Journal::flush`] tells of it.
    pub fn write(&mut self, record: &Record) {
        if let Some(line) = self.line(record) {
            self.write_line(&line);
        }
    }

    /// Takes in a line that the side thread makes itself.
    pub fn write_line(&mut self, line: &Value) {
        self.out.line(line);
    }

    /// Hands what was written to the system, so that readers see it; what a person must know: that it
    /// cannot be written, or can be again. Each once.
    pub fn flush(&mut self) -> Option<String> {
        self.out.flush()
    }

    /// Ends it; an error when some of it could not be written.
    pub fn finish(self) -> Result<PathBuf, AppError> {
        self.out.finish()
    }

    fn line(&mut self, record: &Record) -> Option<Value> {
        match record {
            Record::Terms(terms) => {
                self.terms[terms.asset.index()].add(terms);
                None
            }
            Record::Decision(target) => self.decision(target),
            Record::Action(action) => Some(self.action(action)),
            Record::Fill { asset, time, venue_time, fill } => {
                self.fills_since_account = true;
                Some(json!({
                    "type": "fill", "time": utc(*time), "coin": self.coin(*asset),
                    "side": side_word(fill.side), "px": fill.px.to_string(),
                    "qty": fill.qty.to_string(), "fee_usd": fill.fee.to_string(),
                    "venue_time": utc(*venue_time), "oid": fill.oid.0, "tid": fill.tid,
                    "taker": fill.crossed, "cause": fill.cause.map(FillCause::as_str),
                }))
            }
            Record::MidAtFill { asset, time, venue_time, tid, side, qty, px, mid } => Some(json!({
                "type": "mid_at_fill", "time": utc(*time), "coin": self.coin(*asset), "tid": tid,
                "side": side_word(*side), "px": px.to_string(), "qty": qty.to_string(),
                "venue_time": utc(*venue_time), "mid": mid.to_string(),
            })),
            Record::Markout { asset, time, tid, side, qty, horizon, px, mid_at_fill, mid } => {
                Some(json!({
                    "type": "markout", "time": utc(*time), "coin": self.coin(*asset), "tid": tid,
                    "side": side_word(*side), "px": px.to_string(), "qty": qty.to_string(),
                    "after_s": HORIZONS[*horizon].as_millis() / 1_000,
                    "mid_at_fill": mid_at_fill.to_string(), "mid": mid.to_string(),
                }))
            }
            Record::Reject { asset, time, reject } => Some(json!({
                "type": "reject", "time": utc(*time), "coin": self.coin(*asset),
                "of": kind_word(reject.of), "reason": reject.reason.as_str(),
                "best_bid": reject.best_bid.to_string(), "best_ask": reject.best_ask.to_string(),
            })),
            Record::CancelRefused { asset, time, cloid, oid, tries } => Some(json!({
                "type": "cancel_refused", "time": utc(*time), "coin": self.coin(*asset),
                "cloid": cloid.to_string(), "oid": oid.0, "tries": tries,
            })),
            Record::SideState { asset, time, bid, ask } => Some(json!({
                "type": "state", "time": utc(*time), "coin": self.coin(*asset),
                "bid": bid.as_str(), "ask": ask.as_str(),
            })),
            Record::Account(account) => self.account(account),
            Record::Day(day) => Some(json!({
                "type": "day", "date": utc_date(day.day), "net_usd": day.net.to_string(),
                "whole": day.whole,
            })),
            // What changed is known where the parameters were handed over (`side::reload`).
            Record::Params { .. } => None,
            Record::Risk(kept) => self.risk(kept),
            Record::RiskState { asset, time, state } => Some(json!({
                "type": "risk", "time": utc(*time), "coin": self.coin(*asset),
                "state": state.as_str(),
            })),
            Record::Alert { asset, time, kind } => Some(json!({
                "type": "alert", "time": utc(*time), "coin": asset.map(|a| self.coin(a)),
                "alert": kind.to_string(),
            })),
        }
    }

    fn decision(&mut self, target: &QuoteTarget) -> Option<Value> {
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
        Some(json!({
            "type": "decision", "time": utc(target.time), "coin": self.coin(target.asset),
            "mid": target.mid.map(|mid| mid.to_string()),
            "fair": target.mid.map(|_| target.fair.to_string()),
            "vol_bps": (target.vol_bps_e6 >= 0).then(|| target.vol_bps_e6 as f64 / 1e6),
            "bids": ladder(&target.bids), "asks": ladder(&target.asks),
            "bid": target.bid_reason.as_str(), "ask": target.ask_reason.as_str(),
            "market_seq": target.cause.market_seq, "terms": terms.map(|t| terms_json(&t)),
        }))
    }

    fn action(&self, action: &Action) -> Value {
        let cancels = action.kind == ActionKind::Cancel;
        let items: Vec<Value> = action
            .items()
            .iter()
            .map(|i| match cancels {
                true => json!({"cloid": i.cloid.to_string(), "oid": i.oid.0}),
                false => json!({
                    "cloid": i.cloid.to_string(), "side": side_word(i.side),
                    "px": i.px.to_string(), "qty": i.qty.to_string(),
                }),
            })
            .collect();
        let coin = action.items().first().map(|i| self.coin(i.asset));
        json!({
            "type": kind_word(action.kind), "time": utc(action.sent_time), "coin": coin,
            "items": items, "market_seq": action.cause.market_seq,
        })
    }

    fn account(&mut self, account: &AccountView) -> Option<Value> {
        let due = self.fills_since_account || account.time - self.last_account >= ACCOUNT_PERIOD;
        if !due {
            return None;
        }
        (self.fills_since_account, self.last_account) = (false, account.time);
        let by_coin = |value: &dyn Fn(usize) -> String| -> Value {
            let coins = self.universe.iter();
            coins.map(|(id, i)| (i.coin.to_string(), Value::String(value(id.index())))).collect()
        };
        Some(json!({
            "type": "account", "time": utc(account.time), "position": by_coin(&|i| account.position[i].to_string()),
            "entry": by_coin(&|i| account.entry[i].to_string()),
            "mark": by_coin(&|i| account.mark[i].to_string()),
            "realized_usd": account.realized.to_string(),
            "unrealized_usd": account.unrealized.to_string(),
            "fees_usd": account.fees.to_string(), "funding_usd": account.funding.to_string(),
            "net_usd": account.net().to_string(),
        }))
    }

    fn risk(&mut self, kept: &RiskSnapshot) -> Option<Value> {
        if self.last_breaks.same_as(&kept.breaks) {
            return None;
        }
        self.last_breaks = kept.breaks;
        let state = if kept.breaks.any() { RiskState::CircuitBreak } else { RiskState::Safe };
        let held = kept.breaks.iter();
        let held = held.map(|(why, end)| (why.as_str().to_owned(), json!(end_word(end, utc))));
        Some(json!({
            "type": "risk", "time": utc(kept.time), "coin": null, "state": state.as_str(),
            "breaks": Value::Object(held.collect()), "marks": marks(&kept.breaks),
            "day_profit_usd": kept.day_profit.to_string(),
            "below_peak_usd": kept.below_peak.to_string(),
            "api_errors": kept.errors().len(),
        }))
    }

    fn coin(&self, asset: AssetId) -> &str {
        self.universe.get(asset).coin.as_str()
    }
}

/// By which marks the loss limits that hold were reached.
fn marks(breaks: &Breaks) -> Value {
    let word = |(why, _): (BreakWhy, _)| {
        let marks = breaks.marks(why)?;
        Some((why.as_str().to_owned(), json!(marks.as_str())))
    };
    Value::Object(breaks.iter().filter_map(word).collect())
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

/// Prices as exact text; what is zero is left out.
fn terms_json(t: &QuoteTerms) -> Value {
    let e6 = |millionths: i64| millionths as f64 / 1e6;
    let side = |side: Side| -> Value {
        let terms = Term::ALL.iter().map(|term| (*term, t.side(side).get(*term)));
        let not_zero = terms.filter(|(_, px)| !px.is_zero());
        not_zero.map(|(term, px)| (term.as_str().to_owned(), json!(px.to_string()))).collect()
    };
    json!({
        "model": t.model.as_str(), "strategy": t.strategy.as_str(), "regime": t.regime.as_str(),
        "fair": t.fair.to_string(), "bid": side(Side::Bid), "ask": side(Side::Ask),
        "spacing": t.spacing.to_string(), "size_usd": t.size_usd.to_string(),
        "position": t.position.to_string(), "share": e6(t.share_e6), "atr": t.atr.to_string(),
        "signal": t.signal, "score": e6(t.score_e6), "imbalance": e6(t.imbalance_e6),
        "spread_mults": t.spread_mults_e6.map(e6), "toxicity_mults": t.toxicity_mults_e6.map(e6),
        "decay": e6(t.decay_e6), "floor_bps": e6(t.floor_bps_e6),
        "arrivals": (t.arrivals.rate_e6 > 0).then(|| json!({
            "rate_per_s": e6(t.arrivals.rate_e6), "decay_per_bps": e6(t.arrivals.decay_e6),
            "r2": e6(t.arrivals.r2_e6), "trades": t.arrivals.trades,
        })),
    })
}

fn ladder(levels: &[QuoteLevel]) -> Vec<[String; 2]> {
    let wanted = levels.iter().filter(|l| l.qty.is_positive());
    wanted.map(|l| [l.px.to_string(), l.qty.to_string()]).collect()
}

/// How a halt ends, in files and journals.
pub const BY_HAND: &str = "by_hand";
/// As [`BY_HAND`].
pub const AT_ROLLOVER: &str = "at_rollover";

/// How a break ends, in files and journals, with a time as `utc` writes it.
pub fn end_word(end: BreakEnd, utc: impl Fn(Nanos) -> String) -> String {
    match end {
        BreakEnd::At(time) => utc(time),
        BreakEnd::Rollover => AT_ROLLOVER.to_owned(),
        BreakEnd::Manual => BY_HAND.to_owned(),
    }
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

#[cfg(test)]
mod line_tests {
    use super::*;
    use botmm_pipeline::types::AlertKind;
    use botmm_pipeline::types::{
        BreakEnd, BreakWhy, DayNet, Fill, Instrument, Px, Qty, Reason, Usd,
    };

    #[test]
    fn lines_are_json_and_equal_decisions_are_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let universe = Universe::new(vec![Instrument::new("BTC", 0, 5, 40).unwrap()]);
        let mut journal = Journal::create(&dir.path().join("run"), &universe, None).unwrap();
        let btc = AssetId::new(0);
        let target = QuoteTarget { mid: Some(Px::whole(100)), ..QuoteTarget::default() };
        let mut terms = QuoteTerms { fair: Px::whole(100), ..QuoteTerms::default() };
        terms.sides[0].set(Term::Base, Px::parse("-0.015").unwrap());
        journal.write(&Record::Terms(terms));
        journal.write(&Record::Terms(QuoteTerms { time: Nanos::secs(1), ..terms }));
        journal.write(&Record::Decision(target));
        journal.write(&Record::Decision(QuoteTarget { time: Nanos::secs(1), ..target }));
        // Judged again later: it has the time of the judgement, and the terms that it was made of.
        let mut again = QuoteTarget { time: Nanos::secs(9), made: Nanos::secs(1), ..target };
        again.clear(Side::Bid, Reason::Cooldown);
        journal.write(&Record::Decision(again));
        let fill = Fill {
            px: Px::whole(100),
            qty: Qty::whole(1),
            fee: Usd::parse("0.015").unwrap(),
            ..Fill::default()
        };
        let time = Nanos::secs(1_757_015_216);
        let venue_time = time - Nanos::millis(50);
        journal.write(&Record::Fill { asset: btc, time, venue_time, fill });
        journal.write(&Record::Markout {
            asset: btc,
            time,
            tid: 7,
            side: Side::Ask,
            qty: Qty::whole(1),
            horizon: 2,
            px: Px::whole(100),
            mid_at_fill: Px::parse("99.5").unwrap(),
            mid: Px::whole(101),
        });
        journal.write(&Record::Day(DayNet { day: 20_335, net: Usd::whole(-2), whole: true }));
        journal.write(&Record::Alert { asset: None, time, kind: AlertKind::LargeMove });
        let mut kept = RiskSnapshot::new(time);
        journal.write(&Record::Risk(kept));
        kept.breaks.set(BreakWhy::DailyLoss, Some(BreakEnd::Manual));
        kept.day_profit = Usd::whole(-600);
        journal.write(&Record::Risk(kept));
        journal.write(&Record::Risk(RiskSnapshot { time: time + Nanos::secs(1), ..kept }));
        journal.write(&Record::RiskState { asset: btc, time, state: RiskState::CircuitBreak });
        let text = std::fs::read_to_string(journal.finish().unwrap()).unwrap();
        let mut lines: Vec<Value> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let types: Vec<_> = lines.iter().map(|l| l["type"].as_str().unwrap()).collect();
        assert_eq!(
            types,
            ["decision", "decision", "fill", "markout", "day", "alert", "risk", "risk"]
        );
        let again = lines.remove(1);
        assert_eq!(
            (&again["time"], &again["bid"]),
            (&json!(utc(Nanos::secs(9))), &json!("cooldown"))
        );
        assert_eq!(again["terms"]["bid"], json!({"base": "-0.015"}), "terms and all");
        let (markout, day) = (&lines[2], &lines[3]);
        assert_eq!((&markout["after_s"], &markout["side"]), (&json!(30), &json!("sell")));
        assert_eq!((&markout["mid_at_fill"], &markout["mid"]), (&json!("99.5"), &json!("101")));
        assert_eq!((&day["date"], &day["net_usd"]), (&json!("2025-09-04"), &json!("-2")));
        assert_eq!(lines[5]["breaks"], json!({ "daily_loss": "by_hand" }));
        assert_eq!(lines[5]["day_profit_usd"], "-600");
        assert_eq!(
            (&lines[6]["coin"], &lines[6]["state"]),
            (&json!("BTC"), &json!("circuit_break"))
        );
        assert_eq!(lines[0]["terms"]["bid"], json!({"base": "-0.015"}));
        assert_eq!(lines[0]["terms"]["fair"], "100");
        assert_eq!(lines[1]["fee_usd"], "0.015");
        assert_eq!(lines[1]["time"], "2025-09-04T19:46:56.000000Z");
        assert_eq!(lines[1]["venue_time"], "2025-09-04T19:46:55.950000Z");
    }

    #[test]
    fn runs_of_one_second_have_a_folder_each() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("runs");
        let make = || make_run_folder(&base, Nanos::secs(1_757_015_216)).unwrap();
        let names = [make(), make(), make()].map(|d| d.file_name().unwrap().to_owned());
        let stem = "2025-09-04T19-46-56Z";
        assert_eq!(
            names.map(|n| n.into_string().unwrap()),
            [stem.to_owned(), format!("{stem}-2"), format!("{stem}-3")]
        );
    }

    #[test]
    fn a_journal_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        Journal::create(dir.path(), &Universe::default(), None).unwrap().finish().unwrap();
        let error =
            Journal::create(dir.path(), &Universe::default(), None).err().unwrap().to_string();
        assert!(error.contains("journal.jsonl: already there"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error =
            Journal::create(&file.path().join("x"), &Universe::default(), None).err().unwrap();
        assert!(error.to_string().contains("cannot create"), "{error}");
    }
}
