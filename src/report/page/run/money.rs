//! Where a run's money came from: over time, at its end, and in words.

use super::super::model::{
    Cell, Chart, Figure, Lines, Plot, Point, Row, Rows, Series, Shape, Table, Tone,
};
use super::super::thin::thin;
use super::read::{Account, Told};
use super::summary::Kept;
use super::words::{digits_of, usd_bps};
use crate::journal::day::horizon_s;
use crate::report::number::{Money, cents, grouped, span};
use crate::report::stats::MIN_DAYS;
use crate::report::stats::blocks::{MIN_BLOCKS, Total, total};
use botmm_pipeline::logic::markouts::HORIZONS;
use botmm_pipeline::types::{Nanos, Usd};
use std::collections::BTreeMap;

/// A block of time whose result counts as independent of the next one's.
const BLOCK_S: f64 = 60.0;
/// Seconds below which nothing is annualised.
const LONG_S: f64 = MIN_DAYS as f64 * 86_400.0;
/// Of [`HORIZONS`]: what the market does until then is adverse selection, what it does later is drift.
const SOON: usize = 1;

/// Money at a moment, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub time: Nanos,
    pub captured: Usd,
    pub adverse: Usd,
    pub drift: Usd,
    /// Positive = paid.
    pub fees: Usd,
    /// Positive = paid.
    pub funding: Usd,
    pub net: Usd,
}

/// What is added up, by what it is.
const PARTS: [(&str, Tone); 5] = [
    ("spread captured", Tone::Gain),
    ("adverse selection", Tone::Loss),
    ("inventory", Tone::Of(4)),
    ("fees", Tone::Of(1)),
    ("funding", Tone::Of(3)),
];

impl Split {
    /// What each of [`PARTS`] brought; they add up to the net.
    fn parts(&self) -> [Usd; 5] {
        [self.captured, self.adverse, self.drift, -self.fees, -self.funding]
    }
}

/// The split at the start, at each word of the account, and at the end.
pub fn over_time(told: &Told) -> Vec<Split> {
    let mut moves: Vec<(Nanos, Usd, Usd)> = Vec::new();
    for fill in &told.fills {
        let Some(mid) = fill.mid else { continue };
        moves.push((fill.time, fill.moved(fill.px, mid), Usd::ZERO));
        if let Some(later) = fill.later[SOON] {
            moves.push((fill.time + HORIZONS[SOON], Usd::ZERO, fill.moved(mid, later)));
        }
    }
    moves.sort_by_key(|(time, ..)| *time);
    let mut moves = moves.into_iter().peekable();
    let (mut captured, mut adverse) = (Usd::ZERO, Usd::ZERO);
    let mut all: Vec<Split> = Vec::new();
    let mut step = |account: &Account, until: Nanos| {
        while let Some((_, spread, moved)) = moves.next_if(|(time, ..)| *time <= until) {
            (captured, adverse) = (captured + spread, adverse + moved);
        }
        let Account { time, gross, fees, funding, net, .. } = *account;
        let drift = gross - captured - adverse;
        Split { time, captured, adverse, drift, fees, funding, net }
    };
    let end = told.end.as_ref().and_then(|end| Some((end_of(end)?, Nanos::MAX)));
    let accounts = told.accounts.iter().map(|account| (account.clone(), account.time));
    for (account, until) in accounts.chain(end) {
        all.push(step(&account, until));
    }
    if let Some(start) = told.span.map(|[first, _]| first).filter(|_| !all.is_empty()) {
        all.insert(0, Split { time: start, ..Split::default() });
    }
    all
}

/// The account as the run's last line has it.
fn end_of(end: &crate::journal::line::End) -> Option<Account> {
    let usd = |text: &str| Usd::parse(text).ok();
    Some(Account {
        time: crate::when::parse_utc(&end.time).ok()?,
        gross: usd(&end.gross_usd)?,
        fees: usd(&end.fees_usd)?,
        funding: usd(&end.funding_usd)?,
        net: usd(&end.net_usd)?,
        held: BTreeMap::new(),
    })
}

