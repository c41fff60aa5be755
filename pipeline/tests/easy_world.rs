//! An easy world: a made market in which quoting a little inside the touch earns nearly the whole half
//! spread. The touch stands 10 bps either side of a driftless fair value, takers know nothing, and there is
//! no fee. It prints what each model and strategy earns there, and its share of what the market offers: half
//! spread × own volume; and what each part that can be switched adds to that or takes from it.
//!
//! What is asserted is sane relations alone: nobody earns more than the market offers, nobody is
//! picked off by takers who know nothing, and the plain quoter, which stands half a tick inside the
//! touch around the mid, earns most of it. Each model and strategy as shipped (a fitted fair price, one
//! tick inside the touch at most, A and k for where no line fits the arrivals), with the expected edge on or
//! off, earns at least four fifths of what the plain one does.
//!
//! `cargo test -p botmm-pipeline --test easy_world -- --nocapture`, and for the parts
//! `BOTMM_EASY_SEEDS=10 cargo test -p botmm-pipeline --test easy_world each_part -- --nocapture`.
#![allow(clippy::unwrap_used, missing_docs)]

mod coins;
mod made_world;

use botmm_pipeline::types::params::FairPrice;
use botmm_pipeline::types::*;
use made_world::parts::{self, Switch, bare, plain, quoters, shipped};
use made_world::statistics::Mean;
use made_world::{EASY, Earned, HONEST, Made, VOLATILITY_BPS, World, earn};

const SEEDS: u64 = 3;

fn markets(world: World, seeds: u64) -> Vec<Made> {
    (1..=seeds).map(|seed| Made::new(world, seed)).collect()
}

/// Of what the market offers.
fn share(earned: &Earned) -> f64 {
    earned.gross / offered(earned)
}

fn offered(earned: &Earned) -> f64 {
    EASY.half_spread_bps * 1e-4 * earned.volume
}

#[test]
fn what_each_quoter_earns_in_an_easy_world() {
    let markets = markets(EASY, SEEDS);
    let around_microprice = AssetParams { fair_price: FairPrice::Microprice, ..plain() };
    let without = |(name, model, strategy)| (format!("{name}, bare"), bare(model, strategy));
    let mut all_quoters: Vec<_> = quoters().map(without).collect();
    let first_shipped = all_quoters.len();
    for edge in [false, true] {
        let words = if edge { "shipped, with the edge" } else { "shipped" };
        all_quoters.extend(quoters().map(|(name, model, strategy)| {
            let params = AssetParams { use_edge: edge, ..shipped(model, strategy) };
            (format!("{name}, {words}"), params)
        }));
    }
    let last_shipped = all_quoters.len();
    all_quoters.push(("plain, around the microprice".to_owned(), around_microprice));
    all_quoters.push(("plain, around the mid".to_owned(), plain()));
    println!("in 35 minutes, mean of {SEEDS} seeds; USD, and basis points of the volume");
    println!(
        "{:<46} {:>6} {:>9} {:>8} {:>8} {:>9} {:>9} {:>6}",
        "quoter", "fills", "volume", "earned", "bps", "captured", "adv. 5 s", "share"
    );
    let mut all = Vec::new();
    for (name, params) in all_quoters {
        let e: Earned = markets.iter().map(|made| earn(made, &params, HONEST)).sum();
        let (n, bps) = (SEEDS as f64, |usd: f64| usd / e.volume * 1e4);
        println!(
            "{name:<46} {:>6.0} {:>9.0} {:>8.2} {:>8.2} {:>9.2} {:>9.2} {:>5.0}%",
            e.fills as f64 / n,
            e.volume / n,
            e.gross / n,
            bps(e.gross),
            bps(e.captured),
            bps(e.adverse),
            share(&e) * 100.0
        );
        all.push((name, e));
    }
    for (name, e) in all.iter().filter(|(_, e)| e.fills > 0) {
        // A mid is half a tick from the fair value at most.
        assert!(e.captured <= 1.02 * offered(e), "{name} captured more than the touch is away");
        let noise_bps = 3.0 * VOLATILITY_BPS * 5_f64.sqrt() / (e.fills as f64).sqrt() * 2.0;
        assert!((e.adverse / e.volume * 1e4).abs() < noise_bps + 0.1, "{name}: {e:?}");
    }
    let (_, plain) = all[all.len() - 1];
    assert!((0.8..1.05).contains(&share(&plain)), "{plain:?}");
    for (name, e) in &all[first_shipped..last_shipped] {
        let of_plain = e.gross / plain.gross;
        assert!(of_plain >= 0.8, "{name} earned {of_plain:.2} of what the plain quoter did: {e:?}");
    }
}

