//! What a run's book traded of late in one coin: what its parameters are judged by.

use super::error::HistoryError;
use super::store::History;
use botmm_pipeline::types::{Nanos, Px, Qty, Side, Usd};
use rusqlite::{OptionalExtension as _, params};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    /// Orders that were placed or moved.
    pub orders: u64,
    /// Held at the beginning, signed.
    pub position: Qty,
    /// Oldest first.
    pub fills: Vec<RecentFill>,
    /// Positive = paid.
    pub funding: Usd,
}

/// A fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecentFill {
    /// By the venue's clock.
    pub time: Nanos,
    /// Ours.
    pub side: Side,
    /// Its price.
    pub px: Px,
    /// Its size.
    pub qty: Qty,
    /// Positive = paid.
    pub fee: Usd,
    /// A minute later; [`None`] = not measured, or not known at the last moment that was asked for.
    pub mid_60s: Option<Px>,
}

/// From a moment on (exclusive) to another; [`None`] = the history does not know the run.
///
/// # Errors
/// What SQLite says.
pub fn recent(
    history: &History,
    run: &str,
    coin: &str,
    [from, to]: [Nanos; 2],
) -> Result<Option<Recent>, HistoryError> {
    let sql = HistoryError::sql(history.path());
    let db = history.db();
    let book = "SELECT book FROM runs WHERE name = ?1";
    let book: Option<String> =
        db.query_row(book, [run], |row| row.get(0)).optional().map_err(&sql)?;
    let Some(book) = book else { return Ok(None) };
    let whose = params![book, coin, from.0, to.0];
    let number = |query: &str| -> Result<i64, HistoryError> {
        db.query_row(query, whose, |row| row.get(0)).map_err(&sql)
    };
    let orders = number(
        "SELECT count(*) FROM orders WHERE coin = ?2 AND time > ?3 AND time <= ?4
         AND action IN ('place', 'modify') AND run IN (SELECT name FROM runs WHERE book = ?1)",
    )?;
    let position = number(
        "SELECT coalesce(sum(CASE side WHEN 'buy' THEN qty ELSE -qty END), 0) FROM fills
         WHERE book = ?1 AND coin = ?2 AND venue_time <= ?3 AND ?4 >= ?3",
    )?;
    let funding = number(
        "SELECT coalesce(sum(paid), 0) FROM funding
         WHERE book = ?1 AND coin = ?2 AND venue_time > ?3 AND venue_time <= ?4",
    )?;
    let fills = "SELECT venue_time, side, px, qty, fee,
         CASE WHEN venue_time + 60000000000 <= ?4 THEN mid_60s END FROM fills
         WHERE book = ?1 AND coin = ?2 AND venue_time > ?3 AND venue_time <= ?4
         ORDER BY venue_time, tid";
    let mut fills = db.prepare(fills).map_err(&sql)?;
    let fills = fills
        .query_map(whose, |row| {
            let side: String = row.get(1)?;
            Ok(RecentFill {
                time: Nanos(row.get(0)?),
                side: if side == "buy" { Side::Bid } else { Side::Ask },
                px: Px::from_raw(row.get(2)?),
                qty: Qty::from_raw(row.get(3)?),
                fee: Usd::from_raw(row.get(4)?),
                mid_60s: row.get::<_, Option<i64>>(5)?.map(Px::from_raw),
            })
        })
        .map_err(&sql)?;
    Ok(Some(Recent {
        orders: orders.max(0).cast_unsigned(),
        position: Qty::from_raw(position),
        fills: fills.collect::<Result<_, _>>().map_err(&sql)?,
        funding: Usd::from_raw(funding),
    }))
}
