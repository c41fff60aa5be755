//! A folder of CSV that `replay` reads: a file a coin and kind, both clocks, exact decimals.

use super::event::{Event, Sink};
use crate::data::bars::spool::{self, Spool};
use crate::data::pack::packer;
use crate::data::time::{LOCAL, Millis, Seconds, VENUE};
use crate::exit::AppError;
use crate::files::{NewFolder, Readers};
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{BookSnapshot, Coin, Level, MarketEvent, Side};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

type Packed = zstd::Encoder<'static, BufWriter<File>>;

/// See the module.
pub struct Folder {
    folder: NewFolder,
    files: HashMap<(Coin, usize), Csv>,
    line: String,
    fast_books: u64,
    levels: u64,
}

struct Csv {
    path: PathBuf,
    out: Packed,
    rows: u64,
}

/// Names of the files of each kind, in the order of [`MarketEvent::channel_rank`].
const STEMS: [&str; 3] = ["trades", "prices", "orderbooks"];

impl Folder {
    /// Makes a folder, beside its place until it is whole.
    ///
    /// # Errors
    /// Something is there already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, AppError> {
        let folder = NewFolder::create(path, Readers::All)?;
        let (files, line) = (HashMap::new(), String::new());
        Ok(Self { folder, files, line, fast_books: 0, levels: 0 })
    }

    /// Adds what lies beside books and trades: candles and contexts.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn beside(&mut self, spool: Spool) -> Result<(), AppError> {
        let packed = spool.finish().map_err(AppError::io(Path::new("memory"), "pack"))?;
        for spool::File { coin, kind, bytes, .. } in packed {
            let name = format!("{}_{coin}.csv.zst", kind.stem());
            let (path, mut file) = self.folder.file(&name)?;
            let written = file.write_all(&bytes).and_then(|()| file.sync_all());
            written.map_err(AppError::io(path, "write"))?;
        }
        Ok(())
    }

    fn file(&mut self, coin: Coin, kind: usize) -> Result<&mut Csv, AppError> {
        use std::collections::hash_map::Entry;
        match self.files.entry((coin, kind)) {
            Entry::Occupied(file) => Ok(file.into_mut()),
            Entry::Vacant(place) => {
                let name = format!("{}_{coin}.csv.zst", STEMS[kind]);
                let (path, file) = self.folder.file(&name)?;
                let mut csv = Csv::new(path, file)?;
                csv.write(&header(kind))?;
                Ok(place.insert(csv))
            }
        }
    }
}

impl Csv {
    fn new(path: PathBuf, file: File) -> Result<Self, AppError> {
        let out = packer(BufWriter::new(file)).map_err(AppError::io(&path, "write"))?;
        Ok(Self { path, out, rows: 0 })
    }

    fn write(&mut self, text: &str) -> Result<(), AppError> {
        self.out.write_all(text.as_bytes()).map_err(AppError::io(&self.path, "write"))
    }

    fn finish(self) -> Result<(), AppError> {
        let last = |out: Packed| {
            let file = out.finish()?.into_inner().map_err(|e| e.into_error())?;
            file.sync_all()
        };
        last(self.out).map_err(AppError::io(&self.path, "write"))
    }
}

impl Sink for Folder {
    fn take(&mut self, event: &Event) -> Result<(), AppError> {
        let kind = usize::from(event.data.channel_rank());
        self.levels += u64::from(matches!(event.data, MarketEvent::Level(_)));
        if kind >= STEMS.len() || matches!(event.data, MarketEvent::Level(_)) {
            return Ok(()); // There is no table for it.
        }
        self.fast_books += u64::from(matches!(&event.data, MarketEvent::Book(book) if book.fast));
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let file = self.file(event.coin, kind)?;
        file.rows += 1;
        // Writing to a string does not fail.
        let _ = row(&event.data, file.rows, &mut line);
        file.write(&line)?;
        self.line = line;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, AppError> {
        for csv in self.files.into_values() {
            csv.finish()?;
        }
        self.folder.finish()?;
        let fast = (self.fast_books > 0).then(|| fast_books(self.fast_books));
        let levels = (self.levels > 0).then(|| lone_levels(self.levels));
        Ok(fast.into_iter().chain(levels).collect())
    }
}

/// What of such books is lost where there is no place for it.
pub fn fast_books(count: u64) -> String {
    format!("that {count} books are fast ones, of which only the first levels were told")
}

/// The same of changes of levels, which have none either.
pub fn lone_levels(count: u64) -> String {
    format!(
        "{count} changes of single levels: hftbacktest's records (`--as npz`) have a place for them"
    )
}

/// The header of a file of a kind.
pub fn header(kind: usize) -> String {
    match kind {
        0 => format!("{LOCAL},price,size,side,trade_id,{VENUE}\n"),
        1 => format!("{LOCAL},price,size,side,{VENUE}\n"),
        _ => {
            let level = |i| format!(",bid_price_{i},bid_size_{i},ask_price_{i},ask_size_{i}");
            let levels: String = (0..BOOK_LEVELS).map(level).collect();
            format!("{LOCAL},sequence,{VENUE}{levels}\n")
        }
    }
}

/// The rows of an event.
fn row(event: &MarketEvent, sequence: u64, line: &mut String) -> std::fmt::Result {
    let (recv, venue) = (Seconds(event.recv_time()), Millis(event.venue_time()));
    match event {
        MarketEvent::Trade(trade) => {
            let side = if trade.aggressor == Side::Bid { "buy" } else { "sell" };
            writeln!(line, "{recv},{},{},{side},{},{venue}", trade.px, trade.qty, trade.tid)
        }
        MarketEvent::Bbo(bbo) => {
            for (side, Level { px, qty }) in [("bid", bbo.bid), ("ask", bbo.ask)] {
                writeln!(line, "{recv},{px},{qty},{side},{venue}")?;
            }
            Ok(())
        }
        MarketEvent::Book(book) => {
            write!(line, "{recv},{sequence},{venue}")?;
            levels(book, line)?;
            line.push('\n');
            Ok(())
        }
        MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => Ok(()),
    }
}

fn levels(book: &BookSnapshot, line: &mut String) -> std::fmt::Result {
    for i in 0..BOOK_LEVELS {
        for levels in [book.bids(), book.asks()] {
            match levels.get(i) {
                Some(Level { px, qty }) => write!(line, ",{px},{qty}")?,
                None => line.push_str(",,"),
            }
        }
    }
    Ok(())
}
