//! Which runs were repeated from their own captures, and whether each decided the same: the history that
//! `scripts/parity.sh` keeps, a line of JSON a run.

use super::model::{
    Cell, Chart, Command, Figure, Lines, Page, Plot, Point, Series, Shape, Table, Tone,
};
use super::run::rest::quoted;
use crate::exit::AppError;
use crate::files;
use crate::masked::masked;
use crate::report::number::grouped;
use crate::sha256;
use crate::when::utc_s;
use botmm_pipeline::types::Nanos;
use serde::Deserialize;
use std::path::Path;

/// The history's name in a folder of runs.
const HISTORY: &str = "parity.jsonl";
/// No history is longer.
const MAX_BYTES: u64 = 256 << 20;

/// A line of it.
#[derive(Debug, Deserialize)]
struct Repeated {
    run: String,
    said: Said,
}

/// What `botmm parity --json` said.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    verb: String,
    cycles: u64,
    from_ns: i64,
    to_ns: i64,
    verdict: String,
    why: Option<serde_json::Value>,
}

/// What can come of a repetition, in its words and ours.
const VERDICTS: [(&str, &str, Tone); 3] = [
    ("same", "all the same", Tone::Gain),
    ("differs", "a decision differs", Tone::Loss),
    ("not_comparable", "a part cannot be compared", Tone::Soft),
];

/// Whether a folder of runs holds a history.
pub fn is_one(folder: &Path) -> bool {
    folder.join(HISTORY).exists()
}

/// The page of a folder of runs.
///
/// # Errors
/// The history cannot be read.
pub fn page(folder: &Path) -> Result<Page, AppError> {
    let path = folder.join(HISTORY);
    let (all, torn) = read(&path)?;
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map_or_else(|| ".".into(), |name| name.to_string_lossy());
    let name = &*masked(&name);
    let count = |verdict: &str| all.iter().filter(|one| one.said.verdict == verdict).count();
    let (differ, unclear) = (count("differs"), all.len() - count("same") - count("differs"));
    let verdict = match (all.len(), differ, unclear) {
        (0, ..) => "No run was repeated yet.".to_owned(),
        (1, 0, 0) => "The one run was repeated, and every decision was the same.".to_owned(),
        (1, 0, _) => "The one run that was repeated could not be compared in whole.".to_owned(),
        (1, ..) => "The one run that was repeated decided otherwise.".to_owned(),
        (runs, 0, 0) => format!("{runs} runs were repeated, and every decision was the same."),
        (runs, 0, unclear) => format!(
            "Of {runs} runs that were repeated none decided otherwise, and {unclear} could not be compared in whole."
        ),
        (runs, differ, _) => {
            format!("Of {runs} runs that were repeated {differ} decided otherwise.")
        }
    };
    Ok(Page {
        title: format!("parity of the runs in {name}"),
        subtitle: "each live run repeated from its own capture".to_owned(),
        verdict,
        is_loss: differ > 0,
        warnings: torn,
        figures: vec![figure(&all), data(&path)?],
        commands: vec![Command {
            purpose: "This page, byte for byte, from the same history:".to_owned(),
            line: format!("botmm report {}", quoted(name)),
        }],
        ..Page::default()
    })
}

/// The history as a figure of another page.
///
/// # Errors
/// It cannot be read.
pub fn history(path: &Path) -> Result<(Figure, Vec<String>), AppError> {
    let (all, torn) = read(path)?;
    Ok((figure(&all), torn))
}

/// Its lines, and what cannot be read of it.
fn read(path: &Path) -> Result<(Vec<Repeated>, Vec<String>), AppError> {
    let text = files::read_text(path, MAX_BYTES).map_err(AppError::io(path, "read"))?;
    let (mut all, mut torn) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Repeated>(line) {
            Ok(repeated) => all.push(repeated),
            Err(e) => torn.push(format!("parity.jsonl:{}: passed over: {e}", at + 1)),
        }
    }
    all.sort_by(|a, b| (a.said.from_ns, &a.run).cmp(&(b.said.from_ns, &b.run)));
    Ok((all, torn))
}

