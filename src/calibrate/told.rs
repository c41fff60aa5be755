//! What came out, in words.

use super::judge::Judged;
use super::report::{Report, Source};
use crate::calibrated::Against;
use crate::exit::AppError;
use std::path::Path;

/// Rows of a diagram of bars this long.
const BAR: f64 = 40.0;

/// For a program.
///
/// # Errors
/// Never, but for what JSON cannot hold.
pub fn json(report: &Report, out: Option<&Path>) -> Result<String, AppError> {
    let written = out.filter(|_| report.why_not.is_none()).map(|path| path.display().to_string());
    let not_json = |e: serde_json::Error| AppError::Failed(e.to_string());
    let mut value = serde_json::to_value(report).map_err(not_json)?;
    value["written"] = serde_json::to_value(written).map_err(not_json)?;
    Ok(format!("{value:#}\n"))
}

/// For a person.
pub fn text(report: &Report, out: Option<&Path>) -> String {
    let mut text = String::new();
    let mut line = |said: String| {
        text += &said;
        text.push('\n');
    };
    let Report { runs, span, orders, chances, reached, .. } = report;
    line(format!("queues of   {}, {} to {}", report.against.as_str(), span[0], span[1]));
    for Source { run, botmm, orders, gaps, damage } in runs {
        line(format!("run         {run} (botmm {botmm}): {orders} orders rested, {gaps} gaps"));
        damage.iter().for_each(|said| line(format!("damage      {said}")));
    }
    let ends: Vec<String> = report.ends.iter().map(|(end, n)| format!("{n} {end}")).collect();
    line(format!(
        "orders      {}",
        if ends.is_empty() { "none".to_owned() } else { ends.join(", ") }
    ));
    line(format!(
        "chances     {chances} of {orders} orders: a block traded at an order's price while it stood there; {reached} \
         reached it"
    ));
    if !report.models.is_empty() {
        line(format!(
            "\nBrier score; {:.4} is that of always saying how many are reached",
            report.base_brier
        ));
        line(format!(
            "  {:<16} {:>7}   {:<16} {:>7} {:>7}",
            "model", "Brier", "95 %", "skill", "t"
        ));
        report.models.iter().for_each(|judged| line(row(judged)));
    }
    for judged in report.models.iter().filter(|j| j.model == "fitted" || j.model == "risk_averse") {
        line(format!("\nReliability of {}", judged.model));
        line("     said    seen   95 %              chances  orders".to_owned());
        for class in &judged.reliability {
            let bar = "#".repeat((class.seen * BAR).round() as usize);
            let [low, high] = class.seen_95.map(percent);
            line(format!(
                "  {:>6}% {:>6}%  {low:>6} to {high:>6} % {:>7} {:>7}  {bar}",
                percent(class.said),
                percent(class.seen),
                class.chances,
                class.orders
            ));
        }
    }
    if let (Some(n), Some([low, high])) = (report.n, report.n_95) {
        line(format!(
            "\nfitted      prob_power:{n}, 95 % {low} to {high} (1000 resamples of the orders)"
        ));
        line("            its Brier score: each half of the orders by the exponent of the other half".to_owned());
    }
    line(format!("\nverdict     {}", verdict(report, out)));
    text
}

fn row(judged: &Judged) -> String {
    let between = judged
        .brier_95
        .map_or("too few orders".to_owned(), |[low, high]| format!("{low:.4} to {high:.4}"));
    let t = judged.skill_t.map_or("-".to_owned(), |t| format!("{t:+.1}"));
    format!(
        "  {:<16} {:>7.4}   {between:<16} {:>+6.1}% {t:>7}",
        judged.model,
        judged.brier,
        100.0 * judged.skill
    )
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn verdict(report: &Report, out: Option<&Path>) -> String {
    if let Some(why) = &report.why_not {
        return format!("uncalibrated: {why}");
    }
    let n = report.n.unwrap_or_default();
    let written = match out {
        Some(path) => format!(": --queue-from {}", path.display()),
        None => "; --out FILE keeps it for --queue-from".to_owned(),
    };
    match report.against {
        Against::Mainnet => format!("calibrated, prob_power:{n}{written}"),
        other => format!(
            "uncalibrated: prob_power:{n} is of {}, whose queues are not mainnet's, and results by it say so{written}",
            other.as_str()
        ),
    }
}
