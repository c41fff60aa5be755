//! Where bars and funding rates come from: files of whatever form is read, or a venue that is asked.

use crate::data::DataError;
use crate::data::bars::ctx::Ctx;
use crate::data::bars::interval::Interval;
use crate::data::bars::log::Log;
use crate::data::bars::read::read;
use crate::data::bars::series::AllBars;
use crate::data::bars::{Bar, answers};
use crate::exit::AppError;
use crate::masked::masked;
use crate::report::DataFile;
use crate::sha256;
use botmm_pipeline::types::decimal::read_rate;
use botmm_pipeline::types::{Coin, Nanos};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The venue keeps no more bars of an interval (PROTOCOL §2).
pub const MOST_BARS: i64 = 5_000;

/// What was gathered.
#[derive(Debug, Default)]
pub struct Gathered {
    /// All bars.
    pub bars: AllBars,
    /// What funding paid from each moment on, by coin; units of 1e-10 an hour.
    pub rates: BTreeMap<String, Vec<(Nanos, i64)>>,
    /// The files.
    pub files: Vec<DataFile>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Gathered {
    /// Takes in files, and the files of folders.
    ///
    /// # Errors
    /// One cannot be read, holds no bars, or is mostly unsound.
    pub fn files(&mut self, paths: &[PathBuf], allow_unsound: bool) -> Result<(), DataError> {
        for path in paths {
            let unreadable = |source| DataError::Unreadable { path: path.clone(), source };
            if !path.exists() {
                return Err(DataError::Missing { path: path.clone() });
            }
            if !path.is_dir() {
                if !self.file(path, allow_unsound)? {
                    let why = format!("{}, candles_COIN.csv or ctxs_COIN.csv", answers::EXPECTED);
                    return Err(DataError::NotASource { path: path.clone(), why });
                }
                continue;
            }
            let entries = std::fs::read_dir(path).map_err(unreadable)?;
            let mut names: Vec<PathBuf> = entries
                .map(|entry| entry.map(|e| e.path()))
                .collect::<Result<_, _>>()
                .map_err(unreadable)?;
            names.sort();
            let mut others = 0;
            for name in names.iter().filter(|name| name.is_file()) {
                others += usize::from(!self.file(name, allow_unsound)?);
            }
            if others > 0 {
                let folder = path.display();
                self.notes
                    .push(format!("{folder}: {others} files are neither candles nor contexts"));
            }
        }
        Ok(())
    }

    /// Takes in a file; whether it holds bars or contexts.
    fn file(&mut self, path: &Path, allow_unsound: bool) -> Result<bool, DataError> {
        let unreadable = |source| DataError::Unreadable { path: path.to_owned(), source };
        let (mut log, rates) = (Log::default(), &mut self.rates);
        let mut on_ctx = |coin: Coin, ctx: Ctx| -> Result<(), String> {
            let rate = read_rate(ctx.funding().as_bytes()).map_err(|e| format!("funding: {e}"))?;
            rates.entry(coin.as_str().to_owned()).or_default().push((ctx.time(), rate));
            Ok(())
        };
        match read(path, &mut self.bars, &mut log, &mut on_ctx) {
            Ok(None) => return Ok(false),
            // Packed otherwise than its name says: nobody's bars.
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => return Ok(false),
            Err(e) => return Err(unreadable(e)),
            Ok(Some(Err(why))) => return Err(DataError::NotASource { path: path.to_owned(), why }),
            Ok(Some(Ok(()))) => {}
        }
        let name = path.display();
        if log.unsound * 2 > log.items && !allow_unsound {
            let first = log.named.first().map(|(line, why)| format!("line {line}: {why}"));
            return Err(DataError::Unsound {
                path: path.to_owned(),
                problem: format!("{} of {} bars are not sound", log.unsound, log.items),
                first: first.unwrap_or_default(),
            });
        }
        self.notes.extend(log.named.iter().map(|(line, why)| format!("{name}:{line}: {why}")));
        self.notes.extend(log.notes.iter().map(|note| format!("{name}: {note}")));
        self.files.push(DataFile {
            path: masked(&name.to_string()).into_owned(),
            sha256: sha256::of_file(path).map_err(unreadable)?,
            rows: log.items,
            skipped: log.unsound,
        });
        Ok(true)
    }

    /// The length of the bars: the one that was asked for, or the only one that there is.
    ///
    /// # Errors
    /// There are none, or several and none was chosen.
    pub fn interval(&self, asked: Option<Interval>) -> Result<Interval, AppError> {
        let found: BTreeSet<Interval> =
            self.bars.series.keys().map(|(_, interval)| *interval).collect();
        let names: Vec<&str> = found.iter().map(|interval| interval.name()).collect();
        match (asked, found.first()) {
            (Some(asked), _) if found.contains(&asked) => Ok(asked),
            (None, Some(only)) if found.len() == 1 => Ok(*only),
            (None, Some(_)) => Err(AppError::Usage(format!(
                "there are bars of {}; choose with --interval",
                names.join(", ")
            ))),
            (_, None) => {
                Err(AppError::data("bars", "there are none", "name files of candles, or --fetch"))
            }
            (Some(asked), _) => Err(AppError::Usage(format!(
                "there are no bars of {}, but of {}",
                asked.name(),
                names.join(", ")
            ))),
        }
    }

    /// The bars of a length by coin; says what of them is not in order.
    pub fn of(&mut self, interval: Interval) -> BTreeMap<String, Vec<Bar>> {
        let mut of = BTreeMap::new();
        for ((coin, _), series) in self.bars.series.iter().filter(|((_, i), _)| *i == interval) {
            self.notes.extend(series.notes(coin, interval));
            of.insert(coin.clone(), series.bars());
        }
        for rates in self.rates.values_mut() {
            rates.sort_by_key(|(at, _)| *at);
        }
        of
    }
}

/// A question to a venue.
pub type Ask<'a> = dyn FnMut(&Value) -> Result<Value, AppError> + 'a;

/// Asks for the bars of a coin that open in a span, page after page. One that is not over `now` is left out.
///
/// # Errors
/// The venue does not answer, or answers with something else.
pub fn fetch(
    ask: &mut Ask<'_>,
    (coin, interval): (&str, Interval),
    [from, to]: [Nanos; 2],
    now: Nanos,
    bars: &mut AllBars,
) -> Result<u64, AppError> {
    let odd = |why: String| {
        let what = format!("candles of {coin}");
        AppError::data(
            what,
            why,
            "check that the address is a Hyperliquid API; if it is, report this",
        )
    };
    let (mut start, mut pages) = (from, 0);
    while start <= to {
        let req = json!({ "coin": coin, "interval": interval.name(),
            "startTime": start.as_millis(), "endTime": to.as_millis() });
        let answer = ask(&json!({ "type": "candleSnapshot", "req": req }))?;
        pages += 1;
        let text = answer.to_string();
        // None, for a coin that it does not know.
        let page: Option<Vec<&RawValue>> = serde_json::from_str(&text)
            .map_err(|_| odd("the answer is no list of candles".to_owned()))?;
        let mut newest: Option<Nanos> = None;
        for one in page.unwrap_or_default() {
            let (of, bar) = answers::venue_bar(one.get().as_bytes()).map_err(odd)?;
            if of.as_str() != coin || bar.interval != interval {
                return Err(odd(format!("it told of {of} in bars of {}", bar.interval.name())));
            }
            newest = newest.max(Some(bar.candle.open_time));
            if bar.end() <= now {
                bars.insert(of, bar);
            }
        }
        // A page that brings nothing newer is the last.
        match newest.filter(|newest| *newest >= start) {
            Some(newest) => start = newest + interval.span(),
            None => break,
        }
    }
    Ok(pages)
}
