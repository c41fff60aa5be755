//! A line of a journal, taken into the history. However often it comes, in whatever portions: the same.

use super::error::HistoryError;
use crate::journal::line::{
    Account, Action, Change, End, Fill, Funding, Latency, Line, Markout, MidAtFill, Params, Risk,
    Run,
};
use crate::when::parse_utc;
use botmm_pipeline::types::{Px, Qty, Usd};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::Path;

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is in, or was; or the history keeps nothing of its `type`.
    Yes,
    /// It cannot be understood; why.
    PassedOver(String),
}

/// Why a line is not in.
enum Problem {
    Line(String),
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sql(e)
    }
}

impl From<String> for Problem {
    fn from(e: String) -> Self {
        Self::Line(e)
    }
}

type Done = Result<(), Problem>;

/// Takes in a line of the run of this name, whose lines come in their order.
///
/// # Errors
/// What SQLite says.
pub fn apply(db: &Connection, run: &str, line: &Line) -> Result<Applied, HistoryError> {
    match take(&Taking { db, run }, line) {
        Ok(()) => Ok(Applied::Yes),
        Err(Problem::Line(why)) => Ok(Applied::PassedOver(why)),
        Err(Problem::Sql(e)) => {
            Err(HistoryError::sql(db.path().map_or(Path::new(""), Path::new))(e))
        }
    }
}

struct Taking<'a> {
    db: &'a Connection,
    run: &'a str,
}

fn take(to: &Taking<'_>, line: &Line) -> Done {
    match line {
        // What explains quotes stays in the journal: it is most of it.
        Line::Decision(_) | Line::State(_) | Line::Orders(_) | Line::Fit(_) => Ok(()),
        Line::Run(line) => to.begin(line),
        Line::End(line) => to.end(line),
        Line::Latency(line) => to.latency(line),
        Line::Place(body) | Line::Modify(body) | Line::Cancel(body) => to.action(line.kind(), body),
        Line::Fill(line) => to.fill(line),
        Line::Funding(line) => to.funding(line),
        Line::MidAtFill(line) => to.mid_at_fill(line),
        Line::Markout(line) => to.markout(line),
        Line::Account(line) => to.account(line),
        Line::Day(line) => to.day(&line.date, &line.net_usd, line.whole),
        Line::Params(line) => to.params(line),
        Line::Risk(line) => to.event(&line.time, "risk", line.coin.as_deref(), &in_words(line)),
        Line::Alert(alert) => {
            to.event(&alert.time, line.kind(), alert.coin.as_deref(), &alert.alert)
        }
        Line::Reject(reject) => {
            let text = format!("{}: {}", reject.of, reject.reason);
            to.event(&reject.time, line.kind(), Some(&reject.coin), &text)
        }
        Line::CancelRefused(refused) => {
            let text =
                format!("{} (order {}), {} tries", refused.cloid, refused.oid, refused.tries);
            to.event(&refused.time, line.kind(), Some(&refused.coin), &text)
        }
        Line::ParamsRefused(refused) => {
            let text = format!("{}: {}", refused.source, refused.error);
            to.event(&refused.time, line.kind(), None, &text)
        }
        Line::Gap(gap) => {
            to.event(&gap.time, line.kind(), None, &format!("{} lines are missing", gap.lost))
        }
    }
}

/// A risk state: what holds, and how it ends.
fn in_words(line: &Risk) -> String {
    let breaks = line.breaks.iter().flatten();
    breaks.fold(line.state.clone(), |text, (why, end)| format!("{text}; {why} until {end}"))
}

fn ns(text: &str) -> Result<i64, Problem> {
    Ok(parse_utc(text)?.0)
}

fn px(text: &str) -> Result<i64, Problem> {
    Px::parse(text).map(Px::raw).map_err(|e| Problem::Line(format!("{text:?}: {e}")))
}

fn qty(text: &str) -> Result<i64, Problem> {
    Qty::parse(text).map(Qty::raw).map_err(|e| Problem::Line(format!("{text:?}: {e}")))
}

fn usd(text: &str) -> Result<i64, Problem> {
    Usd::parse(text).map(Usd::raw).map_err(|e| Problem::Line(format!("{text:?}: {e}")))
}

/// SQLite knows no unsigned ones: the same bits.
const fn bits(number: u64) -> i64 {
    number.cast_signed()
}

/// Thirty days.
const ORDERS_KEPT_NS: i64 = 30 * 86_400 * 1_000_000_000;

/// Whose money it is: without an account, that of the one run.
const BOOK: &str = "(SELECT book FROM runs WHERE name = ?1)";

