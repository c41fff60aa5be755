//! hftbacktest's event files: an array of 64-byte records, alone (`.npy`) or packed as `data` (`.npz`).
//!
//! | field | type | is |
//! |---|---|---|
//! | `ev` | u64 | what happened ([`DEPTH`]…), [`BUY`] or [`SELL`], and whose clock it is at: [`EXCH`], [`LOCAL`] or both |
//! | `exch_ts`, `local_ts` | i64 | nanoseconds, of the venue and of receipt |
//! | `px`, `qty` | f64 | price and size; a depth of size 0 is a level that is gone |
//! | `order_id`, `ival`, `fval` | u64, i64, f64 | of single orders; free; free |

use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes of a record.
pub const RECORD: usize = 64;

/// A level has this size now.
pub const DEPTH: u64 = 1;
/// A trade, by a taker who bought or sold.
pub const TRADE: u64 = 2;
/// Levels of a side, or of both, are gone, from the best to this price.
pub const CLEAR: u64 = 3;
/// A level of a whole book.
pub const SNAPSHOT: u64 = 4;
/// The best price of a side.
pub const BBO: u64 = 5;
/// Single orders begin here.
pub const ORDERS: u64 = 10;
/// The bits of the above.
pub const KIND: u64 = 0xff;
/// At the venue's clock.
pub const EXCH: u64 = 1 << 31;
/// At the clock of receipt.
pub const LOCAL: u64 = 1 << 30;
/// Of bids, or of a taker who bought.
pub const BUY: u64 = 1 << 29;
/// Of asks, or of a taker who sold.
pub const SELL: u64 = 1 << 28;

/// The one array of a packed file.
const MEMBER: &str = "data.npy";
pub const MAGIC: &[u8] = b"\x93NUMPY";
pub const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
const FIELDS: &str = "[('ev','<u8'),('exch_ts','<i8'),('local_ts','<i8'),('px','<f8'),('qty','<f8'),\
                      ('order_id','<u8'),('ival','<i8'),('fval','<f8')]";
/// Headers of arrays are not longer.
const MAX_HEADER: usize = 1 << 16;

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Record {
    /// See the module.
    pub ev: u64,
    /// The venue's time.
    pub exch_ts: i64,
    /// The time of receipt.
    pub local_ts: i64,
    /// Price.
    pub px: f64,
    /// Size.
    pub qty: f64,
    /// Of a trade its id at the venue, 0 = not told.
    pub ival: i64,
}

impl Record {
    /// As it lies in a file.
    pub fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let parts = [
            self.ev.to_le_bytes(),
            self.exch_ts.to_le_bytes(),
            self.local_ts.to_le_bytes(),
            self.px.to_le_bytes(),
            self.qty.to_le_bytes(),
            [0; 8],
            self.ival.to_le_bytes(),
            [0; 8],
        ];
        for (place, part) in bytes.chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part);
        }
        bytes
    }

    /// [`None`] when these are not so many bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD] = bytes.try_into().ok()?;
        let part = |i: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[8 * i..8 * i + 8]);
            part
        };
        Some(Self {
            ev: u64::from_le_bytes(part(0)),
            exch_ts: i64::from_le_bytes(part(1)),
            local_ts: i64::from_le_bytes(part(2)),
            px: f64::from_le_bytes(part(3)),
            qty: f64::from_le_bytes(part(4)),
            ival: i64::from_le_bytes(part(6)),
        })
    }
}

/// Writes a packed file of these records.
///
/// # Errors
/// It cannot be written.
pub fn write_npz(file: File, records: impl ExactSizeIterator<Item = Record>) -> io::Result<()> {
    let mut zip = ZipWriter::new(io::BufWriter::new(file));
    let packed = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1))
        .large_file(true);
    zip.start_file(MEMBER, packed)?;
    zip.write_all(&header(records.len()))?;
    for record in records {
        zip.write_all(&record.to_bytes())?;
    }
    let file = zip.finish()?.into_inner().map_err(|e| e.into_error())?;
    file.sync_all()
}

/// The header of an array of so many records.
fn header(records: usize) -> Vec<u8> {
    let about = format!("{{'descr': {FIELDS}, 'fortran_order': False, 'shape': ({records},), }}");
    // Magic, version, length and text are a multiple of 64 bytes together.
    let front = MAGIC.len() + 4;
    let padding = RECORD - (front + about.len() + 1) % RECORD;
    let text = format!("{about}{}\n", " ".repeat(padding));
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header
}

