//! The columns of our CSV as Parquet, a file a coin and kind. Written by the columns that the `parquet`
//! crate has anyway: Arrow would be a dozen crates more for what are three flat tables.

use super::double::Doubles;
use crate::data::import::event::{Event, Sink};
use crate::data::import::folder::{fast_books, lone_levels};
use crate::data::time::{LOCAL, VENUE};
use crate::exit::AppError;
use crate::files::{NewFolder, Readers};
use botmm_pipeline::types::limits::BOOK_LEVELS;
use botmm_pipeline::types::{Coin, Level, MarketEvent, Side};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are held, and lie in one group.
const GROUP_ROWS: usize = 16_384;
/// Names of the files of each kind, in the order of [`MarketEvent::channel_rank`].
const STEMS: [&str; 3] = ["trades", "prices", "orderbooks"];

/// See the module.
pub struct Tables {
    folder: NewFolder,
    files: HashMap<(Coin, usize), Table>,
    doubles: Doubles,
    fast_books: u64,
    levels: u64,
}

/// One file.
struct Table {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    columns: Vec<Values>,
    rows: usize,
    /// Rows of the groups before.
    written: usize,
}

/// The values of a column that are not written yet.
enum Values {
    Int(Vec<i64>),
    /// [`None`] = no level there.
    Double(Vec<Option<f64>>),
    Text(Vec<ByteArray>),
}

impl Tables {
    /// Makes a folder, beside its place until it is whole.
    ///
    /// # Errors
    /// Something is there already, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, AppError> {
        let folder = NewFolder::create(path, Readers::All)?;
        let (files, doubles) = (HashMap::new(), Doubles::default());
        Ok(Self { folder, files, doubles, fast_books: 0, levels: 0 })
    }

    fn table(&mut self, coin: Coin, kind: usize) -> Result<&mut Table, AppError> {
        use std::collections::hash_map::Entry;
        match self.files.entry((coin, kind)) {
            Entry::Occupied(table) => Ok(table.into_mut()),
            Entry::Vacant(place) => {
                let (path, file) = self.folder.file(&format!("{}_{coin}.parquet", STEMS[kind]))?;
                let table = Table::new(path.clone(), file, kind);
                Ok(place.insert(table.map_err(AppError::io(path, "write"))?))
            }
        }
    }
}

impl Sink for Tables {
    fn take(&mut self, event: &Event) -> Result<(), AppError> {
        let kind = usize::from(event.data.channel_rank());
        self.levels += u64::from(matches!(event.data, MarketEvent::Level(_)));
        if kind >= STEMS.len() || matches!(event.data, MarketEvent::Level(_)) {
            return Ok(()); // There is no table for it.
        }
        let mut doubles = std::mem::take(&mut self.doubles);
        self.fast_books += u64::from(matches!(&event.data, MarketEvent::Book(book) if book.fast));
        let table = self.table(event.coin, kind)?;
        table.push(&event.data, &mut doubles);
        let full = if table.rows >= GROUP_ROWS { table.write_group() } else { Ok(()) };
        full.map_err(AppError::io(&table.path, "write"))?;
        self.doubles = doubles;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, AppError> {
        for table in self.files.into_values() {
            let path = table.path.clone();
            table.finish().map_err(AppError::io(path, "write"))?;
        }
        self.folder.finish()?;
        let fast = (self.fast_books > 0).then(|| fast_books(self.fast_books));
        let levels = (self.levels > 0).then(|| lone_levels(self.levels));
        Ok(fast.into_iter().chain(levels).chain(self.doubles.lost()).collect())
    }
}

impl Table {
    fn new(path: PathBuf, file: File, kind: usize) -> io::Result<Self> {
        let (schema, columns) = layout(kind);
        let schema = Arc::new(parse_message_type(&schema).map_err(failed)?);
        let level = ZstdLevel::try_new(1).map_err(failed)?;
        let packed = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(packed)).map_err(failed)?;
        Ok(Self { path, writer, columns, rows: 0, written: 0 })
    }

