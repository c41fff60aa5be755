//! Our own orders as labelled samples: what was known when each was decided on, and what became of it
//! afterwards, from the lines of a journal in their order. To leave an order where it stands is a decision too:
//! a predictor is asked about it each time.

use crate::journal::line::{self, Decision, Line};
use crate::when::parse_utc;
use botmm_pipeline::logic::fill_model::features;
use botmm_pipeline::types::params::FEATURES;
use botmm_pipeline::types::{Level, Moment, Nanos, Px, Qty, QuoteTerms, Side};
use std::collections::{BTreeMap, HashMap};

/// An action that is sent so much later than the decision that it rests on is no sample: what was known is old.
const MOST_BETWEEN: Nanos = Nanos::secs(1);

/// No line comes so much later than one after it.
const MOST_APART: Nanos = Nanos::secs(60);
/// While an order stands it is a row again once in this time: so often it is decided to leave it there.
const AGAIN: Nanos = Nanos::secs(1);

/// An order of ours at a decision: as it was placed or moved, or as it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Of which coin.
    pub coin: String,
    /// Which side.
    pub side: Side,
    /// The rows of one order at one price share it: they share their fate.
    pub leg: u32,
    /// At which price.
    pub px: Px,
    /// When it was sent, or decided on again.
    pub sent: Nanos,
    /// What was known then.
    pub asked: [f64; FEATURES],
    /// When it was first filled after that, by the venue's clock.
    pub filled: Option<Nanos>,
    /// How far the mid went against its fills within the horizon, from that of the decision to that of a horizon
    /// after each, basis points; [`None`] = not filled, or no mid was known then.
    pub adverse_bps: Option<f64>,
}

impl Order {
    /// Whether it was filled so soon, while it stood there.
    pub fn is_filled_within(&self, horizon: Nanos) -> bool {
        self.filled.is_some_and(|at| at - self.sent <= horizon)
    }
}

/// What could not be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Left {
    /// Orders whose decision is not in the journal, or is old.
    pub undecided: usize,
    /// Orders too near to the end to know what became of them.
    pub open: usize,
    /// Fills of no order that is known.
    pub strange_fills: usize,
}

/// An order at one price.
struct Leg {
    side: Side,
    px: Px,
    leaves: f64,
    since: Nanos,
    /// When it is a row next.
    next: Nanos,
    fills: Vec<Filled>,
}

/// A fill, and the mid a horizon after it.
struct Filled {
    at: Nanos,
    tid: u64,
    qty: f64,
    mid: Option<f64>,
}

/// Takes lines in; see the module.
pub struct Labels {
    horizon: Nanos,
    decided: HashMap<String, (Nanos, QuoteTerms, Decision)>,
    orders: Vec<Order>,
    /// The mid of each one's decision.
    mids: Vec<f64>,
    legs: Vec<Leg>,
    /// By coin and slot: a slot holds one order at most.
    standing: BTreeMap<(String, String), usize>,
    /// All legs of a coin, side and price, oldest first.
    at: HashMap<(String, Side, String), Vec<usize>>,
    /// Which leg a fill was of.
    fills: HashMap<(String, u64), usize>,
    /// Lines that others may come before, by time, decisions first.
    waiting: BTreeMap<(Nanos, u8, u64), Line>,
    heard: u64,
    last: Nanos,
    left: Left,
}

impl Labels {
    /// With fills within this time, and mids so long after them.
    pub fn new(horizon: Nanos) -> Self {
        Self {
            horizon,
            decided: HashMap::new(),
            orders: Vec::new(),
            mids: Vec::new(),
            legs: Vec::new(),
            standing: BTreeMap::new(),
            at: HashMap::new(),
            fills: HashMap::new(),
            waiting: BTreeMap::new(),
            heard: 0,
            last: Nanos::ZERO,
            left: Left::default(),
        }
    }

    /// The next line. Stages are drained one after the other, so lines are in the order of time only nearly: each
    /// waits until none before it can come.
    pub fn hear(&mut self, line: &Line) {
        let Some((time, rank)) = when(line) else { return };
        (self.last, self.heard) = (self.last.max(time), self.heard + 1);
        self.waiting.insert((time, rank, self.heard), line.clone());
        self.take_up_to(self.last - MOST_APART);
    }