/// Opens a file and reads up to its first record; in words why there is none.
///
/// # Errors
/// It cannot be read.
pub fn open(path: &Path) -> io::Result<Result<Box<dyn Read>, String>> {
    let mut file = crate::files::open(path)?;
    let mut magic = [0; ZIP_MAGIC.len()];
    let is_zip = file.read_exact(&mut magic).is_ok() && magic == ZIP_MAGIC;
    file.seek(SeekFrom::Start(0))?;
    let array: Box<dyn Read> = match is_zip {
        true => match unpacked(file) {
            Ok(array) => array,
            Err(why) => return Ok(Err(why)),
        },
        false => Box::new(BufReader::new(file)),
    };
    Ok(past_header(array))
}

/// The array of a packed file, unpacked as it is read.
fn unpacked(mut file: File) -> Result<Box<dyn Read>, String> {
    let damaged =
        |e: &dyn std::fmt::Display| format!("a zip file that is cut short or damaged: {e}");
    let (start, packed, method) = {
        let mut zip = ZipArchive::new(&mut file).map_err(|e| damaged(&e))?;
        let names: Vec<String> = zip.file_names().flatten().map(Cow::into_owned).collect();
        let name = names.iter().find(|name| *name == MEMBER);
        let name = name.or_else(|| names.iter().find(|name| name.ends_with(".npy")));
        let name = name.ok_or("a zip file without an array (.npy) in it")?;
        let member = zip.by_name(name).map_err(|e| damaged(&e))?;
        let start = member.data_start().ok_or_else(|| damaged(&"no data"))?;
        (start, member.compressed_size(), member.compression())
    };
    file.seek(SeekFrom::Start(start)).map_err(|e| damaged(&e))?;
    let packed = BufReader::new(file.take(packed));
    match method {
        CompressionMethod::Stored => Ok(Box::new(packed)),
        CompressionMethod::Deflated => Ok(Box::new(BufReader::new(DeflateDecoder::new(packed)))),
        other => {
            Err(format!("packed by {other}, not by deflate: save it with numpy.savez_compressed"))
        }
    }
}

fn past_header(mut array: Box<dyn Read>) -> Result<Box<dyn Read>, String> {
    let cut = |e: io::Error| format!("a NumPy file that is cut short or damaged: {e}");
    let mut front = [0; 8];
    array.read_exact(&mut front).map_err(cut)?;
    if !front.starts_with(MAGIC) {
        return Err("not a NumPy array".to_owned());
    }
    let length = if front[6] == 1 {
        let mut length = [0; 2];
        array.read_exact(&mut length).map_err(cut)?;
        usize::from(u16::from_le_bytes(length))
    } else {
        let mut length = [0; 4];
        array.read_exact(&mut length).map_err(cut)?;
        u32::from_le_bytes(length) as usize
    };
    if length > MAX_HEADER {
        return Err(cut(io::Error::other("its header makes no sense")));
    }
    let mut text = vec![0; length];
    array.read_exact(&mut text).map_err(cut)?;
    let text: String = String::from_utf8_lossy(&text).split_whitespace().collect();
    let has_our_fields = text.contains(FIELDS);
    if !has_our_fields || !text.contains("'fortran_order':False") {
        let has = crate::masked::excerpt(text.as_bytes());
        return Err(format!(
            "a NumPy array of `{has}`; expected hftbacktest's event records: ev, exch_ts, local_ts, px, \
             qty, order_id, ival, fval"
        ));
    }
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_what_numpy_writes() {
        for records in [0, 7, 1_234_567] {
            let header = header(records);
            assert_eq!(header.len() % RECORD, 0);
            assert_eq!(usize::from(header[8]) + usize::from(header[9]) * 256, header.len() - 10);
            assert_eq!(header.last(), Some(&b'\n'));
            let text = String::from_utf8_lossy(&header[10..]);
            assert!(text.contains(&format!("'shape': ({records},), }}")), "{text}");
            let left = past_header(Box::new(io::Cursor::new(header)));
            assert!(left.is_ok_and(|mut rest| rest.read(&mut [0; 9]).is_ok_and(|n| n == 0)));
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let record =
            Record { ev: EXCH | BUY | 1, exch_ts: -1, local_ts: 7, px: 0.1, qty: 1e-8, ival: -9 };
        assert_eq!(Record::from_bytes(&record.to_bytes()), Some(record));
        assert_eq!(Record::from_bytes(&[0; 63]), None);
    }
}
