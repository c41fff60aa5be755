//! What the fitted fair price knows of the next second, by its own prequential score.

use crate::common::{Ended, check_sound};
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
