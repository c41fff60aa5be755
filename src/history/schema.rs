//! The tables, and how an older file comes by them.

/// Of the tables that this botmm writes. A change of them is a new entry of [`STEPS`].
pub const VERSION: i64 = STEPS.len() as i64;

/// What tells our files from others' (`PRAGMA application_id`): "bmmh".
pub(super) const APPLICATION_ID: i64 = 0x626d_6d68;

/// The step from each version to the next, from an empty file on.
pub(super) const STEPS: [&str; 1] = [V1];

/// Prices, sizes and money are whole numbers of 1e-8, moments are nanoseconds since 1970 (UTC).
/// `book` says whose money it is: an account of a venue, or one run that had a simulated account.
const V1: &str = "
CREATE TABLE runs (
    name TEXT PRIMARY KEY,
    book TEXT NOT NULL,
    kind TEXT NOT NULL,
    network TEXT NOT NULL,
    is_real_money INTEGER NOT NULL,
    account TEXT,
    botmm TEXT,
    config_sha256 TEXT,
    started INTEGER,
    last INTEGER,
    ended INTEGER,
    halted TEXT,
    -- At the end, or at the newest account line of a run without one.
    told INTEGER,
    gross INTEGER NOT NULL DEFAULT 0,
    fees INTEGER NOT NULL DEFAULT 0,
    funding INTEGER NOT NULL DEFAULT 0,
    net INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE fills (
    book TEXT NOT NULL,
    coin TEXT NOT NULL,
    tid INTEGER NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    venue_time INTEGER NOT NULL,
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    px INTEGER NOT NULL,
    qty INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    oid INTEGER NOT NULL,
    is_taker INTEGER NOT NULL,
    cause TEXT,
    mid INTEGER,
    mid_1s INTEGER,
    mid_5s INTEGER,
    mid_30s INTEGER,
    mid_60s INTEGER,
    PRIMARY KEY (book, coin, tid, side, venue_time)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_by_time ON fills (venue_time);
CREATE TABLE funding (
    book TEXT NOT NULL,
    coin TEXT NOT NULL,
    venue_time INTEGER NOT NULL,
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    paid INTEGER NOT NULL,
    PRIMARY KEY (book, coin, venue_time)
) STRICT, WITHOUT ROWID;
CREATE TABLE transfers (
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    usd INTEGER NOT NULL,
    PRIMARY KEY (run, time)
) STRICT, WITHOUT ROWID;
-- What was asked of the venue: place, modify, cancel, one row an order.
CREATE TABLE orders (
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    action TEXT NOT NULL,
    cloid TEXT NOT NULL,
    coin TEXT,
    side TEXT,
    px INTEGER,
    qty INTEGER,
    oid INTEGER,
    PRIMARY KEY (run, time, action, cloid)
) STRICT, WITHOUT ROWID;
-- Days as the run itself told them; the last day of a run that was killed is missing (see pnl_by_day).
CREATE TABLE days (
    run TEXT NOT NULL,
    date TEXT NOT NULL,
    net INTEGER NOT NULL,
    is_whole INTEGER NOT NULL,
    PRIMARY KEY (run, date)
) STRICT, WITHOUT ROWID;
CREATE TABLE positions (
    run TEXT NOT NULL,
    coin TEXT NOT NULL,
    time INTEGER NOT NULL,
    qty INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    PRIMARY KEY (run, coin)
) STRICT, WITHOUT ROWID;
-- From a time on a value holds; coin '' = for all of the account.
CREATE TABLE params (
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    coin TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (run, time, coin, key)
) STRICT, WITHOUT ROWID;
-- Risk states, alerts, refusals, gaps.
CREATE TABLE events (
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    coin TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run, time, kind, coin, text)
) STRICT, WITHOUT ROWID;
-- By stage; by step of the way from wire to wire as wire_STEP.
CREATE TABLE latencies (
    run TEXT NOT NULL,
    time INTEGER NOT NULL,
    stage TEXT NOT NULL,
    p50_ns INTEGER NOT NULL,
    p99_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL,
    PRIMARY KEY (run, time, stage)
) STRICT, WITHOUT ROWID;
-- How far each journal was read: a segment's number, bytes of it, and which file that was.
CREATE TABLE progress (
    run TEXT PRIMARY KEY,
    segment INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    file TEXT NOT NULL,
    passed_over INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE VIEW fees AS
    SELECT book, coin, date(venue_time / 1000000000, 'unixepoch') AS date, sum(fee) AS fees,
           count(*) AS fills
    FROM fills GROUP BY 1, 2, 3;
-- The days that a run told, and what is left of its profit for the day of its newest word.
CREATE VIEW pnl_by_day AS
    SELECT run, date, net FROM days
    UNION ALL
    SELECT name, date(told / 1000000000, 'unixepoch'),
           net - coalesce((SELECT sum(d.net) FROM days d WHERE d.run = name), 0)
    FROM runs
    WHERE told IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM days d WHERE d.run = name
        AND d.date >= date(told / 1000000000, 'unixepoch'));
";
