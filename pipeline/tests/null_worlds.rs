//! Null worlds: markets in which nobody can earn, whatever of the bot is on. Each model under each strategy
//! is played there with each part on and off, on the same walks.
//!
//! **The walk**: a random walk without drift, a touch of one tick around it, and nobody who trades. A quote
//! fills there when the walk has run over it, at a price that is worth no more than that, and less by as far
//! as it was run over: quoting loses. So a part that quotes less loses less, and the difference says nothing.
//! Nobody may earn.
//!
//! **The fair game**: a touch of 1.5 bps, takers who know nothing, and a venue that books each fill at the
//! fair value of its moment. Whatever is done and left, nothing is won or lost on average, unless somebody
//! knows what comes. Nobody may earn, and no part may make a difference above zero.
//!
//! **The rule**, one for both: the mean over the seeds, in USD before any fee, is not above zero by more than
//! two standard errors where one comparison is made. Where many are made, each as one of all of its table
//! ([`Mean::is_above_zero`]): of a hundred honest comparisons two or three are beyond two standard errors
//! by chance. Each t is printed. The same rule catches a venue that gives a basis point a fill away, and a fit
//! that is shown the future.
//!
//! `BOTMM_NULL_SEEDS=20 cargo test -p botmm-pipeline --test null_worlds -- --nocapture`
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod made_world;

use botmm_pipeline::types::params::FairPrice;
use botmm_pipeline::types::*;
use made_world::parts::{PARTS, fit, quoters, tight};
use made_world::statistics::Mean;
use made_world::{Booking, Earned, HONEST, Made, World, earn};

const WALK: World = World {
    span: Nanos::secs(300),
    half_spread_bps: 0.0,
    takers_per_s: 0.0,
    knows_what_comes: false,
};
const FAIR_GAME: World = World { half_spread_bps: 1.5, takers_per_s: 0.5, ..WALK };
/// Of which the book tells what comes, and where leaning by it decides who fills.
const FORETOLD: World = World { half_spread_bps: 0.0, knows_what_comes: true, ..FAIR_GAME };
const AT_FAIR: Booking = Booking { at_fair: true, gift_bps: 0.0 };

/// A few, or as many as are asked for.
fn seeds() -> u64 {
    let asked = std::env::var("BOTMM_NULL_SEEDS").ok();
    asked.map_or(6, |text| text.parse().unwrap()).max(3)
}

fn markets(world: World) -> Vec<Made> {
    (100..100 + seeds()).map(|seed| Made::new(world, seed)).collect()
}

/// What these parameters come to, a market each.
fn each(markets: &[Made], params: &AssetParams, booking: Booking) -> Vec<Earned> {
    markets.iter().map(|made| earn(made, params, booking)).collect()
}

fn gross(earned: &[Earned]) -> Vec<f64> {
    earned.iter().map(|e| e.gross).collect()
}

/// On less off, by market.
fn less(on: &[f64], off: &[f64]) -> Mean {
    Mean::of(&on.iter().zip(off).map(|(on, off)| on - off).collect::<Vec<_>>())
}

/// A row of the table: what was on, what it came to, and that less the same without.
struct Row {
    name: String,
    part: &'static str,
    gross: Vec<f64>,
    off: Option<Vec<f64>>,
}

/// Every model, strategy and part.
fn table(markets: &[Made], booking: Booking) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name: &str, part, earned: &[Earned], off: Option<&Vec<f64>>| {
        let row = Row { name: name.to_owned(), part, gross: gross(earned), off: off.cloned() };
        print(&row, earned);
        rows.push(row);
    };
    println!(
        "{:<28} {:<14} {:>6} {:>8} {:>18} {:>6}   {:>18} {:>6}",
        "quoter", "on", "fills", "volume", "gross, USD", "t", "on − off, USD", "t"
    );
    for model in QuoteModel::ALL {
        let mut basic = None;
        for (name, _, strategy) in quoters().filter(|(_, of, _)| *of == model) {
            let params = tight(model, strategy);
            let bare = each(markets, &params, booking);
            assert!(bare.iter().all(|e| e.fills > 0), "{name} never traded");
            let off = gross(&bare);
            let part = if basic.is_some() { "(adaptive)" } else { "nothing" };
            row(&name, part, &bare, basic.as_ref());
            for (part, switch) in PARTS {
                let mut params = params;
                switch(&mut params);
                row(&name, part, &each(markets, &params, booking), Some(&off));
            }
            basic = basic.or(Some(off));
        }
    }
    rows
}

fn print(row: &Row, earned: &[Earned]) {
    let n = earned.len() as f64;
    let sum: Earned = earned.iter().copied().sum();
    let told = |m: Mean| format!("{:>9.3} ± {:>6.3} {:>6.2}", m.mean, m.error, m.t());
    println!(
        "{:<28} {:<14} {:>6.0} {:>8.0} {}   {}",
        row.name,
        row.part,
        sum.fills as f64 / n,
        sum.volume / n,
        told(Mean::of(&row.gross)),
        row.off.as_ref().map_or(String::new(), |off| told(less(&row.gross, off)))
    );
}

