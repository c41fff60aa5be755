//! Our columns as Parquet, and books as lists: read to the same decisions as the CSV.

use super::{
    BOOKS, LEVELS, ROWS, Row, TRADE_HEADER, TRADES, book, book_header, books, essence, market,
    plain, replay, said, trade, trades,
};
use crate::common::Ended;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs;
use std::sync::Arc;
use tempfile::TempDir;

/// A column: its values, a row of lists each, of which a `null` is a blank. Of no list, each has one.
enum Column {
    Text(Vec<Vec<String>>),
    Double(Vec<Vec<String>>),
    Int(Vec<Vec<String>>),
    /// Lists of lists of two.
    Pairs(Vec<Vec<String>>),
}

impl Column {
    fn rows(&self) -> &[Vec<String>] {
        match self {
            Self::Text(rows) | Self::Double(rows) | Self::Int(rows) | Self::Pairs(rows) => rows,
        }
    }
}

/// A file of this schema, its rows in groups of so many.
fn file(schema: &str, columns: &[Column], packed: Compression, group: usize) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let props = WriterProperties::builder().set_compression(packed).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(props)).unwrap();
    let rows = columns[0].rows().len();
    for start in (0..rows).step_by(group) {
        let end = rows.min(start + group);
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let (rows, is_pairs) = (column.rows(), matches!(column, Column::Pairs(_)));
            let mut writer = group.next_column().unwrap().unwrap();
            let (mut values, mut def, mut rep) = (Vec::new(), Vec::new(), Vec::new());
            let depth = levels_of(&mut writer);
            for row in &rows[start..end] {
                for (i, value) in row.iter().enumerate() {
                    let is_null = value.is_empty();
                    def.push(if is_null { depth - 1 } else { depth });
                    let is_second = is_pairs && i % 2 == 1;
                    rep.push(i16::from(i > 0) + i16::from(is_second));
                    values.extend((!is_null).then_some(value.as_str()));
                }
                if row.is_empty() {
                    def.push(0);
                    rep.push(0);
                }
            }
            let (def, rep) = (Some(def.as_slice()), Some(rep.as_slice()));
            match writer.untyped() {
                ColumnWriter::ByteArrayColumnWriter(w) => {
                    let values: Vec<ByteArray> =
                        values.iter().map(|v| ByteArray::from(*v)).collect();
                    w.write_batch(&values, def, rep).unwrap();
                }
                ColumnWriter::DoubleColumnWriter(w) => {
                    let values: Vec<f64> = values.iter().map(|v| v.parse().unwrap()).collect();
                    w.write_batch(&values, def, rep).unwrap();
                }
                ColumnWriter::Int64ColumnWriter(w) => {
                    let values: Vec<i64> = values.iter().map(|v| v.parse().unwrap()).collect();
                    w.write_batch(&values, def, rep).unwrap();
                }
                _ => panic!("no test has such a column"),
            }
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// The definition level at which a value is there: one for each optional or repeated part.
fn levels_of(writer: &mut parquet::file::writer::SerializedColumnWriter<'_>) -> i16 {
    match writer.untyped() {
        ColumnWriter::ByteArrayColumnWriter(w) => w.get_descriptor().max_def_level(),
        ColumnWriter::DoubleColumnWriter(w) => w.get_descriptor().max_def_level(),
        ColumnWriter::Int64ColumnWriter(w) => w.get_descriptor().max_def_level(),
        _ => panic!("no test has such a column"),
    }
}

/// The columns of a CSV, those that hold no text as doubles.
fn of_csv(header: &str, rows: &[String], packed: Compression) -> Vec<u8> {
    let names: Vec<&str> = header.split(',').collect();
    let is_text = |name: &str| name == "side" || name == "trade_id";
    let field = |name: &&str| match is_text(name) {
        true => format!("optional binary {name} (UTF8);"),
        false => format!("optional double {name};"),
    };
    let schema = format!("message m {{ {} }}", names.iter().map(field).collect::<String>());
    let column = |i: usize| {
        let values = rows.iter().map(|row| vec![row.split(',').nth(i).unwrap().to_owned()]);
        let values = values.collect();
        if is_text(names[i]) { Column::Text(values) } else { Column::Double(values) }
    };
    file(&schema, &(0..names.len()).map(column).collect::<Vec<_>>(), packed, 50)
}

fn book_rows(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| book(row, LEVELS)).collect()
}

