//! How a quote came about, term by term, from a decision line of a journal: the terms are added up
//! again, and their sum must be the price.

use crate::journal::line::{Decision, FitTerms, Level, Terms};
use botmm_pipeline::logic::sizer::FACTOR_NAMES;
use botmm_pipeline::types::{Feature, Px, Qty, Reason, Side, Term, Usd};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// One wanted order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its price.
    pub px: Px,
    /// Its size, after the gate.
    pub qty: Qty,
}

/// One side of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct SideExplained {
    /// Which.
    pub side: Side,
    /// Why it is not quoted; [`None`] = it is.
    pub withheld: Option<String>,
    /// What is added to the fair price for the nearest order.
    pub terms: Vec<(Term, Px)>,
    /// The orders, nearest first.
    pub orders: Vec<Order>,
}

impl SideExplained {
    /// One of its terms.
    pub fn term(&self, term: Term) -> Px {
        self.terms.iter().find(|(t, _)| *t == term).map_or(Px::ZERO, |(_, px)| *px)
    }
    fn sum(&self) -> Px {
        self.terms.iter().map(|(_, px)| *px).sum()
    }
    /// What comes before rounding, the touch included: farther levels are spaced from there.
    fn unrounded(&self) -> Px {
        let after = [Term::Rounding, Term::PostOnly, Term::Apart];
        self.sum() - after.iter().map(|t| self.term(*t)).sum()
    }
}

/// A decision, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The coin.
    pub coin: String,
    /// When it was decided.
    pub time: String,
    /// Mid then; [`None`] when the book had no sound one.
    pub mid: Option<Px>,
    /// What the terms are added to.
    pub fair: Px,
    /// What each feature adds to the mid, where the fair price is fitted; with the mid they are the fair
    /// price.
    pub fit: Vec<(Feature, Px)>,
    /// Distance between two levels.
    pub spacing: Px,
    /// Value wanted a side, over all its levels, before the gate.
    pub size: Usd,
    /// Bid and ask.
    pub sides: [SideExplained; 2],
    /// Volatility; [`None`] = warming up.
    pub vol_bps: Option<f64>,
    /// What the decision rests on beside, as the journal has it.
    pub inputs: Terms,
}

impl Explanation {
    /// From a decision line; the error says what it lacks.
    pub fn read(line: &Decision) -> Result<Self, String> {
        let Some(terms) = &line.terms else {
            return Err(
                "the decision carries no terms (the side thread lagged, or an older botmm \
                        wrote it)"
                    .to_owned(),
            );
        };
        let side = |side: Side| -> Result<SideExplained, String> {
            let (reason, of, orders) = match side {
                Side::Bid => (&line.bid, &terms.bid, &line.bids),
                Side::Ask => (&line.ask, &terms.ask, &line.asks),
            };
            let withheld = (reason != Reason::Quoted.as_str()).then(|| reason.clone());
            let orders = orders.iter().map(order).collect::<Result<_, _>>()?;
            Ok(SideExplained {
                side,
                withheld,
                terms: read_named(of, &Term::ALL, Term::as_str, "term")?,
                orders,
            })
        };
        let fit = terms.fit.as_ref();
        Ok(Self {
            coin: line.coin.clone(),
            time: line.time.clone(),
            mid: line.mid.as_deref().map(px).transpose()?,
            fair: px(&terms.fair)?,
            fit: fit.map_or(Ok(Vec::new()), |fit| {
                read_named(&fit.terms, &Feature::ALL, Feature::as_str, "feature")
            })?,
            spacing: px(&terms.spacing)?,
            size: Usd::parse(&terms.size_usd).map_err(|e| e.to_string())?,
            sides: [side(Side::Bid)?, side(Side::Ask)?],
            vol_bps: line.vol_bps,
            inputs: Terms::clone(terms),
        })
    }

    /// The nearest price of a side, as its terms make it.
    pub fn price(&self, side: Side) -> Px {
        self.fair + self.sides[side.index()].sum()
    }