    fn push(&mut self, event: &MarketEvent, doubles: &mut Doubles) {
        match event {
            MarketEvent::Trade(trade) => {
                let side = if trade.aggressor == Side::Bid { "buy" } else { "sell" };
                let level = Level { px: trade.px, qty: trade.qty };
                let mut row = self.row();
                row.int(event.recv_time().0);
                row.level(&level, doubles);
                row.text(side);
                row.text(&trade.tid.to_string());
                row.int(event.venue_time().0);
            }
            MarketEvent::Bbo(bbo) => {
                for (side, level) in [("bid", &bbo.bid), ("ask", &bbo.ask)] {
                    let mut row = self.row();
                    row.int(event.recv_time().0);
                    row.level(level, doubles);
                    row.text(side);
                    row.int(event.venue_time().0);
                }
            }
            MarketEvent::Book(book) => {
                let sequence = (self.written + self.rows + 1) as i64;
                let mut row = self.row();
                row.int(event.recv_time().0);
                row.int(sequence);
                row.int(event.venue_time().0);
                for i in 0..BOOK_LEVELS {
                    for side in Side::BOTH {
                        let level = book.side(side).get(i).copied().unwrap_or_default();
                        row.level(&level, doubles);
                    }
                }
            }
            MarketEvent::Status(_) | MarketEvent::Mark(_) | MarketEvent::Level(_) => {}
        }
    }

    fn row(&mut self) -> Row<'_> {
        self.rows += 1;
        Row { columns: self.columns.iter_mut() }
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for values in &mut self.columns {
            let Some(mut column) = group.next_column().map_err(failed)? else { break };
            values.write(column.untyped()).map_err(failed)?;
            column.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.written, self.rows) = (self.written + self.rows, 0);
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.into_inner().map_err(failed)?.sync_all()
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The places of the next row, from left to right.
struct Row<'a> {
    columns: std::slice::IterMut<'a, Values>,
}

impl Row<'_> {
    fn int(&mut self, value: i64) {
        let Some(Values::Int(all)) = self.columns.next() else {
            unreachable!("no whole number here")
        };
        all.push(value);
    }

    fn text(&mut self, value: &str) {
        let Some(Values::Text(all)) = self.columns.next() else { unreachable!("no text here") };
        all.push(value.into());
    }

    /// Price and size; both are missing where there is no level.
    fn level(&mut self, level: &Level, doubles: &mut Doubles) {
        for raw in [level.px.raw(), level.qty.raw()] {
            let Some(Values::Double(all)) = self.columns.next() else {
                unreachable!("no number here")
            };
            all.push(level.qty.is_positive().then(|| doubles.of(raw)));
        }
    }
}

impl Values {
    /// Writes them, and has none after it.
    fn write(&mut self, column: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        match (self, column) {
            (Self::Int(all), ColumnWriter::Int64ColumnWriter(out)) => {
                out.write_batch(all, None, None)?;
                all.clear();
            }
            (Self::Double(all), ColumnWriter::DoubleColumnWriter(out)) => {
                let there: Vec<f64> = all.iter().flatten().copied().collect();
                let levels: Vec<i16> = all.iter().map(|value| i16::from(value.is_some())).collect();
                out.write_batch(&there, Some(&levels), None)?;
                all.clear();
            }
            (Self::Text(all), ColumnWriter::ByteArrayColumnWriter(out)) => {
                out.write_batch(all, None, None)?;
                all.clear();
            }
            _ => return Err(ParquetError::General("a column of another type".to_owned())),
        }
        Ok(())
    }
}

/// The schema of a kind, and its columns.
fn layout(kind: usize) -> (String, Vec<Values>) {
    let time = |name: &str| format!("required int64 {name} (TIMESTAMP(NANOS,true)); ");
    let level = |px: &str, qty: &str| format!("optional double {px}; optional double {qty}; ");
    let text = |name: &str| format!("required binary {name} (STRING); ");
    let fields = match kind {
        0 => [time(LOCAL), level("price", "size"), text("side"), text("trade_id"), time(VENUE)]
            .concat(),
        1 => [time(LOCAL), level("price", "size"), text("side"), time(VENUE)].concat(),
        _ => {
            let level = |i: usize| {
                let side =
                    |side: &str| level(&format!("{side}_price_{i}"), &format!("{side}_size_{i}"));
                side("bid") + &side("ask")
            };
            let levels: String = (0..BOOK_LEVELS).map(level).collect();
            [time(LOCAL), "required int64 sequence; ".to_owned(), time(VENUE), levels].concat()
        }
    };
    let columns = fields.split_terminator("; ").map(|field| match field.split(' ').nth(1) {
        Some("int64") => Values::Int(Vec::new()),
        Some("double") => Values::Double(Vec::new()),
        _ => Values::Text(Vec::new()),
    });
    (format!("message botmm {{ {fields} }}"), columns.collect())
}
