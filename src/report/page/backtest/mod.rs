//! A backtest's folder as a page: all rows with their intervals, what guards against believing the best of many,
//! and of the set that is least in doubt where its money came from.

mod figures;
mod read;
#[cfg(test)]
mod tests;

use super::model::{Cell, Command, Figure, Page, Table, fixed};
use super::run::money::{self, Result as Came, Split};
use super::run::rest::quoted;
use crate::exit::AppError;
use crate::journal::day::horizon_s;
use crate::masked::masked;
use crate::report::backtest::{RESULTS, Results, Row};
use crate::report::number::{Money, cents, grouped, span};

use crate::sha256;
use botmm_pipeline::types::{Nanos, Usd};
use read::Outcome;
use std::path::Path;

/// Whether a folder holds a backtest's results.
pub fn is_one(folder: &Path) -> bool {
    folder.join(RESULTS).exists()
}

/// The page of a backtest's folder.
///
/// # Errors
/// Its results are not there, or none.
pub fn page(folder: &Path) -> Result<Page, AppError> {
    let mut results = read::results(folder)?;
    results.rows.sort_by(Row::by_doubt);
    let path = folder.join(RESULTS);
    let own = sha256::of_file(&path).map_err(AppError::io(&path, "read"))?;
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy());
    let (results, name) = (&results, &*masked(&name));
    let mut page = Page { title: title(results, name), ..Page::default() };
    page.commands.push(Command {
        purpose: "This page, byte for byte, from the same folder:".to_owned(),
        line: format!("botmm report {}", quoted(name)),
    });
    page.commands.push(Command {
        purpose: "Its results, from its plan (what is there already is kept):".to_owned(),
        line: format!("botmm sweep reduce {}", quoted(name)),
    });
    let Some(first) = results.rows.first() else {
        page.verdict = "No replay has a result: this says nothing about profit.".to_owned();
        page.figures = vec![figures::data(results, &own)];
        return Ok(page);
    };
    let (outcomes, problems) = read::outcomes(folder, first);
    let steps = steps(&outcomes);
    let came = came(first, &outcomes);
    page.subtitle = format!("{} to {}, recorded markets, no real money", first.from, first.to);
    page.verdict = verdict(results, first);
    page.is_loss = first.net_usd.0.is_negative();
    page.sentences = sentences(results, first, &came);
    page.causes = came.causes(None);
    page.warnings = warnings(results, problems);
    page.figures = vec![
        figures::rows(results),
        figures::queue_band(results),
        figures::guards(results),
        figures::walk_forward(results),
        figures::split(first, &came),
        about(money::equity(&steps), first, &steps),
        about(money::drawdown(&steps, None), first, &steps),
        figures::held(first, &outcomes),
        figures::markouts(first, &outcomes),
        figures::causes(first, &outcomes),
        assumptions(results, first),
        figures::data(results, &own),
    ];
    Ok(page)
}

fn title(results: &Results, name: &str) -> String {
    let mut coins: Vec<&str> =
        results.rows.iter().flat_map(|r| &r.coins).map(String::as_str).collect();
    coins.sort_unstable();
    coins.dedup();
    format!("backtest of {}: {name}", coins.join(", "))
}

/// In one sentence, and without hope where there is none.
fn verdict(results: &Results, first: &Row) -> String {
    let above = results.rows.iter().filter(|row| row.low() > 0.0).count();
    let rows = results.rows.len();
    let net = first.net_usd.0;
    let word = if net.is_negative() { "a loss" } else { "a gain" };
    let interval = first.net_interval.as_ref().map_or(String::new(), |i| {
        format!(" (95 %: {} to {})", fixed(i.low_usd, 2), fixed(i.high_usd, 2))
    });
    let best = format!(
        "{word} of {} USD{interval} after {} USD of fees, from {} fills in {}",
        cents(net.abs()),
        cents(first.fees_usd.0),
        grouped(first.fills),
        span(first.span_s)
    );
    match above {
        0 => format!(
            "None of {rows} rows has a net above zero with 95 %; the least doubtful is {best}."
        ),
        n => format!(
            "{n} of {rows} rows have a net above zero with 95 %; the least doubtful is {best}."
        ),
    }
}

fn sentences(results: &Results, first: &Row, came: &Came) -> Vec<String> {
    let mut said = vec![format!(
        "That row: {}, {} (queue {}, feed {}, latency {}, fee {} bps). What follows of money, drawdown and fills is about it.",
        first.set,
        first.coins.join(", "),
        first.queue,
        first.feed,
        first.latency,
        first.fee_bps
    )];
    let best = results.best.iter().find(|best| best.id == first.id);
    let tried = results.sets_tried;
    if tried > 1 {
        let guard = |value: Option<f64>, note: Option<&String>| match value {
            Some(value) => format!("{value:.2}"),
            None => format!("– ({})", note.map_or("not told", String::as_str)),
        };
        let overfit = best.map(|b| guard(b.overfit_probability, b.overfit_note.as_ref()));
        let deflated = best.map(|b| guard(b.deflated_sharpe, b.deflated_sharpe_note.as_ref()));
        said.push(format!(
            "It is the best of {tried} sets that were tried, so it flatters: probability of over-fitting {}, deflated Sharpe \
             ratio {}.",
            overfit.unwrap_or_else(|| "–".to_owned()),
            deflated.unwrap_or_else(|| "–".to_owned())
        ));
    }
    said.extend(came.per_fill().filter(|_| came.fills > 0 && !came.split.captured.is_zero()));
    said.push(match (first.sharpe, &first.sharpe_note) {
        (Some(sharpe), _) => format!("Sharpe ratio {sharpe:.2} a year, of whole days."),
        (None, Some(why)) => format!("Sharpe ratio and its kin: –, {why}."),
        (None, None) => "Sharpe ratio and its kin: –.".to_owned(),
    });
    said
}