/// What a run came to.
pub struct Result {
    pub split: Split,
    pub fills: u64,
    pub volume: Usd,
    pub span_s: f64,
}

impl Result {
    /// By the journal; the summary, where there is one, knows the time that events cover.
    pub fn of(told: &Told, steps: &[Split], kept: Option<&Kept>) -> Self {
        let by_lines = told.span.map_or(0.0, |[first, last]| (last - first).as_secs_f64());
        Self {
            split: steps.last().copied().unwrap_or_default(),
            fills: told.fills.len() as u64,
            volume: told.fills.iter().map(super::read::Fill::value).sum(),
            span_s: kept.map_or(by_lines, |kept| kept.span_s),
        }
    }

    /// One sentence: never without fees, fills and the time.
    pub fn verdict(&self) -> String {
        let (fills, time) = (grouped(self.fills), span(self.span_s));
        let s = &self.split;
        if self.fills == 0 {
            let held = match s.net {
                Usd::ZERO => String::new(),
                net => format!(" What was held at the start came to {} USD.", cents(net)),
            };
            return format!("No fills in {time}: this says nothing about profit.{held}");
        }
        let fees = match s.fees.is_negative() {
            true => format!("with {} USD of rebates", cents(-s.fees)),
            false => format!("after {} USD of fees", cents(s.fees)),
        };
        let funding = match s.funding {
            Usd::ZERO => String::new(),
            paid if paid.is_negative() => format!(" and {} USD of funding earned", cents(-paid)),
            paid => format!(" and {} USD of funding paid", cents(paid)),
        };
        let word = match s.net {
            net if net.is_negative() => format!("A loss of {} USD", cents(-net)),
            Usd::ZERO => "Neither gain nor loss".to_owned(),
            net => format!("A gain of {} USD", cents(net)),
        };
        format!(
            "{word} {fees}{funding}, from {fills} fills worth {} USD in {time}.",
            cents(self.volume)
        )
    }

    /// What a careful reader asks next.
    pub fn sentences(&self, steps: &[Split], kept: Option<&Kept>) -> Vec<String> {
        let mut said = vec![self.chance(steps)];
        said.extend(self.per_fill());
        let sharpe = kept.and_then(|kept| kept.metrics.sharpe.as_ref());
        said.push(match sharpe {
            Some(s) if self.span_s >= LONG_S => format!(
                "Sharpe ratio {:.2} a year, of whole days (95 %: {:.2} to {:.2}).",
                s.value, s.low, s.high
            ),
            _ if self.span_s >= LONG_S => "Sharpe ratio: –, it needs seven whole days.".to_owned(),
            _ => format!(
                "Nothing is annualised: {} is less than seven days. Sharpe ratio and its kin: –.",
                span(self.span_s)
            ),
        });
        said
    }

    /// Whether the net could be chance.
    fn chance(&self, steps: &[Split]) -> String {
        match total(&blocks(steps)) {
            Some(Total { interval: [low, high], t }) => {
                let digits = digits_of([low, high]);
                let verdict = match (low > 0.0, high < 0.0) {
                    (true, _) => "more than chance, if minutes to come are like these",
                    (_, true) => "a loss beyond chance",
                    _ => "no different from zero",
                };
                format!(
                    "By minutes (each taken for itself) the net lies between {} and {} USD with 95 %, t = {t:.2}: \
                     {verdict}.",
                    super::super::model::fixed(low, digits),
                    super::super::model::fixed(high, digits)
                )
            }
            None => format!(
                "Too short to tell it from chance: that takes {} whole minutes or more.",
                MIN_BLOCKS
            ),
        }
    }

