//! What the fitted fair price knows of the next second, by its own prequential score.

use crate::common::{Ended, check_sound, journal};
use botmm::journal::line::{Fit, Line};
use botmm_pipeline::types::FitScore;
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

/// A prediction counts before it is learned from, so the second half is told from the first alone. Nothing
/// here was chosen for this recording.
pub fn the_fitted_price_predicts_the_next_second(path: &str) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("my.toml"), "[defaults.quote]\nfair_price = \"fitted\"\n").unwrap();
    let args = ["replay", path, "--json", "--config", "my.toml", "--feed", "50ms", "--out", "run"];
    let ended = Ended::of(dir.path(), &args);
    let summary = ended.summary();
    check_sound(&summary);
    let journal = fs::read_to_string(dir.path().join("run/journal.jsonl")).unwrap();
    let mut told: BTreeMap<String, Vec<Fit>> = BTreeMap::new();
    for line in journal.lines() {
        if let Ok(Some(Line::Fit(fit))) = Line::read(line) {
            told.entry(fit.coin.clone()).or_default().push(fit);
        }
    }
    for coin in ["BTC", "ETH", "SOL"] {
        let told = &told[coin];
        let score = |at: usize| told[at].state.run;
        let second_half: FitScore = score(told.len() - 1).since(&score(told.len() / 2));
        let (r2, micro) = (second_half.r2(), second_half.micro_r2());
        println!("{coin}: R2 {r2:.3}, microprice {micro:.3}, {:.0} moves", second_half.moves);
        assert!(second_half.moves > 2_000.0, "{coin}");
        assert!(r2 >= 0.12, "{coin}: {r2}");
        assert!(r2 >= micro, "{coin}: {r2}, and the microprice {micro}");
        assert!(summary["fit"][coin]["r2"].as_f64().unwrap() > 0.0);
    }
}

/// Where a fill is expected to pay it does, without a fee and with a feed of 50 ms: what our example for that
/// says. Nothing in it was chosen for this recording.
pub fn fills_are_worth_more_than_their_price_where_an_edge_is_asked_for(path: &str) {
    let dir = TempDir::new().unwrap();
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config/no_fee.example.toml");
    let args = ["replay", path, "--json", "--config", config, "--feed", "50ms", "--out", "run"];
    let ended = Ended::of(dir.path(), &args);
    check_sound(&ended.summary());
    let lines = journal(&dir.path().join("run/journal.jsonl"));
    let fills = lines.iter().filter_map(|line| match line {
        Line::Fill(fill) => Some(((fill.coin.clone(), fill.tid), fill.venue_time.clone()?)),
        _ => None,
    });
    let at: BTreeMap<(String, u64), String> = fills.collect();
    // The middle of the recording.
    let middle = "2025-09-04T20:04:20";
    let mut by_minute: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for line in &lines {
        let Line::Markout(told) = line else { continue };
        let at = &at[&(told.coin.clone(), told.tid)];
        if told.after_s != 1 || at.as_str() < middle {
            continue;
        }
        let [px, mid] = [&told.px, &told.mid].map(|text| text.parse::<f64>().unwrap());
        let sign = if told.side == "buy" { 1.0 } else { -1.0 };
        let minute = at["2025-09-04T".len()..][..5].to_owned();
        by_minute
            .entry((told.coin.clone(), minute))
            .or_default()
            .push(sign * (mid - px) / px * 1e4);
    }
    let all: Vec<f64> = by_minute.values().flatten().copied().collect();
    let (n, groups) = (all.len() as f64, by_minute.len() as f64);
    let mean = all.iter().sum::<f64>() / n;
    let plain = (all.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt();
    // Neighbours in a minute of a coin are one cluster.
    let off = by_minute.values().map(|m| m.iter().map(|bps| bps - mean).sum::<f64>().powi(2));
    let clustered = (off.sum::<f64>() * groups / (groups - 1.0)).sqrt() / n;
    println!(
        "{n} fills, {mean:+.2} bps, t {:.1}, of clusters {:.1}",
        mean / plain,
        mean / clustered
    );
    assert!(n >= 50.0 && mean / plain > 2.0 && mean / clustered > 2.0);
}
