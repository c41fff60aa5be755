//! Every execution of ours as a line of CSV, in the layout that engines are compared by.

use crate::exit::AppError;
use crate::files::{self, Readers};
use botmm_pipeline::types::{
    Action, ActionKind, AssetId, Commentary, Fact, Fill, Instrument, Nanos, Oid, Px, Qty, Record,
    Side, Universe,
};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

const COLUMNS: &str = "exch_ts,recv_ts,side,tick,exec_tick,lots,leaves_lots,maker\n";

/// One execution, in whole ticks and lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    exch_ns: i64,
    /// Prices from the lowest, a bid before an ask at the same.
    tick: i64,
    side: Side,
    recv_ns: i64,
    exec_tick: i64,
    lots: i64,
    leaves_lots: i64,
    is_maker: bool,
}

/// What was executed so far.
pub struct Fills {
    instruments: Vec<Instrument>,
    /// The size that was asked for last at a price.
    asked: HashMap<(AssetId, Side, Px), Qty>,
    /// Of orders that are not filled whole yet.
    partly: HashMap<Oid, Qty>,
    lines: Vec<Line>,
}

impl Fills {
    /// None yet.
    pub fn of(universe: &Universe) -> Self {
        let instruments = universe.iter().map(|(_, instrument)| *instrument).collect();
        let (asked, partly) = (HashMap::new(), HashMap::new());
        Self { instruments, asked, partly, lines: Vec::new() }
    }

    /// Takes note of what was sent and what was filled.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Commentary(Commentary::Action(action)) => self.on_action(action),
            Record::Fact(Fact::Fill { asset, time, venue_time, fill }) => {
                self.on_fill(*asset, [*venue_time, *time], fill);
            }
            _ => {}
        }
    }

    fn on_action(&mut self, action: &Action) {
        if action.kind == ActionKind::Cancel {
            return;
        }
        for item in action.items() {
            self.asked.insert((item.asset, item.side, item.px), item.qty);
        }
    }

    fn on_fill(&mut self, asset: AssetId, [venue_time, time]: [Nanos; 2], fill: &Fill) {
        let asked = self.asked.get(&(asset, fill.side, fill.px)).copied().unwrap_or(fill.qty);
        let filled = self.partly.remove(&fill.oid).unwrap_or_default() + fill.qty;
        let leaves = (asked - filled).max(Qty::ZERO);
        if leaves.is_positive() {
            self.partly.insert(fill.oid, filled);
        }
        let instrument = &self.instruments[asset.index()];
        let (lot, tick) = (instrument.lot().raw(), instrument.tick_at(fill.px).raw());
        self.lines.push(Line {
            exch_ns: venue_time.0,
            tick: fill.px.raw() / tick,
            side: fill.side,
            recv_ns: time.0,
            exec_tick: fill.px.raw() / tick,
            lots: fill.qty.raw() / lot,
            leaves_lots: leaves.raw() / lot,
            is_maker: !fill.crossed,
        });
    }

    /// Writes them, by time and price.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(mut self, path: &Path) -> Result<(), AppError> {
        self.lines.sort();
        let mut text = COLUMNS.to_owned();
        for line in &self.lines {
            let Line { exch_ns, recv_ns, tick, exec_tick, lots, leaves_lots, .. } = line;
            let side = if line.side == Side::Bid { "buy" } else { "sell" };
            let maker = u8::from(line.is_maker);
            let numbers = format_args!("{tick},{exec_tick},{lots},{leaves_lots},{maker}");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{exch_ns},{recv_ns},{side},{numbers}");
        }
        files::write_whole(path, text.as_bytes(), Readers::All)
    }
}