    /// What a fill brought and cost, in parts of its value.
    pub fn per_fill(&self) -> Option<String> {
        let of = |amount: Usd| usd_bps(amount, self.volume);
        let s = &self.split;
        let (spread, adverse, fee) = (of(s.captured)?, of(s.adverse)?, of(s.fees)?);
        let left = spread + adverse - fee;
        let verdict = match left < 0.0 {
            true => format!(
                "{:.2} bps too little: fills this far from the mid do not pay for themselves, they would have to \
                 be {:.2} bps away",
                -left,
                fee - adverse
            ),
            false => format!("{left:.2} bps are left"),
        };
        let soon = horizon_s();
        Some(format!(
            "A fill was {spread:.2} bps better than the mid, the mid then moved {adverse:+.2} bps for it within \
             {soon} s, and the fee was {fee:.2} bps: {verdict}."
        ))
    }

    /// The parts of a result in words: of a loss what cost most comes first, of a gain what brought most.
    pub fn causes(&self, kept: Option<&Kept>) -> Vec<String> {
        if self.fills == 0 {
            return Vec::new();
        }
        let sign = if self.split.net.is_negative() { 1 } else { -1 };
        let mut parts: Vec<(usize, Usd)> = self.split.parts().into_iter().enumerate().collect();
        parts.retain(|(_, amount)| !amount.is_zero());
        parts.sort_by_key(|(_, amount)| sign * amount.raw());
        parts.into_iter().map(|(part, amount)| self.cause(part, amount, kept)).collect()
    }