    /// Whether each quoted side's terms add up to its nearest price, and those of a fitted fair price to
    /// that.
    pub fn adds_up(&self) -> bool {
        let fitted = self.mid.map(|mid| mid + self.fit.iter().map(|(_, px)| *px).sum());
        if self.is_fitted() && fitted.is_some_and(|fitted| fitted != self.fair) {
            return false;
        }
        Side::BOTH.into_iter().all(|side| {
            let nearest = self.sides[side.index()].orders.first();
            nearest.is_none_or(|order| order.px == self.price(side))
        })
    }

    fn is_fitted(&self) -> bool {
        self.inputs.fit.as_ref().is_some_and(|fit| fit.mid.is_some())
    }

    /// Distance of a farther level from the nearest one's unrounded price, and its own rounding.
    fn level(&self, side: Side, level: usize) -> Option<(Px, Px)> {
        let explained = &self.sides[side.index()];
        let order = explained.orders.get(level)?;
        let away = Px::from_raw(-side.sign() * self.spacing.raw() * level as i64);
        Some((away, order.px - (self.fair + explained.unrounded() + away)))
    }

    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        let side = |side: Side| {
            let explained = &self.sides[side.index()];
            let terms: serde_json::Map<String, Value> = explained
                .terms
                .iter()
                .map(|(t, px)| (t.as_str().to_owned(), json!(px.to_string())))
                .collect();
            let levels: Vec<Value> = (0..explained.orders.len())
                .filter_map(|level| {
                    let (away, rounding) = self.level(side, level)?;
                    let order = explained.orders[level];
                    Some(json!({
                        "px": order.px.to_string(), "qty": order.qty.to_string(),
                        "spacing": away.to_string(), "rounding": rounding.to_string(),
                    }))
                })
                .collect();
            json!({
                "reason": explained.withheld.as_deref().unwrap_or(Reason::Quoted.as_str()),
                "terms": terms, "price": self.price(side).to_string(), "levels": levels,
            })
        };
        let fit: serde_json::Map<String, Value> =
            self.fit.iter().map(|(f, px)| (f.as_str().to_owned(), json!(px.to_string()))).collect();
        json!({
            "coin": self.coin, "time": self.time, "mid": self.mid.map(|mid| mid.to_string()),
            "fair": self.fair.to_string(), "fit": fit, "adds_up": self.adds_up(),
            "bid": side(Side::Bid), "ask": side(Side::Ask), "inputs": self.inputs,
        })
    }
}

fn px(text: &str) -> Result<Px, String> {
    Px::parse(text).map_err(|e| format!("{text:?}: {e}"))
}

/// Amounts by name, in the order of all that there are.
fn read_named<T: Copy>(
    given: &BTreeMap<String, String>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
    what: &str,
) -> Result<Vec<(T, Px)>, String> {
    if let Some(odd) = given.keys().find(|key| !all.iter().any(|one| name(*one) == *key)) {
        return Err(format!("unknown {what} {odd:?}"));
    }
    let present = all.iter().filter_map(|one| Some((*one, given.get(name(*one))?)));
    present.map(|(one, text)| Ok((one, px(text)?))).collect()
}

fn order([at, size]: &Level) -> Result<Order, String> {
    Ok(Order { px: px(at)?, qty: Qty::parse(size).map_err(|e| e.to_string())? })
}

/// What a term is, for a person.
const fn in_words(term: Term) -> &'static str {
    match term {
        Term::Base => "half spread without risk",
        Term::Risk => "+ for volatility or risk",
        Term::Bound => "kept within min and max spread",
        Term::Regime => "x volatility regime",
        Term::Emergency => "x volatility breaker",
        Term::Latency => "x latency beyond its budget",
        Term::FillRate => "x fill-rate controller",
        Term::Toxicity => "x toxicity of fills",
        Term::Decay => "inventory decay",
        Term::Floor => "fee floor",
        Term::Skew => "lean against the position",
        Term::Signal => "lean with the signal",
        Term::Imbalance => "lean with the book",
        Term::Edge => "out to the expected edge",
        Term::Rounding => "rounded to the grid",
        Term::Touch => "to the touch",
        Term::PostOnly => "kept behind the touch",
        Term::Apart => "kept apart",
    }
}

