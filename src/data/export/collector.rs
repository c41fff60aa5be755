//! Lines as hftbacktest's collector writes them for this venue: `LOCAL_NS JSON`, a file a coin. `replay`
//! reads them too.

use crate::data::import::event::{Event, Sink};
use crate::exit::AppError;
use crate::files::{NewFolder, Readers};
use botmm_pipeline::types::{Coin, Level, MarketEvent, Nanos, Side};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// The venue's hash of a trade that has none.
const NO_HASH: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

/// See the module.
pub struct Lines {
    folder: NewFolder,
    files: HashMap<Coin, (PathBuf, GzEncoder<BufWriter<File>>)>,
    line: String,
    finer_times: u64,
}

impl Lines {
    /// Makes a folder, beside its place until it is whole.
    ///
    /// # Errors
    /// Something is there already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, AppError> {
        let folder = NewFolder::create(path, Readers::All)?;
        Ok(Self { folder, files: HashMap::new(), line: String::new(), finer_times: 0 })
    }
}

impl Sink for Lines {
    fn take(&mut self, event: &Event) -> Result<(), AppError> {
        use std::collections::hash_map::Entry;
        self.line.clear();
        // Writing to a string does not fail.
        let _ = frame(event, &mut self.line);
        if self.line.is_empty() {
            return Ok(());
        }
        self.finer_times += u64::from(event.data.venue_time().0 % 1_000_000 != 0);
        let (path, out) = match self.files.entry(event.coin) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(place) => {
                let (path, file) = self.folder.file(&format!("{}.gz", event.coin))?;
                place.insert((path, GzEncoder::new(BufWriter::new(file), Compression::fast())))
            }
        };
        out.write_all(self.line.as_bytes()).map_err(AppError::io(&*path, "write"))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, AppError> {
        for (path, out) in self.files.into_values() {
            let last = |out: GzEncoder<BufWriter<File>>| {
                out.finish()?.into_inner().map_err(|e| e.into_error())?.sync_all()
            };
            last(out).map_err(AppError::io(&path, "write"))?;
        }
        self.folder.finish()?;
        let finer = (self.finer_times > 0).then(|| {
            format!(
                "what is finer than a millisecond of the venue's time, {} times",
                self.finer_times
            )
        });
        Ok(finer.into_iter().collect())
    }
}

/// The line of an event.
fn frame(event: &Event, line: &mut String) -> std::fmt::Result {
    let Event { coin, data } = event;
    let (Nanos(recv), ms) = (data.recv_time(), data.venue_time().as_millis());
    match data {
        MarketEvent::Trade(trade) => {
            let side = if trade.aggressor == Side::Bid { "B" } else { "A" };
            writeln!(
                line,
                "{recv} {{\"channel\":\"trades\",\"data\":[{{\"coin\":\"{coin}\",\"side\":\"{side}\",\
                 \"px\":\"{}\",\"sz\":\"{}\",\"time\":{ms},\"hash\":\"{NO_HASH}\",\"tid\":{}}}]}}",
                trade.px, trade.qty, trade.tid
            )
        }
        MarketEvent::Bbo(bbo) => {
            let front = "{\"channel\":\"bbo\",\"data\":{\"coin\":";
            write!(line, "{recv} {front}\"{coin}\",\"time\":{ms},\"bbo\":[")?;
            side(&[bbo.bid], line)?;
            line.push(',');
            side(&[bbo.ask], line)?;
            line.push_str("]}}\n");
            Ok(())
        }
        MarketEvent::Book(book) => {
            let front = "{\"channel\":\"l2Book\",\"data\":{\"coin\":";
            write!(line, "{recv} {front}\"{coin}\",\"time\":{ms},\"levels\":[[")?;
            side(book.bids(), line)?;
            line.push_str("],[");
            side(book.asks(), line)?;
            line.push_str(if book.fast { "]],\"fast\":true}}\n" } else { "]]}}\n" });
            Ok(())
        }
        MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => Ok(()),
    }
}

/// Levels, `null` for one that is none. How many orders a level has is not kept anywhere: one.
fn side(levels: &[Level], line: &mut String) -> std::fmt::Result {
    for (i, level) in levels.iter().enumerate() {
        if i > 0 {
            line.push(',');
        }
        match level.qty.is_positive() {
            true => write!(line, "{{\"px\":\"{}\",\"sz\":\"{}\",\"n\":1}}", level.px, level.qty)?,
            false => line.push_str("null"),
        }
    }
    Ok(())
}