    fn take_up_to(&mut self, until: Nanos) {
        while let Some(next) = self.waiting.first_entry().filter(|next| next.key().0 <= until) {
            let ((time, ..), line) = next.remove_entry();
            match &line {
                Line::Decision(decision) => self.decision(time, decision),
                Line::Place(action) | Line::Modify(action) => self.action(time, action),
                Line::Cancel(action) => self.cancel(action),
                Line::Fill(fill) => self.fill(fill),
                Line::Markout(markout) => self.markout(markout),
                _ => {}
            }
        }
    }

    /// All orders whose fate is known, in the order of their decisions, and what was left out.
    pub fn end(mut self) -> (Vec<Order>, Left) {
        self.tell();
        let (all, last, horizon) = (self.orders.len(), self.last, self.horizon);
        // The mid of a horizon after the latest fill that counts is known too.
        self.orders.retain(|order| order.sent + horizon + horizon <= last);
        self.left.open = all - self.orders.len();
        (self.orders, self.left)
    }

    /// What became of each, as far as it is known.
    fn tell(&mut self) {
        self.take_up_to(Nanos(i64::MAX));
        let horizon = self.horizon;
        for (order, mid) in self.orders.iter_mut().zip(&self.mids) {
            let fills = &self.legs[order.leg as usize].fills;
            let later = fills.iter().filter(|fill| fill.at >= order.sent);
            order.filled = later.clone().map(|fill| fill.at).min();
            let (mut sum, mut qty) = (0.0, 0.0);
            for fill in later.filter(|fill| fill.at - order.sent <= horizon) {
                let Some(after) = fill.mid else { continue };
                sum += order.side.sign() as f64 * (mid - after) / mid * 1e4 * fill.qty;
                qty += fill.qty;
            }
            order.adverse_bps = (qty > 0.0).then(|| sum / qty);
        }
    }

    fn decision(&mut self, time: Nanos, decision: &Decision) {
        let Some(terms) = terms(decision) else {
            self.decided.remove(&decision.coin);
            return;
        };
        let (coin, from) = (&decision.coin, (decision.coin.clone(), String::new()));
        let own = self.standing.range(from..).take_while(|((of, _), _)| of == coin);
        for leg in own.map(|(_, leg)| *leg).collect::<Vec<_>>() {
            if time >= self.legs[leg].next {
                self.row(coin, leg, time, &terms);
            }
        }
        self.decided.insert(coin.clone(), (time, terms, decision.clone()));
    }

    fn row(&mut self, coin: &str, leg: usize, sent: Nanos, terms: &QuoteTerms) {
        let Leg { side, px, .. } = self.legs[leg];
        self.legs[leg].next = sent + AGAIN;
        self.mids.push(terms.moment.mid.to_f64());
        self.orders.push(Order {
            coin: coin.to_owned(),
            side,
            leg: leg as u32,
            px,
            sent,
            asked: features(terms, side, px),
            filled: None,
            adverse_bps: None,
        });
    }

    fn action(&mut self, sent: Nanos, action: &line::Action) {
        let Some(coin) = &action.coin else { return };
        for item in &action.items {
            let Some(side) = side_of(item.side.as_deref()) else { continue };
            let (Some(text), Some(qty)) = (&item.px, &item.qty) else { continue };
            let slot = (coin.clone(), slot(&item.cloid));
            let known = self.decided.get(coin).filter(|(time, _, decision)| {
                let ladder = if side == Side::Bid { &decision.bids } else { &decision.asks };
                let age = sent - *time;
                Nanos::ZERO <= age && age <= MOST_BETWEEN && ladder.iter().any(|[px, _]| px == text)
            });
            let terms = known.map(|(_, terms, _)| *terms);
            let (Some(terms), Ok(px), Ok(qty)) = (terms, Px::parse(text), Qty::parse(qty)) else {
                self.left.undecided += 1;
                self.standing.remove(&slot);
                continue;
            };
            let leg = self.legs.len();
            let leaves = qty.to_f64();
            self.legs.push(Leg { side, px, leaves, since: sent, next: sent, fills: Vec::new() });
            self.at.entry((coin.clone(), side, text.clone())).or_default().push(leg);
            self.standing.insert(slot, leg);
            self.row(coin, leg, sent, &terms);
        }
    }

