//! Candles and contexts: files that are read as a whole, and become files beside books and trades.

use super::event::can_name;
use super::file::FileRead;
use crate::data::bars::ctx::Ctx;
use crate::data::bars::log::Log;
use crate::data::bars::read;
use crate::data::bars::series::AllBars;
use crate::data::bars::spool::Spool;
use crate::data::error::DataError;
use crate::when::utc_s;
use botmm_pipeline::types::{Coin, Nanos};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

/// All that was read of them.
#[derive(Default)]
pub struct Beside {
    wanted: Vec<String>,
    bars: AllBars,
    contexts: Spool,
    counts: BTreeMap<String, Counts>,
    /// The last context of each coin, and how many were that again.
    last: HashMap<Coin, Ctx>,
    repeated: u64,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Of one coin.
#[derive(Default)]
struct Counts {
    contexts: u64,
    /// Of each length: states, the first open and the last.
    bars: BTreeMap<&'static str, (u64, Nanos, Nanos)>,
}

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Beside").field("bars", &self.bars).finish_non_exhaustive()
    }
}

impl Beside {
    /// Of these coins; of none = of all.
    pub fn of(symbols: &[String]) -> Self {
        Self { wanted: symbols.to_vec(), ..Self::default() }
    }

    /// Reads a file; [`None`] when it is of another kind, in words why it is none that is imported.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn add(&mut self, path: &Path) -> Result<Option<Result<FileRead, String>>, DataError> {
        let mut log = Log::default();
        let mut bars = std::mem::take(&mut self.bars);
        let read = read::read(path, &mut bars, &mut log, &mut |coin, ctx| {
            self.context(coin, ctx).map_err(|e| format!("cannot be packed: {e}"))
        });
        self.bars = bars;
        let read = match read {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            // Damaged or packed otherwise than named: so it is for who reads lines, too.
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Ok(None);
            }
            Err(source) => return Err(DataError::Unreadable { path: path.to_owned(), source }),
        };
        Ok(Some(read.map(|()| FileRead::of(path, log))))
    }

    fn context(&mut self, coin: Coin, ctx: Ctx) -> io::Result<()> {
        if !self.is_wanted(coin.as_str()) {
            return Ok(());
        }
        if self.last.get(&coin) == Some(&ctx) {
            self.repeated += 1;
            return Ok(());
        }
        self.contexts.ctx(coin, &ctx)?;
        self.last.insert(coin, ctx);
        self.counts.entry(coin.as_str().to_owned()).or_default().contexts += 1;
        Ok(())
    }

    fn is_wanted(&self, coin: &str) -> bool {
        can_name(coin) && (self.wanted.is_empty() || self.wanted.iter().any(|w| w == coin))
    }

    /// The end of all files: what they become.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn close(&mut self) -> io::Result<Spool> {
        let mut spool = std::mem::take(&mut self.contexts);
        for ((name, interval), series) in std::mem::take(&mut self.bars).series {
            let Some(coin) = Coin::new(&name).filter(|_| self.is_wanted(&name)) else { continue };
            self.notes.extend(series.notes(&name, interval));
            let counts = self.counts.entry(name).or_default();
            for bar in series.states() {
                spool.bar(coin, bar)?;
                let at = bar.candle.open_time;
                let known = counts.bars.entry(interval.name()).or_insert((0, at, at));
                *known = (known.0 + 1, known.1.min(at), known.2.max(at));
            }
        }
        if self.repeated > 0 {
            self.notes.push(format!(
                "{} contexts are the one before them again: once kept",
                self.repeated
            ));
        }
        Ok(spool)
    }

    /// The coins that were read.
    pub fn coins(&self) -> impl Iterator<Item = &String> {
        self.counts.keys().chain(self.bars.series.keys().map(|(coin, _)| coin))
    }

    /// Whether a coin has any.
    pub fn has(&self, coin: &str) -> bool {
        self.counts.contains_key(coin) || self.bars.series.keys().any(|(name, _)| name == coin)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// What was kept, a line each.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (coin, counts) in &self.counts {
            for (interval, (states, first, last)) in &counts.bars {
                let span = format!("{} to {}", utc_s(*first), utc_s(*last));
                text += &format!("kept     {coin}: {states} candles of {interval}, {span}\n");
            }
            if counts.contexts > 0 {
                text += &format!("kept     {coin}: {} contexts\n", counts.contexts);
            }
        }
        text
    }
}
