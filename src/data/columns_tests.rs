//! Parquet files of our own, whole and damaged.

use super::*;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use rand::{RngExt as _, SeedableRng as _};
use std::sync::Arc;

const ROWS: usize = 700;

/// Books in lists of structs, the third row without a bid, every fourth ask's size a null.
fn file(packed: Compression) -> Vec<u8> {
    let side = |name: &str| {
        format!(
            "optional group {name} (LIST) {{ repeated group list {{ optional group element {{ \
             required binary px (UTF8); optional double sz; }} }} }}"
        )
    };
    let schema =
        format!("message m {{ required int64 time_ms; {} {} }}", side("bids"), side("asks"));
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let props = WriterProperties::builder().set_compression(packed).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(props)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = 0;
    while let Some(mut writer) = group.next_column().unwrap() {
        let (mut px, mut sz, mut def, mut rep) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let is_ask = column > 2;
        for row in 0..ROWS {
            if row == 2 && !is_ask {
                def.push(0);
                rep.push(0);
                continue;
            }
            for level in 0..1 + row % 3 {
                rep.push(i16::from(level > 0));
                px.push(ByteArray::from(format!("{row}.{level}").as_str()));
                let is_null = is_ask && row % 4 == 0;
                let depth = if column % 2 == 0 && column > 0 { 4 - i16::from(is_null) } else { 3 };
                def.push(depth);
                sz.extend((!is_null).then_some(0.1 + level as f64));
            }
        }
        let (def, rep) = (Some(def.as_slice()), Some(rep.as_slice()));
        let written = match writer.untyped() {
            ColumnWriter::Int64ColumnWriter(w) => {
                let times: Vec<i64> = (0..ROWS as i64).collect();
                w.write_batch(&times, None, None).unwrap()
            }
            ColumnWriter::ByteArrayColumnWriter(w) => w.write_batch(&px, def, rep).unwrap(),
            ColumnWriter::DoubleColumnWriter(w) => w.write_batch(&sz, def, rep).unwrap(),
            _ => 0,
        };
        assert!(written >= ROWS / 2);
        writer.close().unwrap();
        column += 1;
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn lines(bytes: &[u8]) -> Result<Vec<Result<String, String>>, String> {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), bytes).unwrap();
    let table = Table::open(path.path())?;
    let (mut lines, mut text, mut is_deep) = (Vec::new(), Vec::new(), false);
    table.rows(|number, row| {
        assert_eq!(number, lines.len() as u64 + 2);
        let line = row.line(&mut text, &mut is_deep);
        lines.push(line.map(|()| String::from_utf8_lossy(&text).into_owned()));
        true
    })?;
    Ok(lines)
}

#[test]
fn rows_are_those_that_were_written() {
    for packed in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW] {
        let read = lines(&file(packed)).unwrap();
        assert_eq!(read.len(), ROWS);
        for (row, line) in read.into_iter().enumerate() {
            let levels = |is_ask: bool| {
                let is_empty = row == 2 && !is_ask;
                let is_null = is_ask && row % 4 == 0;
                let level = move |l: usize| match l < 1 + row % 3 && !is_empty {
                    true if is_null => format!("{row}.{l},"),
                    true => format!("{row}.{l},{:?}", 0.1 + l as f64),
                    false => ",".to_owned(),
                };
                (0..BOOK_LEVELS).map(level)
            };
            let levels = levels(false).zip(levels(true)).map(|(bid, ask)| format!(",{bid},{ask}"));
            let expected = format!("{row},{row}{}", levels.collect::<String>());
            assert_eq!(line, Ok(expected));
        }
    }
}

#[test]
fn a_damaged_file_ends_in_words() {
    let seed: u64 = rand::random();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let good =
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(Default::default())]
            .map(file);
    let mut read = 0;
    for _ in 0..400 {
        let mut bad = good[rng.random_range(0..good.len())].clone();
        for _ in 0..rng.random_range(1..4) {
            // The tail says what the file is made of.
            let back = rng.random_range(0..bad.len()).min(rng.random_range(0..bad.len()));
            let at = bad.len() - 1 - back;
            bad[at] = rng.random();
        }
        if rng.random_range(0..4) == 0 {
            bad.truncate(rng.random_range(0..bad.len()));
        }
        match lines(&bad) {
            Ok(_) => read += 1,
            Err(why) => assert!(!why.is_empty() && !why.contains('\n'), "seed {seed}: {why}"),
        }
    }
    assert!(read > 2, "seed {seed}: {read}");
}

/// A file that is a footer alone: so many elements of a schema, each a group of so many.
fn footer(elements: u32, children: u8) -> Vec<u8> {
    // Field 1, a whole number; field 2, a list of structs of so many.
    let mut thrift = vec![0x15, 2, 0x19, 0xfc];
    let mut count = elements;
    while count >= 0x80 {
        thrift.push(count as u8 | 0x80);
        count >>= 7;
    }
    thrift.push(count as u8);
    for _ in 0..elements {
        // Required, of a name, with children: fields 3, 4 and 5.
        thrift.extend([0x35, 0, 0x18, 1, b'a', 0x15]);
        thrift.extend(if children == u8::MAX {
            vec![0xfe, 0xff, 0xff, 0xff, 0x0f]
        } else {
            vec![2 * children]
        });
        thrift.push(0);
    }
    // Fields 3 and 4: no rows, no groups of them.
    thrift.extend([0x16, 0, 0x19, 0x0c, 0]);
    let length = (thrift.len() as u32).to_le_bytes();
    [b"PAR1", &thrift[..], &length, b"PAR1"].concat()
}

#[test]
fn counts_and_depths_are_not_taken_at_their_word() {
    for (elements, children) in [(200_000, 1), (3, u8::MAX), (3, 60)] {
        let why = lines(&footer(elements, children)).unwrap_err();
        assert!(why.ends_with("its schema makes no sense"), "{elements} of {children}: {why}");
    }
    let cut = footer(100, 1);
    for length in [u32::MAX, 1 << 20, 900] {
        let mut bad = cut.clone();
        let at = bad.len() - 8;
        bad[at..at + 4].copy_from_slice(&length.to_le_bytes());
        assert!(lines(&bad).is_err(), "{length}");
    }
    assert!(lines(b"PAR1").is_err() && lines(&[0xff; 64]).is_err());
}
