//! What the journal last said of a bot that does not run, as a view.

use crate::exit::AppError;
use crate::journal::line::{
    Account, End, Fill, Head, Latency, Line, Markout, Risk, Run, StageLatency, State, WireLatency,
};
use crate::journal::reader::Lines;
use crate::journal::segments::Reading;
use crate::ui::fills::{FILLS_KEPT, markout_bps};
use crate::ui::latency::{StageView, WireView};
use crate::ui::view::{CoinView, Counts, CurveView, FillView, Source, View};
use crate::when::{parse_utc, utc};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::rt::TripStep;
use botmm_pipeline::types::{Nanos, Px, Qty, Reason, Side, Usd, notional};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// Alerts that are kept.
const KEPT: usize = 20;

/// The newest that it says of each.
#[derive(Default)]
struct Word {
    is_held: bool,
    run: Option<Run>,
    account: Option<Account>,
    end: Option<End>,
    latency: Option<Latency>,
    risk: Option<Risk>,
    states: BTreeMap<String, State>,
    fills: VecDeque<Fill>,
    /// By fill, in the order of [`HORIZONS`].
    markouts: BTreeMap<u64, [Option<Px>; HORIZONS.len()]>,
    alerts: VecDeque<String>,
    first: Option<Nanos>,
    last: Nanos,
}

/// The last word of a journal. `is_held`: its bot is there, and does not answer.
///
/// # Errors
/// It cannot be read, or says nothing.
pub fn last_word(path: &Path, is_held: bool) -> Result<View, AppError> {
    let reading = Reading::open(path).map_err(AppError::io(path, "read"))?;
    let mut word = Word { is_held, ..Word::default() };
    // What run it is stands at its beginning; all else that is needed is told every minute.
    let files = reading.files();
    for at in [0, files.saturating_sub(2), files - 1] {
        let is_only_begin = at + 2 < files;
        let Some(mut lines) = Lines::of(&reading, at)? else { continue };
        while let Some((number, text)) = lines.next_line()? {
            if is_only_begin && number > 1 {
                break;
            }
            // What is no line is `explain`'s and `history`'s to tell.
            let _ = text.and_then(|text| word.take(text));
        }
    }
    match word.first {
        Some(first) => Ok(word.view(path, first)),
        None => Err(AppError::data(
            path.display().to_string(),
            "the journal says nothing yet",
            "name another with --journal",
        )),
    }
}