impl Explanation {
    /// What a term is, with the multipliers that made it.
    fn label(&self, term: Term) -> String {
        let of = |mults: &[f64], i: usize| mults.get(i).copied().unwrap_or(1.0);
        let (spread, toxicity) = (&self.inputs.spread_mults, &self.inputs.toxicity_mults);
        let words = in_words(term);
        match term {
            Term::Regime => format!("{words} ({:.2})", of(spread, 0)),
            Term::Emergency => format!("{words} ({:.2})", of(spread, 1)),
            Term::Latency => format!("{words} ({:.2})", of(spread, 3)),
            Term::FillRate => format!("{words} ({:.3})", of(spread, 2)),
            Term::Toxicity => {
                let [bid, ask] = [0, 1].map(|i| of(toxicity, i));
                format!("{words} ({bid:.2}, {ask:.2})")
            }
            Term::Decay => format!("{words} ({:.0} %)", self.inputs.decay * 100.0),
            _ => words.to_owned(),
        }
    }
}

/// Width of the first column.
const LABEL: usize = 34;

impl Explanation {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at {}", self.coin, self.time)?;
        let vol = self.vol_bps.map_or("warming up".into(), |v| format!("{v:.2} bps"));
        writeln!(
            f,
            "  {} model, {} strategy; mid {}; position {} = {:.1} % of its limit",
            self.inputs.model,
            self.inputs.strategy,
            self.mid.map_or("–".to_owned(), |mid| mid.to_string()),
            self.inputs.position,
            self.inputs.share * 100.0
        )?;
        writeln!(
            f,
            "  volatility {vol}, regime {}; ATR {} USD; imbalance {:+.2}; signal {:+} (score {:+.2}); \
             fee floor {:.2} bps",
            self.inputs.regime,
            self.inputs.atr,
            self.inputs.imbalance,
            self.inputs.signal,
            self.inputs.score,
            self.inputs.floor_bps
        )?;
        if let (Some([bid, ask]), Some([bid_adverse, ask_adverse])) =
            (self.inputs.edge_bps, self.inputs.adverse_bps)
        {
            writeln!(
                f,
                "  expected edge {bid:+.3} bps bid, {ask:+.3} ask, after fee and adverse moves of {bid_adverse:.3} \
                 and {ask_adverse:.3}"
            )?;
        }
        if let Some(ms) = self.inputs.feed_delay_ms {
            writeln!(f, "  feed {ms:.0} ms late (median of ten seconds)")?;
        }
        if let Some(arrivals) = self.inputs.arrivals.filter(|a| a.rate_per_s > 0.0) {
            writeln!(
                f,
                "  arrivals {:.3} a second and side, x exp(-{:.3} per bps), R2 {:.2} of {} trades",
                arrivals.rate_per_s, arrivals.decay_per_bps, arrivals.r2, arrivals.trades
            )?;
        }
        self.fitted(f)
    }

    /// What was learned, and what it makes of the mid.
    fn fitted(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(fit) = &self.inputs.fit else { return Ok(()) };
        let FitTerms { fair_bps, samples, residual_bps: left, .. } = fit;
        let r2 = fit.r2 * 100.0;
        writeln!(
            f,
            "  fit: {fair_bps:+.3} bps from {samples} moves, R2 {r2:.1} %, {left:.2} bps left over"
        )?;
        if !fit.missing.is_empty() {
            writeln!(f, "  missing features, which count as zero: {}", fit.missing.join(", "))?;
        }
        let Some(mid) = self.mid.filter(|_| self.is_fitted()) else { return Ok(()) };
        writeln!(f, "\n{:<LABEL$} {:>16} {:>9}", "", "fair", "bps")?;
        writeln!(f, "{:<LABEL$} {:>16}", "mid", mid.to_string())?;
        for (feature, px) in &self.fit {
            let bps = px.to_f64() / mid.to_f64() * 1e4;
            writeln!(f, "{:<LABEL$} {:>16} {bps:>+9.3}", feature.in_words(), px.to_string())?;
        }
        writeln!(f, "{:<LABEL$} {:>16}", "= fair price", self.fair.to_string())
    }

    /// A row of both sides: the amount, and the same in basis points of fair.
    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        label: &str,
        amounts: [Option<Px>; 2],
    ) -> fmt::Result {
        write!(f, "{label:<LABEL$}")?;
        for amount in amounts {
            match amount {
                Some(px) if self.fair.is_zero() => {
                    write!(f, " {:>16} {:>9}", px.to_string(), "–")?;
                }
                Some(px) => {
                    let bps = px.to_f64() / self.fair.to_f64() * 1e4;
                    write!(f, " {:>16} {bps:>+9.3}", px.to_string())?;
                }
                None => write!(f, " {:>16} {:>9}", "-", "")?,
            }
        }
        writeln!(f)
    }

    fn prices(
        &self,
        f: &mut fmt::Formatter<'_>,
        label: &str,
        prices: [Option<Px>; 2],
    ) -> fmt::Result {
        write!(f, "{label:<LABEL$}")?;
        for px in prices {
            let text = px.map_or("-".to_owned(), |px| px.to_string());
            write!(f, " {text:>16} {:>9}", "")?;
        }
        writeln!(f)
    }

    fn levels(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.sides.iter().map(|s| s.orders.len()).max().unwrap_or(0);
        for level in 0..most {
            let order = |side: Side| self.sides[side.index()].orders.get(level);
            if level > 0 {
                let parts = Side::BOTH.map(|side| self.level(side, level));
                writeln!(f)?;
                self.row(f, &format!("level {}: spacing", level + 1), parts.map(|p| Some(p?.0)))?;
                self.row(f, "rounded to the grid", parts.map(|p| Some(p?.1)))?;
                self.prices(f, "= price", Side::BOTH.map(|s| order(s).map(|o| o.px)))?;
            }
            write!(f, "{:<LABEL$}", "  size, after the gate")?;
            for side in Side::BOTH {
                let text = order(side).map_or("-".to_owned(), |o| o.qty.to_string());
                write!(f, " {text:>16} {:>9}", "")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "\n{} USD wanted a side, over all its levels, before the gate", self.size)?;
        let named = FACTOR_NAMES.iter().zip(&self.inputs.size_factors);
        let named: Vec<String> =
            named.map(|(name, factor)| format!("{name} {factor:.3}")).collect();
        match named.is_empty() {
            true => Ok(()),
            false => writeln!(f, "  of it, x {}; then within its bounds", named.join(" x ")),
        }
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        if self.sides.iter().any(|side| !side.terms.is_empty()) {
            self.table(f)?;
        }
        for side in &self.sides {
            if let Some(code) = &side.withheld {
                let known = Reason::ALL.iter().find(|r| r.as_str() == code);
                let words = known.map_or(code.as_str(), |r| r.in_words());
                let name = if side.side == Side::Bid { "bid" } else { "ask" };
                let would =
                    if side.terms.is_empty() { "" } else { "; its price is where it would be" };
                let code = if code == words { String::new() } else { format!(" ({code})") };
                writeln!(f, "no {name}: {words}{code}{would}")?;
            }
        }
        let verdict = match self.adds_up() {
            true => "the terms add up to the price, to the last digit",
            false => "THE TERMS DO NOT ADD UP TO THE PRICE: report this with the journal",
        };
        writeln!(f, "{verdict}")
    }
}

impl Explanation {
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<LABEL$} {:>16} {:>9} {:>16} {:>9}", "", "bid", "bps", "ask", "bps")?;
        self.prices(f, "fair price", [Some(self.fair); 2])?;
        for term in Term::ALL {
            let amounts = Side::BOTH.map(|side| self.sides[side.index()].term(term));
            if amounts.iter().any(|px| !px.is_zero()) {
                self.row(f, &self.label(term), amounts.map(Some))?;
            }
        }
        self.prices(f, "= nearest price", Side::BOTH.map(|side| Some(self.price(side))))?;
        self.levels(f)
    }
}

#[cfg(test)]
mod tests;