    fn cause(&self, part: usize, amount: Usd, kept: Option<&Kept>) -> String {
        let bps = usd_bps(amount, self.volume)
            .map_or(String::new(), |b| format!(", {b:+.2} bps of the volume"));
        let name = PARTS[part].0;
        let verb = if amount.is_negative() { "cost" } else { "brought" };
        let soon = horizon_s();
        let is_cost = amount.is_negative();
        let meaning = match (part, is_cost) {
            (0, true) => "orders filled on the wrong side of the mid: the quotes were late".to_owned(),
            (0, false) => "what quoting away from the mid earned at the moment of each fill".to_owned(),
            (1, true) => format!("within {soon} s the market moved against what was just filled: it knew better"),
            (1, false) => format!("within {soon} s the market moved for what was just filled, which is luck or lag"),
            (2, _) => {
                let limit = kept.and_then(|kept| {
                    let shares = kept.by_symbol.values().filter_map(|s| s.time_at_limit);
                    shares.fold(None, |most: Option<f64>, s| Some(most.map_or(s, |m| m.max(s))))
                });
                let limit = limit.filter(|share| *share > 0.0).map_or(String::new(), |share| {
                    format!("; a side was withheld for the position up to {:.1} % of the time", share * 100.0)
                });
                let word = if is_cost { "lost" } else { "gained" };
                format!("positions {word} while they were held, later than {soon} s after their fills{limit}")
            }
            (3, true) if -amount > self.split.captured => {
                "more than the whole spread that was captured: at this fee quotes must stand farther away".to_owned()
            }
            (3, true) => "the venue's share of each fill".to_owned(),
            (3, false) => "rebates of the venue".to_owned(),
            _ => "paid between longs and shorts for holding through the hour".to_owned(),
        };
        format!("{}: {verb} {} USD{bps}. That is {meaning}.", capital(name), cents(amount.abs()))
    }
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// What each whole block of time came to.
fn blocks(steps: &[Split]) -> Vec<f64> {
    let Some(first) = steps.first().map(|s| s.time) else { return Vec::new() };
    let mut ends: BTreeMap<u64, Usd> = BTreeMap::new();
    for step in steps {
        ends.insert(((step.time - first).as_secs_f64().max(0.0) / BLOCK_S) as u64, step.net);
    }
    // The last block is not whole. One without a word of the account brought nothing.
    let last = ends.pop_last().map_or(0, |(at, _)| at);
    let mut before = Usd::ZERO;
    let mut results = Vec::new();
    for at in 0..last {
        let net = ends.get(&at).copied().unwrap_or(before);
        results.push((net - before).to_f64());
        before = net;
    }
    results
}

/// Each part over time.
pub fn equity(steps: &[Split]) -> Figure {
    let mut figure = Figure {
        id: "equity",
        title: "Equity by component".to_owned(),
        how_to_read: "The thick line is what was earned or lost so far, after everything; the coloured ones add up to \
                      it, and the one that falls most is where the money goes."
            .to_owned(),
        ..Figure::default()
    };
    if steps.len() < 2 {
        figure.absent = Some("The journal has no word of the account.".to_owned());
        return figure;
    }
    let series = |name: &str, tone, value: &dyn Fn(&Split) -> Usd| Series {
        name: name.to_owned(),
        tone,
        shape: Shape::Step,
        points: thin(steps.iter().map(|s| at(s.time, value(s))).collect()),
    };
    let mut all = vec![series("net", Tone::Ink, &|s| s.net)];
    all.extend(
        PARTS.iter().enumerate().map(|(n, (name, tone))| series(name, *tone, &|s| s.parts()[n])),
    );
    figure.charts = vec![chart(Lines { has_zero: true, series: all, ..Lines::default() })];
    let soon = horizon_s();
    figure.notes.push(format!(
        "Adverse selection is what the mid did until {soon} s after each fill, inventory what it did later; of fills \
         that were not measured all is inventory."
    ));
    figure
}

/// How far the profit was below its highest.
pub fn drawdown(steps: &[Split], kept: Option<&Kept>) -> Figure {
    let mut figure = Figure {
        id: "drawdown",
        title: "Drawdown".to_owned(),
        how_to_read: "How far the profit lay below its highest so far: zero is a new high, and the deepest point is \
                      what one had to sit through."
            .to_owned(),
        ..Figure::default()
    };
    if steps.len() < 2 {
        figure.absent = Some("The journal has no word of the account.".to_owned());
        return figure;
    }
    let mut peak = Usd::ZERO;
    let below = |step: &Split| {
        peak = peak.max(step.net);
        at(step.time, step.net - peak)
    };
    let points = thin(steps.iter().map(below).collect());
    let series =
        Series { name: "below the peak".to_owned(), tone: Tone::Loss, shape: Shape::Area, points };
    figure.charts = vec![chart(Lines { has_zero: true, series: vec![series], ..Lines::default() })];
    if let Some(kept) = kept {
        figure.notes.push(format!(
            "The journal has the account after each fill and once a minute; at every mark in between, the deepest fall \
             was {} USD.",
            cents(kept.metrics.max_drawdown_usd.0)
        ));
    }
    figure
}

/// The parts at the end, of all and by coin.
pub fn at_the_end(told: &Told, result: &Result, kept: Option<&Kept>) -> Figure {
    let mut figure = bars(result);
    if result.fills > 0 {
        figure.table = Some(by_coin(told, result, kept));
    }
    figure
}

/// The parts at the end, as bars.
pub fn bars(result: &Result) -> Figure {
    let soon = horizon_s();
    let mut figure = Figure {
        id: "split",
        title: "Where the money came from".to_owned(),
        how_to_read: "Bars to the right brought money, bars to the left cost it, and together they are the net; a market \
                      maker that works has spread captured and adverse selection together above its fees."
            .to_owned(),
        ..Figure::default()
    };
    if result.fills == 0 {
        figure.absent = Some("Nothing was traded, so nothing came from anywhere.".to_owned());
        return figure;
    }
    let row = |(name, amount): (&str, Usd)| Row {
        name: name.to_owned(),
        tone: if amount.is_negative() { Tone::Loss } else { Tone::Gain },
        bar: [0.0, amount.to_f64()],
        whisker: None,
    };
    let names = PARTS.iter().map(|(name, _)| *name).chain(["net"]);
    let amounts = result.split.parts().into_iter().chain([result.split.net]);
    let rows: Vec<Row> = names.zip(amounts).map(row).collect();
    let digits = digits_of(rows.iter().map(|row| row.bar[1]));
    let plot = Plot::Rows(Rows { rows, columns: ["", "USD"], ..Rows::default() });
    figure.charts = vec![Chart::new("result", "USD", digits, plot)];
    figure
        .notes
        .push(format!("Adverse selection until {soon} s after each fill; costs are negative."));
    figure
}

fn by_coin(told: &Told, result: &Result, kept: Option<&Kept>) -> Table {
    let mut table = Table::of(&[
        "coin",
        "fills",
        "volume, USD",
        "spread",
        "adverse",
        "inventory",
        "fees",
        "funding",
        "net, USD",
        "net, bps",
    ]);
    let mut row = |name: &str, fills: u64, volume: Usd, split: Option<&Split>| {
        let mut cells = vec![Cell::text(name), Cell::Count(fills), Cell::Usd(volume)];
        match split {
            Some(split) => {
                cells.extend(split.parts().map(Cell::Usd));
                cells.extend([Cell::Usd(split.net), Cell::bps(usd_bps(split.net, volume))]);
            }
            None => cells.extend(std::iter::repeat_n(Cell::Unknown, 7)),
        }
        table.rows.push(cells);
    };
    let coins: std::collections::BTreeSet<&String> = told.fills.iter().map(|f| &f.coin).collect();
    for coin in coins {
        let fills = || told.fills.iter().filter(|f| &f.coin == coin);
        let captured = fills().filter_map(|f| Some(f.moved(f.px, f.mid?))).sum();
        let adverse = fills().filter_map(|f| Some(f.moved(f.mid?, f.later[SOON]?))).sum();
        let volume = fills().map(super::read::Fill::value).sum();
        // What a coin's position came to is the summary's to say.
        let split = kept.and_then(|kept| kept.by_symbol.get(coin)).map(|of| Split {
            time: Nanos::ZERO,
            captured,
            adverse,
            drift: of.gross_pnl_usd.0 - captured - adverse,
            fees: of.fees_usd.0,
            funding: of.funding_usd.0,
            net: of.net_pnl_usd.0,
        });
        row(coin, fills().count() as u64, volume, split.as_ref());
    }
    row("all", result.fills, result.volume, Some(&result.split));
    table
}

/// Where what the journal's facts come to is not what the summary says.
pub fn differences(result: &Result, kept: &Kept) -> Vec<String> {
    let s = &result.split;
    let adverse = kept.pnl_split.adverse_selection_usd.get(&format!("{}s", horizon_s()));
    let pairs = [
        ("net", s.net, kept.net_pnl_usd),
        ("fees", s.fees, kept.fees_usd),
        ("volume", result.volume, kept.volume_usd),
        ("spread captured", s.captured, kept.pnl_split.spread_captured_usd),
        ("adverse selection", s.adverse, adverse.copied().unwrap_or_default()),
    ];
    // Values of fills are rounded one by one here, and as a sum there.
    let most = Usd::from_raw(1_000 + 2 * result.fills.min(1 << 40) as i64);
    let differs = pairs.into_iter().filter(|(_, here, there)| (*here - there.0).abs() > most);
    let mut said: Vec<String> = differs
        .map(|(what, here, Money(there))| {
            format!("{what}: the journal's lines come to {here} USD, the summary says {there} USD")
        })
        .collect();
    if result.fills != kept.fills {
        let (here, there) = (result.fills, kept.fills);
        said.push(format!("fills: {here} are in the journal, {there} in the summary"));
    }
    said
}

fn at(time: Nanos, amount: Usd) -> Point {
    Point::at(time.as_secs_f64(), amount.to_f64())
}

fn chart(lines: Lines) -> Chart {
    let values = lines.series.iter().flat_map(|s| &s.points).filter_map(|p| p.y);
    let digits = digits_of(values);
    Chart::new("money", "USD", digits, Plot::Lines(lines))
}