impl Word {
    fn take(&mut self, text: &str) -> Result<(), String> {
        let head = Head::of(text)?;
        if let Some(time) = head.time.as_deref().and_then(|time| parse_utc(time).ok()) {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = self.last.max(time);
        }
        if &*head.kind == "decision" {
            return Ok(());
        }
        let keep = |queue: &mut VecDeque<_>, new| {
            queue.push_back(new);
            if queue.len() > KEPT {
                queue.pop_front();
            }
        };
        match Line::read(text)? {
            Some(Line::Run(run)) => self.run = Some(run),
            Some(Line::Account(account)) => self.account = Some(account),
            Some(Line::End(end)) => self.end = Some(end),
            Some(Line::Latency(latency)) => self.latency = Some(latency),
            Some(Line::Risk(risk)) if risk.coin.is_none() => self.risk = Some(risk),
            Some(Line::State(state)) => drop(self.states.insert(state.coin.clone(), state)),
            Some(Line::Markout(Markout { tid, after_s, mid, .. })) => {
                let horizon = HORIZONS.iter().position(|h| *h == Nanos::secs(after_s));
                // Of a fill that is not kept any more nothing is.
                if let (Some(horizon), Some(mids)) = (horizon, self.markouts.get_mut(&tid)) {
                    mids[horizon] = Px::parse(&mid).ok();
                }
            }
            Some(Line::Alert(alert)) => {
                let coin = alert.coin.map_or(String::new(), |coin| format!("{coin}: "));
                keep(&mut self.alerts, format!("{} {coin}{}", alert.time, alert.alert));
            }
            Some(Line::Fill(fill)) => {
                self.markouts.insert(fill.tid, Default::default());
                self.fills.push_back(fill);
                if self.fills.len() > FILLS_KEPT {
                    let gone = self.fills.pop_front();
                    gone.map(|fill| self.markouts.remove(&fill.tid));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn view(self, path: &Path, first: Nanos) -> View {
        let run = self.run.as_ref();
        let usd =
            |text: Option<&String>| text.and_then(|t| Usd::parse(t).ok()).unwrap_or(Usd::ZERO);
        let (account, end) = (self.account.as_ref(), self.end.as_ref());
        let gross = match end {
            Some(end) => usd(Some(&end.gross_usd)),
            None => usd(account.map(|a| &a.realized_usd)) + usd(account.map(|a| &a.unrealized_usd)),
        };
        let of = |at_end: fn(&End) -> &String, before: fn(&Account) -> &String| {
            usd(end.map(at_end).or(account.map(before)))
        };
        let breaks = self.risk.iter().flat_map(|risk| risk.breaks.iter().flatten());
        let held: Vec<String> = breaks.map(|(why, end)| format!("{why} until {end}")).collect();
        let halted = end.map(|end| end.halted.join(", ")).filter(|why| !why.is_empty());
        View {
            source: Source::Journal { path: path.display().to_string(), is_held: self.is_held },
            at: utc(self.last),
            network: run.map_or("UNKNOWN", |run| network(run)).to_owned(),
            is_real_money: run.is_some_and(|run| run.is_real_money),
            title: run.map_or("botmm".to_owned(), |run| format!("botmm {}", run.kind)),
            elapsed_s: (self.last - first).as_secs_f64(),
            opening_usd: None,
            equity_usd: None,
            gross_usd: gross,
            fees_usd: of(|end| &end.fees_usd, |a| &a.fees_usd),
            funding_usd: of(|end| &end.funding_usd, |a| &a.funding_usd),
            net_usd: of(|end| &end.net_usd, |a| &a.net_usd),
            split: None,
            today_usd: None,
            drawdown_usd: None,
            curve: CurveView::default(),
            counts: end.map(|end| Counts {
                fills: end.fills,
                volume_usd: usd(Some(&end.volume_usd)),
                ..Counts::default()
            }),
            requests_left: None,
            is_halted: halted.is_some() || held.iter().any(|held| held.ends_with("by_hand")),
            risk: match (halted, held.is_empty()) {
                (Some(why), _) => format!("risk: HALTED: {why}"),
                (None, true) => "risk: safe".to_owned(),
                (None, false) => format!("risk: held: {}", held.join(", ")),
            },
            rungs: None,
            unattended: None,
            coins: self.coins(),
            stages: self.latency.iter().flat_map(|told| stages(&told.stages)).collect(),
            wire: self.latency.iter().find_map(|told| told.wire.as_ref()).map(wire),
            last_fills: self.fills.iter().rev().filter_map(|fill| self.fill(fill)).collect(),
            alerts: self.alerts.into(),
        }
    }

    fn coins(&self) -> Vec<CoinView> {
        let told = self.account.iter().flat_map(|account| account.position.keys());
        let mut coins: Vec<&String> = self.run.iter().flat_map(|run| &run.coins).collect();
        for coin in told.chain(self.states.keys()) {
            if !coins.contains(&coin) {
                coins.push(coin);
            }
        }
        coins.into_iter().map(|coin| self.coin(coin)).collect()
    }

    fn coin(&self, coin: &str) -> CoinView {
        let account = self.account.as_ref();
        let mark = account.and_then(|a| Px::parse(a.mark.get(coin)?).ok()).unwrap_or(Px::ZERO);
        let held = account.and_then(|a| Qty::parse(a.position.get(coin)?).ok());
        let position = held.unwrap_or(Qty::ZERO);
        let [bid, ask] = match self.states.get(coin) {
            Some(state) => [state.bid.clone(), state.ask.clone()],
            None => [Reason::Warmup, Reason::Warmup].map(|reason| reason.as_str().to_owned()),
        };
        let known = |code: &str| Reason::ALL.into_iter().find(|reason| reason.as_str() == code);
        let words = |code: &str| known(code).map_or(code.to_owned(), |r| r.in_words().to_owned());
        let why = match bid == ask {
            true => words(&bid),
            false => format!("bid: {}, ask: {}", words(&bid), words(&ask)),
        };
        CoinView {
            coin: coin.to_owned(),
            mid: Px::ZERO,
            mark,
            bid: Px::ZERO,
            ask: Px::ZERO,
            position,
            value_usd: mark.is_positive().then(|| notional(mark, position)),
            why,
            bid_reason: bid,
            ask_reason: ask,
            is_broken: false,
            fills: None,
            gross_usd: None,
            fees_usd: None,
            funding_usd: None,
            net_usd: None,
            feed_delay_ms: None,
            book_age_ms: None,
            doing: Vec::new(),
            reason_s: Default::default(),
        }
    }

    fn fill(&self, fill: &Fill) -> Option<FillView> {
        let px = Px::parse(&fill.px).ok()?;
        let is_buy = fill.side == "buy";
        let side = if is_buy { Side::Bid } else { Side::Ask };
        let mids = self.markouts.get(&fill.tid).copied().unwrap_or_default();
        Some(FillView {
            time: fill.time.clone(),
            coin: fill.coin.clone(),
            is_buy,
            px,
            qty: Qty::parse(&fill.qty).ok()?,
            fee_usd: Usd::parse(&fill.fee_usd).unwrap_or(Usd::ZERO),
            markouts_bps: mids.map(|mid| mid.map(|mid| markout_bps(px, mid, side))),
        })
    }
}

fn network(run: &Run) -> &'static str {
    match (run.is_real_money, run.kind.as_str()) {
        (true, _) => "MAINNET, REAL MONEY",
        (false, "run") => "TEST",
        (false, "paper") => "PAPER",
        (false, _) => "REPLAY",
    }
}

fn stages(told: &BTreeMap<String, StageLatency>) -> Vec<StageView> {
    let stage = |(stage, took): (&String, &StageLatency)| StageView {
        stage: stage.clone(),
        p50_ns: took.p50,
        p99_ns: took.p99,
        max_ns: took.max,
    };
    told.iter().map(stage).collect()
}

fn wire(told: &WireLatency) -> WireView {
    let WireLatency { counts_from, trips, over_budget, .. } = told.clone();
    let mut steps = stages(&told.steps);
    steps.sort_by_key(|s| TripStep::ALL.iter().position(|step| step.as_str() == s.stage));
    WireView { counts_from, trips, over_budget, steps }
}
