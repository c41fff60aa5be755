//! What the market did and where we stood in it: prices with our quotes and fills, positions, and why sides
//! were quoted or not.

use super::super::model::{Chart, Figure, Lines, Part, Plot, Point, Series, Shape, Shares, Tone};
use super::super::thin::thin;
use super::read::{Fill, Told};
use super::words::spaced;
use botmm_pipeline::types::{Nanos, Reason, Side};
use std::collections::BTreeMap;

/// Coins that are drawn, those with most fills first.
const MAX_COINS: usize = 8;
/// Fills of a side that are drawn in one chart.
const MAX_DOTS: usize = 1_500;
/// Columns of a chart of shares.
const COLUMNS: usize = 60;
/// Colours of reasons: green is for what is quoted.
const NO_GREEN: [usize; 6] = [7, 1, 0, 3, 5, 6];
/// Reasons that have a colour of their own.
const MAX_PARTS: usize = 7;

/// Each coin's mid, with what we quoted and what was filled.
pub fn price(told: &Told) -> Figure {
    let mut figure = Figure {
        id: "price",
        title: "Price, quotes and fills".to_owned(),
        how_to_read: "The thick line is the mid, the lines beside it are our nearest bid and ask (a gap: not quoted), dots are \
                      fills; dots that the price then runs through are the ones that cost money."
            .to_owned(),
        ..Figure::default()
    };
    let mut coins: Vec<&String> = told.quotes.keys().collect();
    let fills_of = |coin: &str| told.fills.iter().filter(|f| f.coin == coin).count();
    coins.sort_by_key(|coin| (std::cmp::Reverse(fills_of(coin)), *coin));
    for coin in coins.iter().take(MAX_COINS) {
        let chart = price_of(told, coin, &mut figure.notes);
        figure.charts.extend(Some(chart).filter(|chart| !chart.is_empty()));
    }
    if coins.len() > MAX_COINS {
        let others: Vec<&str> = coins[MAX_COINS..].iter().map(|c| c.as_str()).collect();
        figure.notes.push(format!("Not drawn, with fewer fills: {}.", others.join(", ")));
    }
    if figure.charts.is_empty() {
        figure.absent =
            Some("The journal has no decision with a price: nothing was quoted yet, or those segments were removed.".to_owned());
    } else {
        figure.notes.push(
            "The mid is that of our decisions, which are written when they change. Of each stretch of time the first, \
             lowest, highest and last value are drawn."
                .to_owned(),
        );
    }
    figure
}

fn price_of(told: &Told, coin: &str, notes: &mut Vec<String>) -> Chart {
    let quotes = &told.quotes[coin];
    let line =
        |name: &str, tone, shape, points| Series { name: name.to_owned(), tone, shape, points };
    let mut series = vec![
        line("mid", Tone::Ink, Shape::Line, quotes.mid.points()),
        line("our bid", Tone::BUY, Shape::Step, quotes.bid.points()),
        line("our ask", Tone::SELL, Shape::Step, quotes.ask.points()),
    ];
    for (side, name, tone) in [(Side::Bid, "buys", Tone::Of(2)), (Side::Ask, "sells", Tone::Of(5))]
    {
        let fills: Vec<&Fill> =
            told.fills.iter().filter(|f| f.coin == coin && f.side == side).collect();
        let shown = largest(&fills);
        if shown.len() < fills.len() {
            notes.push(format!(
                "{coin}: of {} {name} the {} largest are drawn, each of a stretch of its own.",
                fills.len(),
                shown.len()
            ));
        }
        series.push(line(name, tone, Shape::Dots, shown.into_iter().map(dot).collect()));
    }
    series.retain(|s| s.points.iter().any(|p| p.y.is_some()));
    let highest = quotes.mid.points().iter().filter_map(|p| p.y).fold(0.0, f64::max);
    let digits = (4 - highest.max(1e-6).log10().floor() as i32).clamp(0, 8) as usize;
    let plot = Plot::Lines(Lines { is_zoomable: true, series, ..Lines::default() });
    Chart::new(coin, "USD", digits, plot)
}

/// The largest fill of each of [`MAX_DOTS`] stretches, when there are more.
fn largest<'a>(fills: &[&'a Fill]) -> Vec<&'a Fill> {
    fills
        .chunks(fills.len().div_ceil(MAX_DOTS).max(1))
        .filter_map(|part| part.iter().max_by_key(|f| f.value()).copied())
        .collect()
}

fn dot(fill: &Fill) -> Point {
    let word = if fill.side == Side::Bid { "buy" } else { "sell" };
    let level = fill.level.map_or(String::new(), |level| format!(", level {}", level + 1));
    let cause = fill.cause.as_deref().map_or(String::new(), |cause| format!(", {}", spaced(cause)));
    let says = format!(
        "{} {word} {} at {}{level}{cause}, fee {} USD",
        crate::when::utc(fill.time),
        fill.qty,
        fill.px,
        fill.fee
    );
    Point { says: Some(says), ..Point::at(fill.time.as_secs_f64(), fill.px.to_f64()) }
}