impl Taking<'_> {
    fn run_sql(&self, sql: &str, values: impl rusqlite::Params) -> Done {
        self.db.prepare(sql)?.execute(values)?;
        Ok(())
    }

    /// Every line is at some time of the run.
    fn at(&self, time: i64) -> Done {
        self.run_sql(
            "UPDATE runs SET started = min(coalesce(started, ?2), ?2),
                 last = max(coalesce(last, ?2), ?2) WHERE name = ?1",
            params![self.run, time],
        )
    }

    fn begin(&self, line: &Run) -> Done {
        let time = ns(&line.time)?;
        let book = match &line.account {
            Some(account) => format!("{} {account}", line.network),
            None => self.run.to_owned(),
        };
        self.run_sql(
            "UPDATE runs SET book = ?2, kind = ?3, network = ?4, is_real_money = ?5, account = ?6,
                 botmm = ?7, config_sha256 = ?8 WHERE name = ?1",
            params![
                self.run,
                book,
                line.kind,
                line.network,
                line.is_real_money,
                line.account,
                line.botmm,
                line.config_sha256
            ],
        )?;
        for (coin, parts) in &line.params {
            for (part, keys) in parts {
                for (key, value) in keys {
                    let key = format!("{part}.{key}");
                    self.param(time, coin, &key, &value.to_string(), "the start")?;
                }
            }
        }
        self.forget_orders(time)?;
        self.at(time)
    }

    fn param(&self, time: i64, coin: &str, key: &str, value: &str, source: &str) -> Done {
        self.run_sql(
            "INSERT INTO params (run, time, coin, key, value, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET value = excluded.value, source = excluded.source",
            params![self.run, time, coin, key, value, source],
        )
    }

    fn params(&self, line: &Params) -> Done {
        let time = ns(&line.time)?;
        for Change { coin, key, to, .. } in &line.changes {
            self.param(time, coin.as_deref().unwrap_or(""), key, to.get(), &line.source)?;
        }
        self.at(time)
    }

    fn end(&self, line: &End) -> Done {
        let time = ns(&line.time)?;
        self.run_sql(
            "UPDATE runs SET ended = ?2, told = ?2, gross = ?3, fees = ?4, funding = ?5, net = ?6,
                 halted = ?7 WHERE name = ?1",
            params![
                self.run,
                time,
                usd(&line.gross_usd)?,
                usd(&line.fees_usd)?,
                usd(&line.funding_usd)?,
                usd(&line.net_usd)?,
                line.halted.join(", ")
            ],
        )?;
        if let Some(today) = &line.today {
            self.day(&today.date, &today.net_usd, false)?;
        }
        let moved = line.transfers_usd.as_deref().map(usd).transpose()?;
        if let Some(moved) = moved.filter(|moved| *moved != 0) {
            self.run_sql(
                "INSERT OR REPLACE INTO transfers (run, time, usd) VALUES (?1, ?2, ?3)",
                params![self.run, time, moved],
            )?;
        }
        self.at(time)
    }

    fn latency(&self, line: &Latency) -> Done {
        let time = ns(&line.time)?;
        let wire = line.wire.iter().flat_map(|wire| &wire.steps);
        let wire = wire.map(|(step, took)| (format!("wire_{step}"), took));
        let stages = line.stages.iter().map(|(stage, took)| (stage.clone(), took));
        for (stage, took) in stages.chain(wire) {
            self.run_sql(
                "INSERT OR REPLACE INTO latencies (run, time, stage, p50_ns, p99_ns, max_ns)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![self.run, time, stage, bits(took.p50), bits(took.p99), bits(took.max)],
            )?;
        }
        self.at(time)
    }

    fn action(&self, kind: &str, line: &Action) -> Done {
        let time = ns(&line.time)?;
        for item in &line.items {
            self.run_sql(
                "INSERT OR REPLACE INTO orders (run, time, action, cloid, coin, side, px, qty, oid)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    self.run,
                    time,
                    kind,
                    item.cloid,
                    line.coin,
                    item.side,
                    item.px.as_deref().map(px).transpose()?,
                    item.qty.as_deref().map(qty).transpose()?,
                    item.oid.map(bits)
                ],
            )?;
        }
        self.at(time)
    }

    /// Orders of this book, of whatever run, are kept so long: there are many, and what became of them is in
    /// fills. At a run's start and at each day's end, so that lines alone decide what is there.
    fn forget_orders(&self, time: i64) -> Done {
        self.run_sql(
            &format!(
                "DELETE FROM orders WHERE time < ?2
                     AND run IN (SELECT name FROM runs WHERE book = {BOOK})"
            ),
            params![self.run, time.saturating_sub(ORDERS_KEPT_NS)],
        )
    }

    /// Two runs may tell of one fill: it is the earlier one's.
    fn fill(&self, line: &Fill) -> Done {
        let time = ns(&line.time)?;
        let venue_time = line.venue_time.as_deref().map_or(Ok(time), ns)?;
        self.run_sql(
            &format!(
                "INSERT INTO fills (run, book, coin, tid, side, venue_time, time, px, qty, fee, oid,
                     is_taker, cause)
                 VALUES (?1, {BOOK}, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT DO UPDATE SET
                     time = CASE WHEN excluded.run < run THEN excluded.time ELSE time END,
                     run = min(run, excluded.run)"
            ),
            params![
                self.run,
                line.coin,
                bits(line.tid),
                line.side,
                venue_time,
                time,
                px(&line.px)?,
                qty(&line.qty)?,
                usd(&line.fee_usd)?,
                bits(line.oid),
                line.taker,
                line.cause
            ],
        )?;
        self.at(time)
    }

    fn mid_at_fill(&self, line: &MidAtFill) -> Done {
        self.mid("mid", &line.coin, line.tid, &line.side, &line.mid)?;
        self.at(ns(&line.time)?)
    }

    fn markout(&self, line: &Markout) -> Done {
        let column = match line.after_s {
            1 => "mid_1s",
            5 => "mid_5s",
            30 => "mid_30s",
            60 => "mid_60s",
            other => {
                return Err(
                    format!("a markout after {other} s, for which there is no column").into()
                );
            }
        };
        self.mid(column, &line.coin, line.tid, &line.side, &line.mid)?;
        self.at(ns(&line.time)?)
    }

    fn mid(&self, column: &str, coin: &str, tid: u64, side: &str, mid: &str) -> Done {
        self.run_sql(
            &format!(
                "UPDATE fills SET {column} = ?5
                 WHERE book = {BOOK} AND coin = ?2 AND tid = ?3 AND side = ?4"
            ),
            params![self.run, coin, bits(tid), side, px(mid)?],
        )
    }

    fn funding(&self, line: &Funding) -> Done {
        let time = ns(&line.time)?;
        self.run_sql(
            &format!(
                "INSERT INTO funding (run, book, coin, venue_time, time, paid)
                 VALUES (?1, {BOOK}, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET
                     time = CASE WHEN excluded.run < run THEN excluded.time ELSE time END,
                     run = min(run, excluded.run)"
            ),
            params![self.run, line.coin, ns(&line.venue_time)?, time, usd(&line.paid_usd)?],
        )?;
        self.at(time)
    }

    /// The newest is kept: of a run that was killed it is all that is known of its end.
    fn account(&self, line: &Account) -> Done {
        let time = ns(&line.time)?;
        let gross = usd(&line.realized_usd)?.saturating_add(usd(&line.unrealized_usd)?);
        self.run_sql(
            "UPDATE runs SET told = ?2, gross = ?3, fees = ?4, funding = ?5, net = ?6
             WHERE name = ?1 AND ended IS NULL AND coalesce(told, ?2) <= ?2",
            params![
                self.run,
                time,
                gross,
                usd(&line.fees_usd)?,
                usd(&line.funding_usd)?,
                usd(&line.net_usd)?
            ],
        )?;
        let none = "0".to_owned();
        let of = |map: &BTreeMap<String, String>, coin: &str| px(map.get(coin).unwrap_or(&none));
        for (coin, held) in &line.position {
            self.run_sql(
                "INSERT INTO positions (run, coin, time, qty, entry, mark)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET time = excluded.time, qty = excluded.qty,
                     entry = excluded.entry, mark = excluded.mark WHERE excluded.time >= time",
                params![
                    self.run,
                    coin,
                    time,
                    qty(held)?,
                    of(&line.entry, coin)?,
                    of(&line.mark, coin)?
                ],
            )?;
        }
        self.at(time)
    }

    fn day(&self, date: &str, net: &str, is_whole: bool) -> Done {
        self.run_sql(
            "INSERT INTO days (run, date, net, is_whole) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET net = excluded.net, is_whole = excluded.is_whole",
            params![self.run, date, usd(net)?, is_whole],
        )?;
        self.forget_orders(ns(&format!("{date}T00:00:00Z"))?)
    }

    fn event(&self, time: &str, kind: &str, coin: Option<&str>, text: &str) -> Done {
        let time = ns(time)?;
        self.run_sql(
            "INSERT OR IGNORE INTO events (run, time, kind, coin, text) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![self.run, time, kind, coin.unwrap_or(""), text],
        )?;
        self.at(time)
    }
}