fn warnings(results: &Results, problems: Vec<String>) -> Vec<String> {
    let mut all = problems;
    if results.missing > 0 {
        all.push(format!("{} replays that are planned have no result yet.", results.missing));
    }
    let off = results.rows.iter().filter(|r| r.residual_usd.is_some_and(|usd| !usd.0.is_zero()));
    match off.count() {
        0 => {}
        rows => all.push(format!(
            "The accounts do not add up in {rows} rows: see residuals in results.json."
        )),
    }
    let halted = results.rows.iter().filter(|row| !row.halted.is_empty()).count();
    if halted > 0 {
        all.push(format!(
            "{halted} rows were halted by a limit: their span is shorter than it seems."
        ));
    }
    if results.sets_distinct.is_some_and(|distinct| distinct < results.sets_tried)
        && results.rung.is_none()
    {
        all.push(
            "Some sets decided exactly as others did: a parameter of the grid does nothing here."
                .to_owned(),
        );
    }
    let mut of_rows: Vec<&String> = results.rows.iter().flat_map(|row| &row.warnings).collect();
    of_rows.sort_unstable();
    of_rows.dedup();
    all.extend(of_rows.into_iter().take(10).cloned());
    all
}

/// The money of a row's replays one after the other. What is not known on the way (spread, adverse selection) is left
/// out: all but fees and funding stands under inventory.
fn steps(outcomes: &[Outcome]) -> Vec<Split> {
    let mut all = Vec::new();
    let mut before = Split::default();
    for Outcome { samples, .. } in outcomes {
        let mut last = before;
        for (at, ms) in samples.time_ms.iter().enumerate() {
            let of = |column: &[Money]| column.get(at).copied().unwrap_or_default().0;
            let gross = of(&samples.gross_usd);
            let (fees, funding) = (of(&samples.fees_usd), of(&samples.funding_usd));
            last = Split {
                time: Nanos::millis(*ms),
                drift: before.drift + gross,
                fees: before.fees + fees,
                funding: before.funding + funding,
                net: before.net + gross - fees - funding,
                ..before
            };
            all.push(last);
        }
        before = last;
    }
    all
}

/// The parts at the end, by the replays' summaries; money itself by the row.
fn came(row: &Row, outcomes: &[Outcome]) -> Came {
    let name = format!("{}s", horizon_s());
    let sum = |value: &dyn Fn(&Outcome) -> Usd| outcomes.iter().map(value).sum::<Usd>();
    let captured = sum(&|o| o.summary.pnl_split.spread_captured_usd.0);
    let adverse = sum(&|o| {
        o.summary.pnl_split.adverse_selection_usd.get(&name).copied().unwrap_or_default().0
    });
    let split = Split {
        time: Nanos::ZERO,
        captured,
        adverse,
        drift: row.gross_usd.0 - captured - adverse,
        fees: row.fees_usd.0,
        funding: row.funding_usd.0,
        net: row.net_usd.0,
    };
    Came { split, fills: row.fills, volume: row.volume_usd.0, span_s: row.span_s }
}

/// A figure of a run, about a row: its parts are gross and costs alone.
fn about(mut figure: Figure, row: &Row, steps: &[Split]) -> Figure {
    figure.notes.clear();
    figure.notes.push(format!(
        "Of the row {} ({}).",
        row.set,
        row.id.chars().take(12).collect::<String>()
    ));
    if figure.id == "equity" && steps.len() >= 2 {
        figures::gross_and_costs(&mut figure);
    }
    figure
}

fn assumptions(results: &Results, first: &Row) -> Figure {
    let mut table = Table::of(&["what", "is"]);
    let mut row = |what: &str, is: String| table.rows.push(vec![Cell::text(what), Cell::Text(is)]);
    row("botmm", results.botmm.clone());
    row("recordings", grouped(results.days.len() as u64));
    let position =
        if results.flat_days { "flat at the start of each day" } else { "goes on over the days" };
    row("position", position.to_owned());
    results.gaps.iter().for_each(|gap| row("gap", gap.clone()));
    row("sets tried", grouped(results.sets_tried as u64));
    row("replays", grouped(results.replays as u64));
    row("rules", first.rules.clone());
    row("seed", first.seed.to_string());
    let mut configs: Vec<&str> = first.tasks.iter().map(|t| t.config_sha256.as_str()).collect();
    configs.dedup();
    configs.into_iter().for_each(|sha256| row("config", format!("sha256 {sha256}")));
    first.tasks.iter().for_each(|t| row("decision hash", t.decision_hash.clone()));
    first.notes.iter().for_each(|note| row("note", note.clone()));
    row("intervals", "stationary block bootstrap of what was earned between samples".to_owned());
    Figure {
        id: "assumptions",
        title: "Assumptions".to_owned(),
        how_to_read: "What every row rests on; queue, feed, latency and fee stand beside each row, and two rows can be \
                      compared only where these are the same."
            .to_owned(),
        table: Some(table),
        ..Figure::default()
    }
}