/// What each coin's position was worth.
pub fn inventory(told: &Told) -> Figure {
    let mut figure = Figure {
        id: "inventory",
        title: "Inventory by coin".to_owned(),
        how_to_read: "What was held of each coin, at its mark: above zero long, below short; a maker's lines come back to \
                      zero, and one that stays away is a bet."
            .to_owned(),
        ..Figure::default()
    };
    let mut held: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for account in &told.accounts {
        for (coin, value) in &account.held {
            let point = Point::at(account.time.as_secs_f64(), value.to_f64());
            held.entry(coin).or_default().push(point);
        }
    }
    held.retain(|_, points| points.iter().any(|p| p.y.is_some_and(|y| y != 0.0)));
    if held.is_empty() {
        figure.absent = Some("Nothing was held at any time.".to_owned());
        return figure;
    }
    let mut coins: Vec<(&str, Vec<Point>)> = held.into_iter().collect();
    let most =
        |points: &[Point]| points.iter().filter_map(|p| p.y).fold(0.0, |m: f64, y| m.max(y.abs()));
    coins.sort_by(|a, b| most(&b.1).total_cmp(&most(&a.1)).then(a.0.cmp(b.0)));
    if coins.len() > MAX_COINS {
        let others: Vec<&str> =
            coins.split_off(MAX_COINS).into_iter().map(|(coin, _)| coin).collect();
        figure.notes.push(format!("Not drawn, with smaller positions: {}.", others.join(", ")));
    }
    let series = coins.into_iter().enumerate().map(|(n, (coin, points))| Series {
        name: coin.to_owned(),
        tone: Tone::Of(n),
        shape: Shape::Step,
        points: thin(points),
    });
    let lines = Lines { has_zero: true, series: series.collect(), ..Lines::default() };
    figure.charts = vec![Chart::new("held", "USD", 2, Plot::Lines(lines))];
    figure
}

/// Why sides were quoted or not, over time.
pub fn reasons(told: &Told) -> Figure {
    let mut figure = Figure {
        id: "reasons",
        title: "Why sides were quoted or not, over time".to_owned(),
        how_to_read: "Each column is a stretch of time, all sides of all coins together: the tall part at the bottom should be \
                      `quoted`, and what stands above it kept us out of the market."
            .to_owned(),
        ..Figure::default()
    };
    let ([from, to], false) = (told.span.unwrap_or_default(), told.states.is_empty()) else {
        figure.absent = Some("The journal has no line of why a side was quoted or not.".to_owned());
        return figure;
    };
    let width = ((to - from).0 / COLUMNS as i64).max(1);
    let mut spent = vec![[0_i64; Reason::COUNT]; COLUMNS];
    for states in told.states.values() {
        // Before its first word a side warms up, unless that word was in a segment that is gone.
        let first =
            states.first().filter(|_| told.first_segment <= 1).map_or(from, |first| first.0);
        for _ in Side::BOTH {
            spend(&mut spent, Reason::Warmup, [0, (first - from).0], width);
        }
        for (at, (begin, reasons)) in states.iter().enumerate() {
            let end = states.get(at + 1).map_or(to, |next| next.0);
            for reason in reasons {
                spend(&mut spent, *reason, [(*begin - from).0, (end - from).0], width);
            }
        }
    }
    let total = |reason: Reason| spent.iter().map(|column| column[reason as usize]).sum::<i64>();
    let mut seen: Vec<Reason> = Reason::ALL.into_iter().filter(|r| total(*r) > 0).collect();
    seen.sort_by_key(|r| (*r != Reason::Quoted, std::cmp::Reverse(total(*r))));
    let all: i64 = seen.iter().map(|r| total(*r)).sum();
    let share = |of: &[Reason], column: &[i64; Reason::COUNT]| {
        let whole: i64 = column.iter().sum();
        let part: i64 = of.iter().map(|r| column[*r as usize]).sum();
        if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
    };
    let part = |name: &str, tone, of: &[Reason]| Part {
        name: name.to_owned(),
        tone,
        shares: spent.iter().map(|column| share(of, column)).collect(),
        of_all: of.iter().map(|r| total(*r)).sum::<i64>() as f64 / all.max(1) as f64,
    };
    let (own, others) = seen.split_at(seen.len().min(MAX_PARTS));
    let tone = |r: Reason, n| {
        if r == Reason::Quoted { Tone::Gain } else { Tone::Of(NO_GREEN[n % NO_GREEN.len()]) }
    };
    let mut parts: Vec<Part> =
        own.iter().enumerate().map(|(n, r)| part(r.in_words(), tone(*r, n), &[*r])).collect();
    if !others.is_empty() {
        parts.push(part("others", Tone::Soft, others));
    }
    let edges = (0..=COLUMNS).map(|n| Nanos(from.0 + n as i64 * width).as_secs_f64()).collect();
    let plot = Plot::Shares(Shares { edges, parts });
    figure.charts = vec![Chart::new("share of time", "%", 1, plot)];
    figure
}

/// Puts a stretch of time into the columns that it lies in.
fn spend(columns: &mut [[i64; Reason::COUNT]], reason: Reason, [from, to]: [i64; 2], width: i64) {
    let last = columns.len() - 1;
    let mut at = from.max(0);
    while at < to {
        let column = ((at / width) as usize).min(last);
        let end = if column == last { to } else { to.min((column as i64 + 1) * width) };
        columns[column][reason as usize] += end - at;
        at = end;
    }
}
