//! The one line: does it pay, against lending the same capital?
//!
//! What is judged is what fills were worth at the mid a horizon later, less fees and funding: it holds the spread,
//! the adverse selection and the costs, and not the luck with what was held. Each queue model of the band has an
//! interval; the answer is one only where all of them give it.

use crate::report::number::{cents, grouped, span};
use crate::report::stats::blocks::MIN_BLOCKS;
use crate::report::stats::{DAYS_A_YEAR, MIN_DAYS, Z_95, bootstrap};
use botmm_pipeline::types::Usd;
use serde::Serialize;
use std::fmt::{self, Display};

/// Of fewer fills nothing is said, nor of fewer minutes than [`MIN_BLOCKS`].
const MIN_FILLS: u64 = 30;
const DAY_S: f64 = 86_400.0;
/// Of every interval.
const LEVEL: f64 = 0.95;
/// Samples that an interval is made from.
const DRAWS: usize = 2_000;

/// What fills were worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Worth {
    /// At the mid a horizon later, less fees and funding, over the span.
    pub usd: f64,
    /// With 95 % it is between these, by a stationary bootstrap of whole minutes; nothing of too few.
    pub interval_usd: Option<[f64; 2]>,
    /// Against zero; nothing where all minutes are alike.
    pub t: Option<f64>,
    /// Minutes, those without a fill too.
    pub minutes: usize,
    /// Fills that it is of.
    pub fills: u64,
    /// Fills without a mid a horizon later, left out.
    pub unmeasured: u64,
}

impl Worth {
    /// Of what each minute of the span brought, in order.
    pub fn of(minutes: &[f64], fills: u64, unmeasured: u64, seed: u64) -> Self {
        let n = minutes.len();
        let told = bootstrap::interval(minutes, DRAWS, bootstrap::usual_block(n), seed, LEVEL);
        let told = told.filter(|_| n >= MIN_BLOCKS).map(|of_minute| of_minute * n as f64);
        let interval_usd = told.map(|told| [told.low, told.high]);
        let t = told.map(|told| told.t).filter(|t| t.is_finite());
        Self { usd: minutes.iter().sum(), interval_usd, t, minutes: n, fills, unmeasured }
    }

    /// There is enough of it for an interval to mean something.
    fn is_enough(&self) -> bool {
        self.fills >= MIN_FILLS && self.minutes >= MIN_BLOCKS
    }

    /// Days of such data until the interval leaves a number out.
    fn days_to_tell(&self, from: f64, days: f64) -> Option<f64> {
        let away = (self.usd - from).abs();
        let [low, high] = self.interval_usd?;
        let half = if self.usd < from { high - self.usd } else { self.usd - low };
        (away > 0.0).then(|| days * (half / away).powi(2))
    }
}

/// What lending would bring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bench {
    /// Percent a year.
    pub apr_pct: f64,
    /// Of how much.
    pub capital_usd: f64,
    /// Over the span.
    pub usd: f64,
}

impl Bench {
    /// Over a span.
    pub fn of(apr_pct: f64, capital: f64, span_s: f64) -> Self {
        let usd = capital * apr_pct / 100.0 * span_s / DAY_S / DAYS_A_YEAR;
        Self { apr_pct, capital_usd: capital, usd }
    }
}

/// What whoever rested at the touch of a coin had left of each trade of the recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Touch {
    /// At the mid a horizon later, less our fee, basis points.
    pub edge_bps: f64,
    /// Its standard error.
    pub se: f64,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// Less than lending, whatever the queue.
    #[serde(rename = "does not pay")]
    DoesNotPay,
    /// More than lending, whatever the queue.
    #[serde(rename = "pays")]
    Pays,
    /// Neither.
    #[serde(rename = "cannot be told")]
    CannotTell,
}

impl Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DoesNotPay => "DOES NOT PAY",
            Self::Pays => "PAYS",
            Self::CannotTell => "CANNOT BE TOLD",
        })
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// In a word.
    pub answer: Answer,
    /// In a line.
    pub line: String,
    /// Lowest and highest worth of the band of queue models.
    pub worth_usd: [f64; 2],
    /// Lowest and highest end of their intervals.
    pub interval_usd: Option<[f64; 2]>,
    /// What lending would bring.
    pub benchmark_usd: f64,
    /// The interval as percent of the capital a year; nothing under seven days.
    pub annual_pct: Option<[f64; 2]>,
    /// Days that the recording has.
    pub days: f64,
    /// Days of such data until it can be told; nothing where more of it would not help.
    pub days_needed: Option<f64>,
    /// The fewest and the most fills of the band.
    pub fills: [u64; 2],
}