/// What is turned of a quoter as it is shipped.
const TURNS: [(&str, Switch); 8] = [
    ("fit off", parts::no_fit),
    ("touch free", parts::free),
    ("touch join", parts::join),
    ("edge on", parts::edge),
    ("sizer on", parts::sizer),
    ("fill model on", parts::fill_model),
    ("toxicity on", parts::toxicity),
    ("adaptive", |p| p.strategy = Strategy::Adaptive),
];
/// What the plain quoter quotes around, in place of the mid.
const AROUND: [(&str, Switch); 2] =
    [("the microprice", parts::no_fit), ("the fitted price", parts::fit)];

/// Each part turned alone, on the same markets. Where there is nothing to be afraid of, a part costs what it
/// keeps from being quoted; that is printed. Asserted is what is known: that no part makes quoting a loss
/// here, that a free touch sells the spread, and that noise in a fair price costs what the fit saves.
#[test]
fn each_part_on_and_off() {
    let asked = std::env::var("BOTMM_EASY_SEEDS").ok().map(|text| text.parse::<u64>().unwrap());
    let (seeds, span) = asked.map_or((3, Nanos::secs(300)), |seeds| (seeds, EASY.span));
    let markets = markets(World { span, ..EASY }, seeds);
    println!("in {} minutes, {seeds} seeds; USD with 95 % intervals", span.0 / 60_000_000_000);
    let turned = |quoter: &str, base: &AssetParams, turns: &[(&str, Switch)]| -> Vec<Mean> {
        let gross = |name: &str, params: &AssetParams| -> Vec<f64> {
            let each: Vec<_> = markets.iter().map(|made| earn(made, params, HONEST)).collect();
            let gross: Vec<f64> = each.iter().map(|e| e.gross).collect();
            let (earned, sum) = (Mean::of(&gross), each.into_iter().sum::<Earned>());
            let [mean, half] = [earned.mean, earned.half()];
            print!(
                "{quoter:<20} {name:<17} {:>6} fills {mean:>8.2} ± {half:>5.2}",
                sum.fills / seeds
            );
            assert!(mean > 0.0, "{quoter}, {name}: {earned:?}");
            gross
        };
        let without = gross("as it is", base);
        println!();
        let more = |(name, turn): &(&str, Switch)| {
            let mut params = *base;
            turn(&mut params);
            let with = gross(name, &params);
            let more = Mean::of(&with.iter().zip(&without).map(|(w, o)| w - o).collect::<Vec<_>>());
            println!(", that is {:>+8.2} ± {:>5.2} (t {:>6.1})", more.mean, more.half(), more.t());
            more
        };
        turns.iter().map(more).collect()
    };
    let around = turned("plain, the mid", &plain(), &AROUND);
    assert!(around[0].mean < around[1].mean, "the fit is as noisy as the microprice: {around:?}");
    for model in QuoteModel::ALL {
        let more = turned(model.as_str(), &shipped(model, Strategy::Basic), &TURNS);
        assert!(more[1].mean < 0.0, "{}: a free touch sold nothing: {more:?}", model.as_str());
    }
}
