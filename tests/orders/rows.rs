//! Single orders as CSV, a row each: the same world as a node tells of, and rows that are wrong.

use super::{FILLS, events, iso, load_dir, load_dir_of, node_files, world, write};
use crate::common::{Ended, gz, names};
use botmm_pipeline::types::{Nanos, Px, Qty, Side};
use botmm_pipeline::venue::sim::orderwise::codec::OrderTape;
use botmm_pipeline::venue::sim::orderwise::event::OrderEvent;
use botmm_pipeline::venue::sim::synthetic::OrderBlock;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The same as CSV of a seller: a snapshot at these blocks, of what rests after them. Trades are `MATCH`
/// rows, or told by `SET` and `DELETE` alone.
fn csv_rows(blocks: &[OrderBlock], snapshots: &[usize], has_matches: bool) -> Vec<String> {
    let header = "time_exchange;time_coinapi;update_type;is_buy;entry_px;entry_sx;order_id;user;tif;hl4_status";
    let mut resting: BTreeMap<u64, (Side, Px, Qty)> = Default::default();
    let mut rows = vec![header.to_owned()];
    for (i, block) in blocks.iter().enumerate() {
        let clock = |time: Nanos| iso(time).split_once('T').unwrap().1.to_owned();
        let (venue, local) = (clock(block.time), clock(block.time + Nanos::millis(20)));
        let row = |kind: &str, oid: u64, (side, px): (Side, Px), qty: Qty, tif: &str| {
            let is_buy = u8::from(side == Side::Bid);
            format!("{venue};{local};{kind};{is_buy};{px};{qty};{oid};0x1;{tif};")
        };
        for event in &block.events {
            let told = match *event {
                OrderEvent::New { oid, side, px, qty, .. } => {
                    resting.insert(oid.0, (side, px, qty));
                    let kind = if oid.0.is_multiple_of(2) { "ADD" } else { "SET" };
                    vec![row(kind, oid.0, (side, px), qty, "Alo")]
                }
                OrderEvent::Removed { oid } => {
                    let (side, px, qty) = resting.remove(&oid.0).unwrap();
                    let kind =
                        if has_matches && oid.0.is_multiple_of(3) { "SUB" } else { "DELETE" };
                    vec![row(kind, oid.0, (side, px), qty, "Alo")]
                }
                OrderEvent::Filled { oid, qty, .. } => {
                    let (side, px, before) = resting.remove(&oid.0).unwrap();
                    let left = before - qty;
                    if !left.is_zero() {
                        resting.insert(oid.0, (side, px, left));
                    }
                    let at = (side, px);
                    match (has_matches, left.is_zero()) {
                        (true, false) => vec![row("MATCH", oid.0, at, qty, "Alo")],
                        // One that is traded to nothing may be deleted in words, or not.
                        (true, true) if oid.0.is_multiple_of(2) => {
                            vec![
                                row("MATCH", oid.0, at, qty, "Alo"),
                                row("DELETE", oid.0, at, left, "Alo"),
                            ]
                        }
                        (true, true) => vec![row("MATCH", oid.0, at, qty, "Alo")],
                        (false, true) => vec![row("DELETE", oid.0, at, before, "Alo")],
                        (false, false) => vec![row("SET", oid.0, at, left, "Alo")],
                    }
                }
                OrderEvent::Missed { side, px, qty } => {
                    let row = row("REJECTED", 7, (side, px), qty, "Ioc");
                    vec![
                        row + "iocCancelRejected",
                        format!("{venue};{local};PENDING;1;1;1;8;0x1;;"),
                    ]
                }
                _ => Vec::new(),
            };
            if i > 0 {
                rows.extend(told);
            }
        }
        if snapshots.contains(&i) {
            rows.extend(
                resting
                    .iter()
                    .map(|(oid, (side, px, qty))| row("SNAPSHOT", *oid, (*side, *px), *qty, "Alo")),
            );
        }
    }
    rows
}

/// Where such a file lies: its day is that of the folder, its coin that of the name.
fn write_rows(dir: &Path, rows: &[String]) -> std::path::PathBuf {
    let folder = dir.join("T-LIMITBOOK_FULL/D-2025112416/E-HYPERLIQUIDL4");
    fs::create_dir_all(&folder).unwrap();
    let name = "IDDI-1+SC-HYPERLIQUIDL4_PERP_ETH_USDC+S-ETH.csv.gz";
    fs::write(folder.join(name), gz(rows.join("\r\n") + "\r\n")).unwrap();
    folder.join(name)
}