#[test]
fn our_columns_are_read_as_their_csv() {
    let (rows, plain) = (market(), plain());
    for packed in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4_RAW,
    ] {
        let books = of_csv(&book_header(LEVELS), &book_rows(&rows), packed);
        let trade_rows: Vec<String> = rows.iter().map(trade).collect();
        let trades = of_csv(TRADE_HEADER, &trade_rows, packed);
        let ended =
            replay(&[("orderbooks_BTC.parquet", &books), ("trades_BTC.parquet", &trades)], &[]);
        said(&ended, &[]);
        assert_eq!(essence(&ended.summary()), essence(&plain), "{packed}");
    }
}

#[test]
fn blank_and_padded_levels_are_empty() {
    let rows = market();
    let with = |pad: &str| {
        let line = |row: &Row| format!("{},{pad},{pad},{pad},{pad}", book(row, 2));
        let lines: Vec<String> = rows.iter().map(line).collect();
        let books = of_csv(&book_header(3), &lines, Compression::SNAPPY);
        let ended =
            replay(&[("orderbooks_BTC.parquet", &books), (TRADES, trades(&rows).as_bytes())], &[]);
        said(&ended, &[]);
        ended.summary()
    };
    let blank = with("");
    assert_eq!(essence(&with("NaN")), essence(&blank));
    assert_eq!(essence(&with("0.0")), essence(&blank));
}

/// The price (0) or size (1) of every level of a side, a list a row.
fn side(rows: &[Row], of: usize, what: usize) -> Vec<Vec<String>> {
    let level = |row: &Row, i: usize| super::level(row, i)[2 * of + what].clone();
    rows.iter().map(|row| (0..LEVELS).map(|i| level(row, i)).collect()).collect()
}

#[test]
fn books_in_lists_are_read_as_their_csv() {
    let rows = market();
    let one = |value: &dyn Fn(&Row) -> String| rows.iter().map(|r| vec![value(r)]).collect();
    let trades = trades(&rows);
    let list = |name: &str| {
        format!(
            "optional group {name} (LIST) {{ repeated group list {{ optional double element; }} }} "
        )
    };
    let lists = "message m { required binary coin (UTF8); required int64 time_chain; \
                 required int64 time_local; "
        .to_owned()
        + &["bid_prices", "bid_sizes", "ask_prices", "ask_sizes"].map(list).concat()
        + "}";
    let parallel = file(
        &lists,
        &[
            Column::Text(one(&|_| "BTC".to_owned())),
            Column::Int(one(&|row| format!("{}000", row.venue_ms))),
            Column::Int(one(&|row| format!("{}000", row.recv_ms))),
            Column::Double(side(&rows, 0, 0)),
            Column::Double(side(&rows, 0, 1)),
            Column::Double(side(&rows, 1, 0)),
            Column::Double(side(&rows, 1, 1)),
        ],
        Compression::SNAPPY,
        50,
    );
    let ended = replay(&[("day.parquet", &parallel), (TRADES, trades.as_bytes())], &[]);
    said(
        &ended,
        &["`timestamp` is read as unix micro", "`exchange_timestamp` is read as unix micro"],
    );
    assert_eq!(essence(&ended.summary()), essence(&plain()));

    // Of structs there is the venue's time alone: the CSV of the same has it twice.
    let structs = |name: &str| {
        format!(
            "optional group {name} (LIST) {{ repeated group list {{ optional group element {{ \
             required binary px (UTF8); required binary sz (UTF8); }} }} }} "
        )
    };
    let schema = format!(
        "message m {{ required int64 block_time_ms; {}{} }}",
        structs("bids"),
        structs("asks")
    );
    let of_structs = file(
        &schema,
        &[
            Column::Int(one(&|row| row.venue_ms.to_string())),
            Column::Text(side(&rows, 0, 0)),
            Column::Text(side(&rows, 0, 1)),
            Column::Text(side(&rows, 1, 0)),
            Column::Text(side(&rows, 1, 1)),
        ],
        Compression::UNCOMPRESSED,
        1_000,
    );
    let ended = replay(&[("BTC_2025-11-25.parquet", &of_structs)], &[]);
    said(&ended, &["no time of receipt: the venue's is taken", "is read as unix milliseconds"]);
    let at_once = |row: &Row| Row { recv_ms: row.venue_ms, ..row.clone() };
    let at_once: Vec<Row> = rows.iter().map(at_once).collect();
    let csv = replay(&[(BOOKS, books(&at_once).as_bytes())], &[]);
    assert_eq!(essence(&ended.summary()), essence(&csv.summary()));
}

