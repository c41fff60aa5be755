//! What a model is worth, in words.

use super::score::{Fitted, Scored};
use super::train::Scores;
use crate::predictor::Head;
use crate::when::utc;
use std::path::Path;

/// Rows of a diagram of bars this long.
const BAR: f64 = 40.0;

/// For a program.
pub fn json(path: &Path, sha256: &str, head: &Head) -> String {
    let told =
        serde_json::json!({ "model": path.display().to_string(), "sha256": sha256, "head": head });
    format!("{told:#}\n")
}

/// For a person.
pub fn text(path: &Path, sha256: &str, head: &Head, scores: &Scores) -> String {
    let mut out = String::new();
    let ([from, to], tested) = (head.trained.map(utc), head.tested.map(utc));
    let [learned, filled] = scores.learned;
    let mut line = |text: String| {
        out += &text;
        out.push('\n');
    };
    line(format!("{}  sha256 {sha256}", path.display()));
    line(format!("learned from  {learned} rows, {filled} filled, {from} to {to}"));
    line(format!("tried on      {} later rows, {} to {}", scores.fill.rows, tested[0], tested[1]));
    line(format!(
        "horizon       {} s; gap between the parts {} s; seed {}; trees {} and {}",
        head.horizon.as_secs_f64(),
        2.0 * head.horizon.as_secs_f64(),
        head.seed,
        scores.trees[0],
        scores.trees[1]
    ));
    line(format!("data          {} sha256 {}", head.coins.join(", "), head.data_sha256));
    let left = &scores.left;
    line(format!(
        "left out      {} orders without their decision, {} open at the end, {} fills of no known order",
        left.undecided, left.open, left.strange_fills
    ));
    if !scores.constant.is_empty() {
        line(format!("constant      {}: they tell no orders apart", scores.constant.join(", ")));
    }
    line(format!("\nFilled within the horizon, before we move it\n{}", scored(&scores.fill)));
    line(format!("  of shuffled labels: {}", area(&scores.fill_shuffled)));
    line("  predicted   seen  ± 95 %     rows".to_owned());
    for class in &scores.fill.reliability {
        let bar = "#".repeat((class.seen * BAR).round() as usize);
        line(format!(
            "  {:>8.2}% {:>6.2}% {:>6.2}% {:>8}  {bar}",
            100.0 * class.predicted,
            100.0 * class.seen,
            100.0 * class.half_interval,
            class.rows
        ));
    }
    line(
        "\nHow far the mid goes against a fill, from the decision to a horizon after it".to_owned(),
    );
    line(format!("  {}", moved(&scores.adverse)));
    line(format!("  of shuffled moves: {}", moved(&scores.adverse_shuffled)));
    line("\nRows of one order share their fate, and count as one for errors; so do orders of one move, which do not: \
          errors are too small. The model is silent on what it has learned from."
        .to_owned());
    out
}

fn area(scored: &Scored) -> String {
    match (scored.auc, scored.auc_se) {
        (Some(auc), Some(se)) => {
            format!(
                "area under the curve {auc:.3} ± {se:.3} (a half = nothing), t {:+.1}",
                (auc - 0.5) / se
            )
        }
        _ => "all of one kind: no area under the curve".to_owned(),
    }
}

fn scored(scored: &Scored) -> String {
    format!(
        "  {}\n  Brier {:.5}; of always saying the mean {:.5}; {} of {} filled",
        area(scored),
        scored.brier,
        scored.brier_of_mean,
        scored.hits,
        scored.rows
    )
}

fn moved(fitted: &Fitted) -> String {
    let number = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:+.3}"));
    format!(
        "R² {}, t {}, {} rows of {} orders: seen {:+.2} bps, predicted {:+.2}",
        number(fitted.r2),
        number(fitted.t),
        fitted.rows,
        fitted.groups,
        fitted.seen,
        fitted.predicted
    )
}