fn figure(all: &[Repeated]) -> Figure {
    let mut figure = Figure {
        id: "parity",
        title: "Parity over time".to_owned(),
        how_to_read: "A dot is a live run that was repeated from its own capture, as high as it has duty cycles: green decided the same \
                      again, and a red one is a defect, in the code or in what was kept."
            .to_owned(),
        ..Figure::default()
    };
    if all.is_empty() {
        figure.absent = Some(
            "The history has no run yet: scripts/parity.sh repeats those that are over.".to_owned(),
        );
        return figure;
    }
    let mut series = Vec::new();
    for (code, name, tone) in VERDICTS {
        let of = all.iter().filter(|one| one.said.verdict == code);
        let points: Vec<Point> = of.map(|one| dot(one, name)).collect();
        if !points.is_empty() {
            series.push(Series { name: name.to_owned(), tone, shape: Shape::Dots, points });
        }
    }
    let lines = Lines { has_zero: true, series, ..Lines::default() };
    let chart = Chart::new("runs", "cycles", 0, Plot::Lines(lines));
    figure.charts.extend(Some(chart).filter(|chart| !chart.is_empty()));
    let mut table =
        Table::of(&["run", "began, UTC", "verb", "lasted, s", "cycles", "verdict", "why"]);
    for Repeated { run, said } in all.iter().rev() {
        let known = VERDICTS.iter().find(|(code, ..)| *code == said.verdict);
        let verdict = known.map_or(&*said.verdict, |(_, name, _)| *name);
        let why = match &said.why {
            None => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        table.rows.push(vec![
            Cell::text(masked(run)),
            Cell::text(utc_s(Nanos(said.from_ns))),
            Cell::text(&*said.verb),
            Cell::Number(Nanos(said.to_ns.saturating_sub(said.from_ns)).as_secs_f64(), 1, None),
            Cell::Count(said.cycles),
            Cell::text(verdict),
            Cell::text(masked(&why)),
        ]);
    }
    figure.table = Some(table);
    figure
}

fn dot(one: &Repeated, verdict: &str) -> Point {
    let says = format!("{}: {verdict}, {} cycles", masked(&one.run), grouped(one.said.cycles));
    let x = Nanos(one.said.from_ns).as_secs_f64();
    Point { says: Some(says), ..Point::at(x, one.said.cycles as f64) }
}

fn data(path: &Path) -> Result<Figure, AppError> {
    let mut table = Table::of(&["file", "sha256"]);
    let sha256 = sha256::of_file(path).map_err(AppError::io(path, "read"))?;
    table.rows.push([HISTORY, &*sha256].map(Cell::text).into());
    Ok(Figure {
        id: "data",
        title: "Data".to_owned(),
        how_to_read: "The file that this rests on, by the hash of its bytes.".to_owned(),
        table: Some(table),
        ..Figure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_history_says_which_runs_decided_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let line = |run: &str, verdict: &str, why: Option<&str>| {
            let from = 1_795_369_500_000_000_000_i64 + run.len() as i64 * 86_400_000_000_000;
            json!({"run": run, "code": 0, "said": {"verb": "paper", "cycles": 1_000 * run.len(), "from_ns": from,
                "to_ns": from + 300_000_000_000_i64, "verdict": verdict, "why": why}})
            .to_string()
        };
        let path = dir.path().join(HISTORY);
        let lines = [
            line("a", "same", None),
            line("bbb", "differs", Some("BTC <b>bid</b>")),
            "{\"run\":".to_owned(),
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        assert!(is_one(dir.path()));
        let page_ = page(dir.path()).unwrap();
        assert_eq!(page_.verdict, "Of 2 runs that were repeated 1 decided otherwise.");
        assert!(
            page_.warnings[0].starts_with("parity.jsonl:3: passed over"),
            "{:?}",
            page_.warnings
        );
        let figure = &page_.figures[0];
        let names: Vec<String> =
            figure.charts[0].numbers.rows.iter().map(|row| row[0].shown()).collect();
        assert_eq!(names, ["all the same", "a decision differs"]);
        let newest = &figure.table.as_ref().unwrap().rows[0];
        assert_eq!(
            [newest[0].shown(), newest[3].shown(), newest[4].shown()],
            ["bbb", "300.0", "3,000"]
        );
        assert!(!page_.to_html().contains("<b>bid"));
        std::fs::write(&path, line("a", "same", None)).unwrap();
        assert_eq!(
            page(dir.path()).unwrap().verdict,
            "The one run was repeated, and every decision was the same."
        );
        std::fs::write(&path, "").unwrap();
        assert!(page(dir.path()).unwrap().figures[0].absent.is_some());
    }
}