/// Each layout of books that people have, with a coin in a column or in the name: through `replay`, and
/// through `import` and `replay`, to the decisions of the CSV.
#[test]
fn each_layout_is_read_and_imported_alike() {
    let rows = market();
    let one = |value: &dyn Fn(&Row) -> String| rows.iter().map(|r| vec![value(r)]).collect();
    let venue = |unit: &'static str| Column::Int(one(&|row| format!("{}{unit}", row.venue_ms)));
    let recv = |unit: &'static str| Column::Int(one(&|row| format!("{}{unit}", row.recv_ms)));
    let all = |column: &dyn Fn(Vec<Vec<String>>) -> Column| {
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(of, what)| column(side(&rows, of, what)))
    };
    let pairs = |of: usize| {
        let (prices, sizes) = (side(&rows, of, 0), side(&rows, of, 1));
        let pairs = prices.into_iter().zip(sizes);
        let flat = |(px, sz): (Vec<String>, Vec<String>)| {
            px.into_iter().zip(sz).flat_map(|(px, sz)| [px, sz]).collect()
        };
        Column::Pairs(pairs.map(flat).collect())
    };
    let list = |name: &str, of: &str| {
        format!("optional group {name} (LIST) {{ repeated group list {{ {of} }} }} ")
    };
    let doubles = |name: &str| list(name, "optional double element;");
    let texts = "optional group element { required binary px (UTF8); required binary sz (UTF8); }";
    let lists =
        "optional group element (LIST) { repeated group list { optional double element; } }";
    let schema =
        |times: &str, books: &[String]| format!("message m {{ {times} {} }}", books.concat());
    let layouts: [(&str, String, Vec<Column>); 4] = [
        (
            "a.parquet",
            schema(
                "required int64 time_chain; required int64 time_local; required binary coin (UTF8);",
                &["bid_prices", "bid_sizes", "ask_prices", "ask_sizes"].map(doubles),
            ),
            [venue("000"), recv("000"), Column::Text(one(&|_| "BTC".to_owned()))]
                .into_iter()
                .chain(all(&Column::Double))
                .collect(),
        ),
        (
            "BTC_2025-11-25.parquet",
            schema(
                "required int64 time_ms; required int64 recv_ms;",
                &["bids", "asks"].map(|name| list(name, lists)),
            ),
            vec![venue(""), recv(""), pairs(0), pairs(1)],
        ),
        (
            "BTC.parquet",
            schema(
                "required int64 ts_ms; required int64 recv_ts_ms;",
                &["bids_px", "bids_sz", "asks_px", "asks_sz"].map(doubles),
            ),
            [venue(""), recv("")].into_iter().chain(all(&Column::Double)).collect(),
        ),
        (
            "hl_BTC_1.parquet",
            schema(
                "required int64 block_time_ms; required int64 recv_ms;",
                &["bids", "asks"].map(|name| list(name, texts)),
            ),
            [venue(""), recv("")].into_iter().chain(all(&Column::Text)).collect(),
        ),
    ];
    let csv = replay(&[(BOOKS, books(&rows).as_bytes())], &[]).summary();
    for (name, schema, columns) in layouts {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(name), file(&schema, &columns, Compression::SNAPPY, 50)).unwrap();
        let direct = Ended::of(dir.path(), &["replay", name, "--json"]);
        assert_eq!(essence(&direct.summary()), essence(&csv), "{name}");
        let imported = Ended::of(dir.path(), &["import", name, "--out", "out"]);
        assert_eq!(imported.code, 0, "{name}: {}", imported.stderr);
        assert!(imported.stdout.contains("dropped  0 unsound"), "{}", imported.stdout);
        let again = Ended::of(dir.path(), &["replay", "out", "--json"]);
        assert_eq!(essence(&again.summary()), essence(&csv), "{name}");
    }
}