/// By part, all quoters together: less noise, and fewer comparisons.
fn print_parts(rows: &[Row]) {
    let mut parts: Vec<&str> = rows.iter().map(|row| row.part).collect();
    parts.sort_unstable();
    parts.dedup();
    println!("by part, mean of all quoters:");
    for part in parts {
        let of: Vec<&Row> = rows.iter().filter(|row| row.part == part).collect();
        let n = of.len() as f64;
        let mean = |value: &dyn Fn(&Row, usize) -> f64| -> Vec<f64> {
            (0..of[0].gross.len())
                .map(|i| of.iter().map(|row| value(row, i)).sum::<f64>() / n)
                .collect()
        };
        let on = mean(&|row, i| row.gross[i]);
        let off = mean(&|row, i| row.off.as_ref().map_or(row.gross[i], |off| off[i]));
        let (gross, more) = (Mean::of(&on), less(&on, &off));
        println!(
            "{part:<14} gross {:>8.3} ± {:.3} (t {:>5.2}), on − off {:>8.3} ± {:.3} (t {:>5.2})",
            gross.mean,
            gross.half(),
            gross.t(),
            more.mean,
            more.half(),
            more.t()
        );
    }
}

/// Rows that are above zero as one of so many.
fn above(rows: &[Row], of: usize, value: impl Fn(&Row) -> Option<Mean>) -> Vec<&str> {
    let is_above = |row: &&Row| value(row).is_some_and(|mean| mean.is_above_zero(of));
    rows.iter().filter(is_above).map(|row| row.name.as_str()).collect()
}

fn differences(row: &Row) -> Option<Mean> {
    row.off.as_ref().map(|off| less(&row.gross, off))
}

#[test]
fn a_random_walk_pays_nobody_whatever_is_on() {
    println!("the walk, {} seeds of 5 minutes, no fee", seeds());
    let rows = table(&markets(WALK), HONEST);
    print_parts(&rows);
    for row in &rows {
        let gross = Mean::of(&row.gross);
        assert!(gross.t() <= 2.0, "{} with {}: a random walk paid {gross:?}", row.name, row.part);
    }
}

#[test]
fn a_fair_game_pays_nobody_and_no_part_makes_it_look_so() {
    println!("the fair game, {} seeds of 5 minutes, no fee", seeds());
    let rows = table(&markets(FAIR_GAME), AT_FAIR);
    print_parts(&rows);
    let all = rows.len() + rows.iter().filter(|row| row.off.is_some()).count();
    let paid = above(&rows, all, |row| Some(Mean::of(&row.gross)));
    assert!(paid.is_empty(), "a fair game paid {paid:?}");
    let paid = above(&rows, all, differences);
    assert!(paid.is_empty(), "in a fair game a part made a difference for {paid:?}");
}

/// The rule sees what it is there for, as one of as many comparisons as the table has.
#[test]
fn a_gift_and_a_look_ahead_are_caught() {
    // Each row twice, for its gross and for its difference; `basic` with nothing has none.
    let of = QuoteModel::ALL.len() * (2 * Strategy::ALL.len() * (1 + PARTS.len()) - 1);
    let walks = markets(WALK);
    let (games, told) = (markets(FAIR_GAME), markets(FORETOLD));
    for (name, model, strategy) in quoters() {
        let params = tight(model, strategy);
        let gifted = |markets, at_fair| {
            Mean::of(&gross(&each(markets, &params, Booking { at_fair, gift_bps: 1.0 })))
        };
        for (gift, place) in [(gifted(&walks, false), "walk"), (gifted(&games, true), "fair game")]
        {
            println!("{name}: a basis point a fill on the {place}: {gift:?}, t {:.1}", gift.t());
            assert!(gift.is_above_zero(of), "{name}: a gift on the {place} went unnoticed");
        }
        // Without the fit nothing of these quotes looks at the depth that tells.
        let blind = AssetParams { fair_price: FairPrice::Mid, imbalance_strength: 0.0, ..params };
        let mut seeing = blind;
        fit(&mut seeing);
        let off = gross(&each(&told, &blind, AT_FAIR));
        let more = less(&gross(&each(&told, &seeing, AT_FAIR)), &off);
        println!("{name}: a fit that is shown the future, on − off: {more:?}, t {:.1}", more.t());
        assert!(more.is_above_zero(of), "{name}: a look ahead went unnoticed: {more:?}");
        assert!(!Mean::of(&off).is_above_zero(of), "{name}: without it somebody saw");
    }
}

#[test]
fn bounds_are_student_s() {
    use made_world::statistics::bound;
    // From a table of Student's distribution.
    for (tail, df, t) in
        [(0.025, 19, 2.093), (0.025, 9, 2.262), (0.0005, 19, 3.883), (0.0005, 5, 6.869)]
    {
        assert!((bound(tail, df) - t).abs() < 1e-3, "{tail} of {df}: {}", bound(tail, df));
    }
}