#[test]
fn rows_of_single_orders_are_the_world_that_they_tell_of() {
    let blocks = world(40);
    let dir = TempDir::new().unwrap();
    write(dir.path(), &node_files(&blocks));
    let of_node = load_dir(dir.path()).orders.unwrap();
    // The venue's ids of trades are in its fills alone, and times of rows have 100 ns.
    let bare = |tape: &OrderTape, has_ids: bool| {
        let all = events(tape).0.into_iter().filter(|(time, _)| *time > blocks[0].time);
        all.map(|(time, event)| match event {
            OrderEvent::Filled { oid, qty, .. } if !has_ids => {
                (time, OrderEvent::Filled { oid, qty, tid: 0 })
            }
            other => (time, other),
        })
        .collect::<Vec<_>>()
    };
    // By themselves, with their trades; and beside a node's fills, which alone tell a trade from a cancel.
    for has_matches in [true, false] {
        let rows = csv_rows(&blocks, &[0], has_matches);
        let file = write_rows(dir.path(), &rows);
        let mut paths = vec![file];
        if !has_matches {
            let hours = dir.path().join(FILLS).join("hourly/20251124");
            paths.extend([hours.join("16"), hours.join("17")]);
        }
        let loaded = load_dir_of(&paths);
        let orders = loaded.orders.unwrap();
        assert_eq!(orders.coins[0].faults, [0; 8], "{:?}", loaded.report.warnings);
        assert_eq!(loaded.report.warnings, Vec::<String>::new());
        assert_eq!(orders.coins[0].whole_from, Some(blocks[0].time));
        let has_ids = !has_matches;
        assert!(bare(&orders.tape, has_ids) == bare(&of_node.tape, has_ids), "{has_matches}");
        let tids: HashSet<u64> = events(&orders.tape)
            .0
            .iter()
            .filter_map(
                |(_, e)| if let OrderEvent::Filled { tid, .. } = e { Some(*tid) } else { None },
            )
            .collect();
        let fills = bare(&of_node.tape, true);
        let fills = fills.iter().filter(|(_, e)| matches!(e, OrderEvent::Filled { .. })).count();
        assert_eq!(tids.len(), fills, "each trade has an id of its own");
        let report = loaded.report.files.iter().find(|f| f.name.ends_with("ETH.csv.gz")).unwrap();
        assert_eq!(report.rows as usize, rows.len() - 1);
    }
    // Without trades at all a trade cannot be told from a cancel.
    let dir = TempDir::new().unwrap();
    let file = write_rows(dir.path(), &csv_rows(&blocks, &[0], false));
    let ended = Ended::of(dir.path(), &["replay", file.to_str().unwrap()]);
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.contains("without its trades"), "{}", ended.stderr);
    let file = write_rows(dir.path(), &csv_rows(&blocks, &[0], true));
    let ended =
        Ended::of(dir.path(), &["replay", file.to_str().unwrap(), "--queue", "exact", "--json"]);
    assert_eq!(ended.summary()["assumptions"]["queue"], "exact");
    let ended = Ended::of(dir.path(), &["import", file.to_str().unwrap(), "--out", "out"]);
    assert_eq!(ended.code, 5);
    assert!(ended.stderr.contains("single orders: `botmm replay` reads them"), "{}", ended.stderr);
}

/// Each row that is wrong is named and counted by kind, and voids the book until the next snapshot.
#[test]
fn a_wrong_row_of_single_orders_is_named_and_voids_the_book() {
    let blocks = world(40);
    let sound = csv_rows(&blocks, &[0, 200], true);
    let at = sound.iter().position(|row| row.contains(";SNAPSHOT;")).unwrap() + 400;
    let at = at + sound[at..].iter().position(|row| row.contains(";ADD;")).unwrap();
    let swap = |from: &str, to: &str| sound[at].replacen(from, to, 1);
    let field = |n: usize, text: &str| {
        let mut fields: Vec<&str> = sound[at].split(';').collect();
        fields[n] = text;
        fields.join(";")
    };
    for (row, says) in [
        (swap(";ADD;", ";MOVE;"), "key \"update_type\" is `MOVE`: a change that is not known"),
        (field(0, "24:61:00"), "key \"time_exchange\" is `24:61:00`: not a time of day"),
        (field(3, "2"), "key \"is_buy\" is `2`: neither 1 nor 0"),
        (field(4, "?"), "key \"px\" is `?`"),
        (field(4, "-1"), "key \"px\" is `-1`: no price"),
        (field(5, "x"), "key \"entry_sx\" is `x`"),
        (field(6, "a"), "key \"order_id\" is `a`: not the id of an order"),
        (sound[at].rsplit_once(';').unwrap().0.to_owned(), "9 columns, the header has 10"),
    ] {
        let mut rows = sound.clone();
        rows[at] = row;
        let dir = TempDir::new().unwrap();
        let loaded = load_dir_of(&[write_rows(dir.path(), &rows)]);
        names(&loaded.report.warnings.join("\n"), &format!(":{}: ", at + 1), says);
        assert_eq!(
            loaded.report.bad_lines.values().sum::<u64>(),
            1,
            "{:?}",
            loaded.report.bad_lines
        );
        let coin = &loaded.orders.unwrap().coins[0];
        assert_eq!((coin.snapshots, coin.faults.iter().sum::<u64>()), (2, 1), "{says}: {coin:?}");
        assert!(coin.void_for > Nanos::ZERO && coin.left_out > 0, "{coin:?}");
    }
    // In a snapshot: nothing is whole until the next.
    let mut rows = sound.clone();
    rows[20] = rows[20].replacen("SNAPSHOT", "SNAPSHOT;", 1);
    let dir = TempDir::new().unwrap();
    let coin = load_dir_of(&[write_rows(dir.path(), &rows)]).orders.unwrap().coins[0].clone();
    assert_eq!(coin.whole_from, Some(blocks[200].time), "{coin:?}");
    // The first row of all.
    let mut rows = sound.clone();
    rows[1] = "x".to_owned();
    let coin = load_dir_of(&[write_rows(dir.path(), &rows)]).orders.unwrap().coins[0].clone();
    assert_eq!(coin.whole_from, Some(blocks[200].time), "{coin:?}");
    // No day, no coin, no column.
    for (name, header, says) in [
        ("ETH.csv", sound[0].clone(), "a time of a day that neither the folder"),
        ("l4_20251124.csv", sound[0].clone(), "of no coin by its name"),
        ("ETH_20251124.csv", sound[0].replace("order_id", "oid"), "column `order_id` is missing"),
    ] {
        let dir = TempDir::new().unwrap();
        let mut rows = sound.clone();
        rows[0] = header;
        fs::write(dir.path().join(name), rows.join("\n") + "\n").unwrap();
        let ended = Ended::of(dir.path(), &["replay", name]);
        assert_eq!(ended.code, 5, "{}", ended.stdout);
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
}