/// Of several coins in a file `import` takes all, each touch to its own; a row that is no book is named.
#[test]
fn import_takes_every_coin_of_a_file_and_names_bad_rows() {
    let coins = ["BTC", "ETH", "BTC", "ETH", "BTC", "ETH"];
    let text = |value: &dyn Fn(usize) -> String| (0..6).map(|i| vec![value(i)]).collect();
    let touches = file(
        "message m { required binary coin (UTF8); required int64 timestamp; required int64 \
         exchange_timestamp; required double price; required double size; required binary side (UTF8); }",
        &[
            Column::Text(text(&|i| coins[i].to_owned())),
            Column::Int(text(&|i| (1_764_000_000_000 + i as u64 / 4).to_string())),
            Column::Int(text(&|i| (1_764_000_000_000 + i as u64 / 4).to_string())),
            Column::Double(text(&|i| [100.0, 50.0, 101.0, 51.0, 100.5, 50.5][i].to_string())),
            Column::Double(text(&|_| "2".to_owned())),
            Column::Text(text(&|i| ["bid", "bid", "ask", "ask", "bid", "?"][i].to_owned())),
        ],
        Compression::SNAPPY,
        4,
    );
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("prices.parquet"), touches).unwrap();
    let ended = Ended::of(dir.path(), &["import", "prices.parquet", "--out", "out"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("BTC: 0 books, 2 touches"), "{}", ended.stdout);
    assert!(ended.stdout.contains("ETH: 0 books, 1 touches"), "{}", ended.stdout);
    let says = "prices.parquet:7: column `side` is `?`: not a side";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
}

#[test]
fn the_folders_may_name_the_coin() {
    let rows = market();
    let books = of_csv(&book_header(LEVELS), &book_rows(&rows), Compression::SNAPPY);
    let dir = TempDir::new().unwrap();
    let parts = dir.path().join("rec/BTC/orderbooks");
    fs::create_dir_all(&parts).unwrap();
    fs::write(parts.join("orderbooks_1764000000000.parquet"), &books).unwrap();
    for path in ["rec", "rec/BTC", "rec/BTC/orderbooks"] {
        let ended = Ended::of(dir.path(), &["replay", path, "--json"]);
        said(&ended, &[]);
        assert_eq!(ended.summary()["events"], ROWS, "{path}");
    }
    // A folder that holds something itself is no folder of parts.
    fs::write(dir.path().join("rec").join(BOOKS), super::books(&rows)).unwrap();
    let ended = Ended::of(dir.path(), &["replay", "rec", "--json"]);
    assert_eq!(ended.summary()["events"], ROWS);
}

#[test]
fn a_parquet_file_that_is_none_of_ours_is_named() {
    let rows = market();
    let good = of_csv(&book_header(LEVELS), &book_rows(&rows), Compression::SNAPPY);
    let bare = file(
        "message m { required double price; required double size; }",
        &[Column::Double(vec![vec!["1".into()]]), Column::Double(vec![vec!["1".into()]])],
        Compression::UNCOMPRESSED,
        1,
    );
    let nested = file(
        "message m { required int64 time_ms; repeated group bids { repeated double px; } }",
        &[Column::Int(vec![vec!["1".into()]]), Column::Double(vec![vec!["1".into()]])],
        Compression::UNCOMPRESSED,
        1,
    );
    for (name, content, says) in [
        ("orderbooks_BTC.parquet", &good[..good.len() - 9], "that is cut short or damaged"),
        ("orderbooks_BTC.parquet", b"PAR1....", "that is cut short or damaged"),
        ("orderbooks_BTC.parquet", b"", "that is cut short or damaged"),
        ("trades_BTC.parquet", &good, "column `price` is missing"),
        ("orderbooks_BTC.parquet", &bare, "column `bid_price_0` is missing"),
        ("orderbooks_BTC.parquet", &nested, "is a list of lists"),
        ("day.parquet", &bare, "not named orderbooks_, trades_ or prices_COIN"),
        ("orderbooks.parquet", &good, "of no coin"),
        ("orderbooks_BTC.pq", &good, "call it orderbooks_, trades_ or prices_COIN.parquet"),
    ] {
        let ended = replay(&[(name, content)], &[]);
        assert_eq!(ended.code, 5, "{name}: {}", ended.stdout);
        said(&ended, &[says]);
    }
}