    fn cancel(&mut self, action: &line::Action) {
        let Some(coin) = &action.coin else { return };
        for item in &action.items {
            self.standing.remove(&(coin.clone(), slot(&item.cloid)));
        }
    }

    fn fill(&mut self, fill: &line::Fill) {
        let at = fill.venue_time.as_deref().and_then(|text| parse_utc(text).ok());
        let (Some(at), Some(side), Ok(qty)) =
            (at, side_of(Some(&fill.side)), Qty::parse(&fill.qty))
        else {
            return;
        };
        let key = (fill.coin.clone(), side, fill.px.clone());
        let there = self.at.get(&key).into_iter().flatten().rev();
        let Some(leg) = there.copied().find(|leg| self.legs[*leg].since <= at) else {
            self.left.strange_fills += 1;
            return;
        };
        self.fills.insert((fill.coin.clone(), fill.tid), leg);
        let filled = &mut self.legs[leg];
        filled.fills.push(Filled { at, tid: fill.tid, qty: qty.to_f64(), mid: None });
        filled.leaves -= qty.to_f64();
        if filled.leaves < 1e-9 {
            self.standing.retain(|_, standing| *standing != leg);
        }
    }

    fn markout(&mut self, markout: &line::Markout) {
        if Nanos::secs(markout.after_s) != self.horizon {
            return;
        }
        let leg = self.fills.get(&(markout.coin.clone(), markout.tid)).copied();
        let (Some(leg), Ok(mid)) = (leg, Px::parse(&markout.mid)) else { return };
        let of = self.legs[leg].fills.iter_mut().find(|fill| fill.tid == markout.tid);
        of.into_iter().for_each(|fill| fill.mid = Some(mid.to_f64()));
    }
}

/// When a line counts, and before which others of the same moment; [`None`] = it says nothing of orders.
pub fn when(line: &Line) -> Option<(Nanos, u8)> {
    let (time, rank) = match line {
        Line::Decision(decision) => (&decision.time, 0),
        Line::Place(action) | Line::Modify(action) | Line::Cancel(action) => (&action.time, 1),
        Line::Fill(fill) => (&fill.time, 2),
        Line::Markout(markout) => (&markout.time, 3),
        _ => return None,
    };
    Some((parse_utc(time).ok()?, rank))
}

/// The slot that an order of ours is of, by the digits of its number; of a number of another form, all of it.
fn slot(cloid: &str) -> String {
    cloid.get(18..22).filter(|_| cloid.len() == 34).unwrap_or(cloid).to_owned()
}

/// The orders of all these lines, those too whose fate is not known yet.
pub fn label(lines: &[Line], horizon: Nanos) -> Vec<Order> {
    let mut labels = Labels::new(horizon);
    lines.iter().for_each(|line| labels.hear(line));
    labels.tell();
    labels.orders
}

fn side_of(word: Option<&str>) -> Option<Side> {
    match word {
        Some("buy") => Some(Side::Bid),
        Some("sell") => Some(Side::Ask),
        _ => None,
    }
}

/// What a decision's line says of the numbers that a predictor is asked with: the very ones of the stage.
fn terms(decision: &Decision) -> Option<QuoteTerms> {
    let terms = decision.terms.as_deref()?;
    let m = terms.moment.as_ref()?;
    let e6 = |number: f64| (number * 1e6).round() as i64;
    let vol = |bps: Option<f64>| bps.map_or(-1, e6);
    let level = |[px, qty]: &line::Level| {
        Some(Level { px: Px::parse(px).ok()?, qty: Qty::parse(qty).ok()? })
    };
    let moment = Moment {
        bid: level(&m.bid)?,
        ask: level(&m.ask)?,
        mid: Px::parse(&m.mid).ok()?,
        microprice: Px::parse(&m.microprice).ok()?,
        vol_slow_bps_e6: vol(m.vol_slow_bps),
        trades_per_s_e6: e6(m.trades_per_s),
        delay: Nanos(m.delay_ns),
        age: Nanos(m.age_ns),
    };
    Some(QuoteTerms {
        fair: Px::parse(&terms.fair).ok()?,
        vol_bps_e6: vol(decision.vol_bps),
        imbalance_e6: e6(terms.imbalance),
        share_e6: e6(terms.share),
        moment,
        ..QuoteTerms::default()
    })
}

#[cfg(test)]
#[path = "label_tests.rs"]
mod tests;
