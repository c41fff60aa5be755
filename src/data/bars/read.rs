//! Files of bars and contexts, told by how they begin.

use super::answers;
use super::ctx::{Ctx, CtxTable};
use super::kind::Kind;
use super::log::Log;
use super::series::AllBars;
use super::table::Table;
use crate::data::named::first_of_name;
use crate::data::source::{Line, LineReader};
use botmm_pipeline::types::Coin;
use std::io;
use std::path::Path;

/// The longest file of JSON, unpacked: a year of minutes has half of it.
const MAX_JSON_BYTES: u64 = 128 << 20;

/// What a file holds.
enum Found {
    Answers,
    Candles(Table),
    Contexts(CtxTable),
}

/// Takes a context of a coin; in words why it cannot.
pub type OnCtx<'a> = dyn FnMut(Coin, Ctx) -> Result<(), String> + 'a;

/// Reads a file; [`None`] when it is of another kind, in words why it holds none that are read.
///
/// # Errors
/// It cannot be read.
pub fn read(
    path: &Path,
    bars: &mut AllBars,
    log: &mut Log,
    on_ctx: &mut OnCtx<'_>,
) -> io::Result<Option<Result<(), String>>> {
    let mut source = LineReader::open(path)?;
    let head = source.head()?;
    let header = head.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
    let found = if answers::begins(head) {
        Ok(Found::Answers)
    } else if let Some(table) = Table::new(header) {
        table.map(Found::Candles)
    } else if let Some(table) = CtxTable::new(header) {
        table.map(Found::Contexts)
    } else {
        return Ok(None);
    };
    Ok(Some(match found {
        Err(why) => Err(why),
        Ok(Found::Answers) => match source.rest_up_to(MAX_JSON_BYTES) {
            Ok(None) => Err(format!("more than {MAX_JSON_BYTES} bytes of JSON: split it")),
            Ok(Some(text)) => answers::read(&text, first_of_name(path), bars, log),
            Err(e) if is_damage(&e) => Err(format!("JSON that is cut short or damaged ({e})")),
            Err(e) => return Err(e),
        },
        Ok(Found::Candles(mut table)) => match coin_of_table(path, Kind::Candles) {
            None => Err(no_coin(Kind::Candles)),
            Some(coin) => {
                rows(&mut source, log, |line| table.row(line).map(|bar| bars.insert(coin, bar)))?;
                Ok(())
            }
        },
        Ok(Found::Contexts(mut table)) => {
            let named = coin_of_table(path, Kind::Ctxs);
            rows(&mut source, log, |line| {
                let (told, ctx) = table.row(line)?;
                let coin = told.or(named).ok_or_else(|| no_coin(Kind::Ctxs))?;
                on_ctx(coin, ctx)
            })?;
            Ok(())
        }
    }))
}

/// Hands on each row below the header, and counts those that are not sound.
fn rows(
    source: &mut LineReader,
    log: &mut Log,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
) -> io::Result<()> {
    let (mut line, mut number, mut is_below) = (Vec::new(), 0, false);
    loop {
        number += 1;
        let next = source.next_line(&mut line);
        let is_last = next.is_err();
        let why = match next {
            Ok(Line::End) => return Ok(()),
            Ok(_) if line.trim_ascii().is_empty() => continue,
            Ok(_) if !std::mem::replace(&mut is_below, true) => continue,
            Ok(Line::Whole) => each(&line).err(),
            Ok(Line::Cut) => {
                Some("the last line has no end: the file is cut short there".to_owned())
            }
            Ok(Line::TooLong) => Some("longer than any such line".to_owned()),
            Err(e) if is_damage(&e) => {
                Some(format!("the file is cut short or damaged there ({e})"))
            }
            Err(e) => return Err(e),
        };
        log.items += 1;
        if let Some(why) = why {
            log.skip(number, &why);
        }
        if is_last {
            return Ok(()); // Nothing more can be read of it.
        }
    }
}

/// Whether what is packed is damaged, and not the disk.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// The coin of a table by its name: `candles_COIN.csv`, or `COIN.csv`.
fn coin_of_table(path: &Path, kind: Kind) -> Option<Coin> {
    let name = path.file_name()?.to_str()?;
    let rest = name.strip_prefix(kind.stem()).and_then(|rest| rest.strip_prefix('_'));
    rest.map_or_else(|| first_of_name(path), |rest| Coin::new(rest.split(['_', '.']).next()?))
}

fn no_coin(kind: Kind) -> String {
    format!("{} of no coin by its name: call it {}_COIN.csv", kind.words(), kind.stem())
}
