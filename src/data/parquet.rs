//! Parquet, read as the CSV that it could have been ([`columns`](super::columns)): its rows go through the
//! reader of our CSV and pass the same gate.

use super::Progress;
use super::columns::Table;
use super::csv::{Reader, USUAL_TIMES, end};
use super::error::DataError;
use super::frames::{PROGRESS_LINES, finish, open};
use super::hygiene::Intake;
use super::report::{FileLog, FileReport, LoadReport};
use super::scan::{CsvKind, DataFile};
use botmm_pipeline::types::AssetId;
use botmm_pipeline::types::limits::BOOK_LEVELS;

/// Reads one file.
///
/// # Errors
/// It is none, lacks a column, or most of it is unsound.
pub fn read(
    file: &DataFile,
    kind: CsvKind,
    (coin, asset): (&str, AssetId),
    intake: &mut Intake,
    report: &mut LoadReport,
    bar: &Progress<'_>,
) -> Result<FileReport, DataError> {
    let mut log = FileLog::new(&file.path, report);
    let not_one = |why| DataError::NotARecording { path: file.path.clone(), why };
    let table = Table::open(&file.path).map_err(not_one)?;
    let mut reader = Reader::new(&file.path, kind, asset, USUAL_TIMES, table.header().as_bytes())?;
    let (mut line, mut is_deep) = (Vec::new(), false);
    let read = table.rows(|number, row| {
        log.rows += 1;
        if number.is_multiple_of(PROGRESS_LINES) {
            let rows = u128::from(table.file_rows.max(number));
            bar.within((u128::from(file.bytes) * u128::from(number) / rows) as u64);
        }
        if row.coin().is_some_and(|name| name != coin.as_bytes()) {
            log.other_coins += 1;
            return true;
        }
        let read = match row.line(&mut line, &mut is_deep) {
            Ok(()) => reader.row(number, &line, &mut |event, place| intake.admit(event, place)),
            Err(why) => Err((number, 1, why)),
        };
        if let Err((line, rows, why)) = read {
            log.skip(line, rows, &why);
        }
        true
    });
    if let Err(why) = read {
        log.rows += 1;
        let number = log.rows + 1;
        log.skip(number, 1, &format!("the file is damaged ({why})"));
    }
    if is_deep {
        log.warn(&format!("more than {BOOK_LEVELS} levels: the deeper are not used"));
    }
    if !table.has_local_time() {
        log.warn(
            "no time of receipt: the venue's is taken for it; `--feed 50ms` is a feed so late",
        );
    }
    if log.rows == 0 {
        log.warn("no rows in this file");
    }
    end(&mut reader, intake, &mut log);
    intake.end_file(&mut log)?;
    finish(file, open(file)?, log)
}
