//! hftbacktest's event records ([`npy`](super::npy)), read as they are: every change of a level is an event.

use super::Progress;
use super::error::DataError;
use super::frames::{PROGRESS_LINES, finish, open};
use super::hygiene::{Intake, Place};
use super::import::event::{Event, Format as _};
use super::import::hft::Rows;
use super::npy::{self, RECORD};
use super::report::{FileLog, FileReport, LoadReport};
use super::scan::DataFile;
use botmm_pipeline::types::{AssetId, Coin, LevelChange, MarketEvent};
use std::collections::VecDeque;
use std::io::{BufReader, Read as _};

/// Reads one file; all of it is of this coin.
///
/// # Errors
/// It is none, or most of it is unsound.
pub fn read(
    file: &DataFile,
    (coin, asset): (Coin, AssetId),
    intake: &mut Intake,
    report: &mut LoadReport,
    bar: &Progress<'_>,
) -> Result<FileReport, DataError> {
    let mut log = FileLog::new(&file.path, report);
    let unreadable = |source| DataError::Unreadable { path: file.path.clone(), source };
    let records = npy::open(&file.path).map_err(unreadable)?;
    let not_one = |why| DataError::NotARecording { path: file.path.clone(), why };
    let mut records = BufReader::new(records.map_err(not_one)?);
    let (mut rows, mut ready, mut record) =
        (Rows::by_levels(coin), VecDeque::new(), Vec::with_capacity(RECORD));
    let mut is_over = false;
    while !is_over {
        record.clear();
        let read = records.by_ref().take(RECORD as u64).read_to_end(&mut record);
        let why = match read {
            Ok(0) => {
                is_over = true;
                rows.end(&mut ready);
                None
            }
            Ok(RECORD) => {
                log.rows += 1;
                rows.line(&record, &mut ready).err()
            }
            Ok(_) | Err(_) => {
                (log.rows, is_over) = (log.rows + 1, true);
                let why = read.err().map(|e| format!(" ({e})")).unwrap_or_default();
                Some(format!("the file is cut short or damaged there{why}"))
            }
        };
        let number = log.rows;
        if number.is_multiple_of(PROGRESS_LINES) {
            bar.within(number.saturating_mul(RECORD as u64).min(file.bytes));
        }
        let place = Place { line: number, rows: 1 };
        let mut why = why;
        // One that is refused does not keep those behind it out.
        for event in ready.drain(..) {
            let refused = intake.admit(&of(asset, event), place).err();
            why = why.or(refused);
        }
        if let Some(why) = why {
            log.skip(number, 1, &why);
        }
    }
    rows.notes().iter().for_each(|note| log.warn(note));
    intake.end_file(&mut log)?;
    finish(file, open(file)?, log)
}

/// The event of the coin, as one of the asset.
fn of(asset: AssetId, event: Event) -> MarketEvent {
    let mut event = event.data;
    match &mut event {
        MarketEvent::Book(book) => book.asset = asset,
        MarketEvent::Bbo(bbo) => bbo.asset = asset,
        MarketEvent::Trade(trade) => trade.asset = asset,
        MarketEvent::Level(LevelChange { asset: of, .. }) => *of = asset,
        MarketEvent::Status(_) | MarketEvent::Mark(_) => {}
    }
    event
}