/// Judges replays under different queues (at least one), and the market where their fills are too few.
pub fn judge(band: &[Worth], touches: &[Touch], bench: Bench, span_s: f64) -> Verdict {
    let most = |of: fn(&Worth) -> f64| band.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let least = |of: fn(&Worth) -> f64| band.iter().map(of).fold(f64::INFINITY, f64::min);
    let worth_usd = [least(|w| w.usd), most(|w| w.usd)];
    let ends: Option<Vec<[f64; 2]>> = band.iter().map(|w| w.interval_usd).collect();
    let interval_usd = ends.map(|ends| {
        let [low, high] = [f64::INFINITY, f64::NEG_INFINITY];
        ends.iter().fold([low, high], |all, one| [all[0].min(one[0]), all[1].max(one[1])])
    });
    let span_days = span_s / DAY_S;
    let counts = || band.iter().map(|w| w.fills);
    let is_enough = band.iter().all(Worth::is_enough);
    let about = About {
        is_enough,
        is_lost: !touches.is_empty() && touches.iter().all(Touch::is_lost),
        is_one_side: worth_usd[1] < bench.usd || worth_usd[0] > bench.usd,
        is_told_by_fills: interval_usd
            .is_some_and(|[low, high]| is_enough && (high < bench.usd || low > bench.usd)),
        fills: [counts().min(), counts().max()].map(Option::unwrap_or_default),
    };
    let answer = match interval_usd.filter(|_| about.is_enough) {
        Some([_, high]) if high < bench.usd => Answer::DoesNotPay,
        Some([low, _]) if low > bench.usd => Answer::Pays,
        _ if about.is_lost && worth_usd[1] <= bench.usd => Answer::DoesNotPay,
        _ => Answer::CannotTell,
    };
    let needed = band.iter().map(|w| w.days_to_tell(bench.usd, span_days));
    let needed: Option<Vec<f64>> = needed.collect();
    let days_needed = needed
        .filter(|_| about.is_enough && about.is_one_side)
        .map(|all| all.into_iter().fold(0.0, f64::max));
    let annual = |usd: f64| usd / bench.capital_usd * DAYS_A_YEAR / span_days * 100.0;
    let is_long = span_days >= MIN_DAYS as f64 && bench.capital_usd > 0.0;
    let annual_pct = interval_usd.filter(|_| is_long).map(|ends| ends.map(annual));
    let (line, benchmark_usd) = (String::new(), bench.usd);
    let mut verdict = Verdict {
        answer,
        line,
        worth_usd,
        interval_usd,
        benchmark_usd,
        annual_pct,
        days: span_days,
        days_needed,
        fills: about.fills,
    };
    verdict.line = verdict.in_words(&bench, span_s, about);
    verdict
}

impl Touch {
    /// Surely less than nothing.
    fn is_lost(&self) -> bool {
        self.edge_bps + Z_95 * self.se < 0.0
    }
}

impl Verdict {
    fn in_words(&self, bench: &Bench, span_s: f64, about: About) -> String {
        let fills = about.fills_in_words();
        let (time, worth) = (span(span_s), range(self.worth_usd.map(usd)));
        let (capital, apr) = (usd(bench.capital_usd), bench.apr_pct);
        let lent = format!("lending {capital} USD at {apr} % brings {} USD", usd(bench.usd));
        let interval = self.interval_usd.map_or(String::new(), |ends| {
            let [from, to] = ends.map(usd);
            let a_year = self
                .annual_pct
                .map_or(String::new(), |[low, high]| format!(", {low:.1} to {high:.1} % a year"));
            format!(" (95 %: {from} to {to}{a_year})")
        });
        let mut line = format!(
            "{}: {fills} in {time} were worth {worth} USD after fees and funding{interval}; {lent}",
            self.answer
        );
        if about.is_lost && !about.is_told_by_fills {
            line += "; whoever rested at the touch was left less of each trade than the fee";
        }
        if !about.is_enough {
            let least = format!("{MIN_FILLS} in {MIN_BLOCKS} minutes");
            line += &format!(". These are too few to judge by alone: {least} are needed");
        } else if let Some(needed) = self.days_needed {
            let (needed, there) = (days(needed), days(self.days));
            line += &format!(". Days of data needed to tell: {needed}, and there are {there}");
        } else if !about.is_one_side {
            line += ". More data would not tell: the queue models disagree; single orders would (docs/queue.md)";
        }
        line + "."
    }
}

/// What an answer rests on.
#[derive(Clone, Copy)]
struct About {
    /// There are fills enough.
    is_enough: bool,
    /// The touch surely leaves less than nothing.
    is_lost: bool,
    /// All queue models are on one side of lending.
    is_one_side: bool,
    /// Their intervals leave lending out.
    is_told_by_fills: bool,
    /// Fewest and most fills.
    fills: [u64; 2],
}

impl About {
    fn fills_in_words(&self) -> String {
        let word = if self.fills == [1, 1] { "fill" } else { "fills" };
        format!("{} {word}", range(self.fills.map(grouped)))
    }
}

/// `1 to 2`, or one of two that are alike.
fn range([low, high]: [String; 2]) -> String {
    if low == high { low } else { format!("{low} to {high}") }
}

/// A statistic in cents; money that was booked never goes this way.
pub(super) fn usd(amount: f64) -> String {
    cents(Usd::clamped((amount * 1e8).round() as i128))
}

/// Days, in three figures.
fn days(days: f64) -> String {
    match days {
        d if d >= 100.0 => format!("{d:.0}"),
        d if d >= 1.0 => format!("{d:.1}"),
        d => format!("{d:.3}"),
    }
}
