//! Rows of candles and contexts on their way into a folder: packed as they come, so that days of them are
//! held in little.

use super::ctx::Ctx;
use super::kind::{Beside, Kind};
use super::{Bar, answers, table};
use crate::data::pack::packer;
use crate::data::source::{Line, LineReader};
use botmm_pipeline::types::{Coin, Nanos, Universe};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

/// See the module.
#[derive(Default)]
pub struct Spool {
    files: BTreeMap<(String, Kind), Packed>,
    line: String,
    /// Frames that are not sound, and the first of them.
    unsound: u64,
    first: String,
}

struct Packed {
    out: zstd::Encoder<'static, Vec<u8>>,
    rows: u64,
}

/// A file that is whole.
pub struct File {
    /// Of which coin.
    pub coin: String,
    /// What its rows are.
    pub kind: Kind,
    /// How many.
    pub rows: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Spool {
    /// A state of a bar.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn bar(&mut self, coin: Coin, bar: &Bar) -> io::Result<()> {
        self.row((coin.as_str().to_owned(), Kind::Candles), |line| table::row(bar, line))
    }

    /// What was said of a coin.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn ctx(&mut self, coin: Coin, ctx: &Ctx) -> io::Result<()> {
        self.row((coin.as_str().to_owned(), Kind::Ctxs), |line| ctx.row(line))
    }

    /// Takes a frame of a feed when it holds a candle or a context; whether it does. Those of coins that are
    /// not in the universe are left.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn frame(
        &mut self,
        json: &[u8],
        recv_time: Nanos,
        universe: &Universe,
    ) -> io::Result<bool> {
        let is_ours = |coin: &Coin| universe.find(coin.as_bytes()).is_some();
        let is_of = |channel: &str| {
            let rest = json.strip_prefix(b"{\"channel\":\"");
            rest.and_then(|rest| rest.strip_prefix(channel.as_bytes()))
                .is_some_and(|rest| rest.starts_with(b"\""))
        };
        let taken = if is_of("candle") {
            match answers::of_frame(json, recv_time) {
                Ok((coin, bar)) if is_ours(&coin) => self.bar(coin, &bar).map(|()| None),
                other => Ok(other.err()),
            }
        } else if is_of("activeAssetCtx") {
            match Ctx::of_frame(json, recv_time) {
                Ok((coin, ctx)) if is_ours(&coin) => self.ctx(coin, &ctx).map(|()| None),
                other => Ok(other.err()),
            }
        } else {
            return Ok(false);
        };
        if let Some(why) = taken? {
            if self.unsound == 0 {
                self.first = why;
            }
            self.unsound += 1;
        }
        Ok(true)
    }

    /// The rows of a file of ours, as they stand there; in words why not.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn copy(&mut self, path: &Path, beside: &Beside) -> io::Result<Result<(), String>> {
        let (mut source, mut line, mut is_first) = (LineReader::open(path)?, Vec::new(), true);
        loop {
            match source.next_line(&mut line)? {
                Line::End => return Ok(Ok(())),
                _ if line.trim_ascii().is_empty() => {}
                _ if std::mem::take(&mut is_first) => {
                    if line != header(beside.kind).as_bytes() {
                        let words = beside.kind.words();
                        return Ok(Err(format!(
                            "{} {words} of {}: their columns are not ours; `import` reads them",
                            beside.rows,
                            path.display()
                        )));
                    }
                }
                _ => {
                    let text = String::from_utf8_lossy(&line);
                    self.row((beside.coin.clone(), beside.kind), |row| {
                        row.push_str(&text);
                        row.push('\n');
                    })?;
                }
            }
        }
    }

    fn row(&mut self, key: (String, Kind), write: impl FnOnce(&mut String)) -> io::Result<()> {
        use std::collections::btree_map::Entry;
        self.line.clear();
        let header = header(key.1);
        let file = match self.files.entry(key) {
            Entry::Occupied(file) => file.into_mut(),
            Entry::Vacant(place) => {
                let mut out = packer(Vec::new())?;
                out.write_all(header.as_bytes())?;
                out.write_all(b"\n")?;
                place.insert(Packed { out, rows: 0 })
            }
        };
        write(&mut self.line);
        file.rows += 1;
        file.out.write_all(self.line.as_bytes())
    }

    /// How many rows a kind has.
    pub fn rows(&self, kind: Kind) -> u64 {
        self.files.iter().filter(|((_, k), _)| *k == kind).map(|(_, file)| file.rows).sum()
    }

    /// In words what was not sound.
    pub fn lost(&self) -> Option<String> {
        (self.unsound > 0).then(|| {
            format!(
                "{} frames of candles or contexts that are not sound (first: {})",
                self.unsound, self.first
            )
        })
    }

    /// The files, each whole.
    ///
    /// # Errors
    /// One cannot be packed.
    pub fn finish(self) -> io::Result<Vec<File>> {
        let whole = |((coin, kind), file): ((String, Kind), Packed)| {
            Ok(File { coin, kind, rows: file.rows, bytes: file.out.finish()? })
        };
        self.files.into_iter().map(whole).collect()
    }
}

fn header(kind: Kind) -> &'static str {
    match kind {
        Kind::Candles => table::HEADER,
        Kind::Ctxs => super::ctx::HEADER,
    }
}
