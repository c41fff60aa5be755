"""Reads our exports with pandas, polars, DuckDB and hftbacktest, and compares them with `botmm inspect --json`.

Called by roundtrip.sh with the folder that holds csv, parquet, npz, hftbacktest and inspect.json.
"""

import contextlib
import io
import json
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.data import validate_event_order
from hftbacktest.data.utils import hyperliquid

LOCAL, EXCH, KIND = 1 << 30, 1 << 31, 0xFF
STEMS = {"books": "orderbooks", "touches": "prices", "trades": "trades"}
work = Path(sys.argv[1])
failed = 0


def compare(what, found, expected):
    global failed
    if found != expected:
        failed += 1
        print(f"FAILED {what}: {found}, and inspect says {expected}")


def exact(values):
    """The sum of doubles as the decimals that they stand for."""
    return sum((Decimal(repr(float(v))) for v in values if v == v and v), Decimal(0))


def columns(stream, names):
    """Prices and sizes among the columns of a kind."""
    if stream != "books":
        return ["price"], ["size"]
    return [n for n in names if "_price_" in n], [n for n in names if "_size_" in n]


def table(coin, told):
    """One Parquet file by three readers, and the same file as CSV by pandas."""
    stream = told["stream"]
    path = str(work / "parquet" / f"{STEMS[stream]}_{coin}.parquet")
    rows = told["events"] * (2 if stream == "touches" else 1)
    expected = (rows, Decimal(told["price_sum"]), Decimal(told["size_sum"]))
    frame = pl.read_parquet(path)
    prices, sizes = columns(stream, frame.columns)
    by_polars = (frame.height, *(sum(exact(frame[n].drop_nulls()) for n in of) for of in (prices, sizes)))
    compare(f"polars {path}", by_polars, expected)
    data = pd.read_parquet(path)
    by_pandas = (len(data), *(sum(exact(data[n].dropna()) for n in of) for of in (prices, sizes)))
    compare(f"pandas {path}", by_pandas, expected)
    text = pd.read_csv(work / "csv" / f"{STEMS[stream]}_{coin}.csv.zst", dtype=str)
    of_text = lambda of: sum((Decimal(v) for n in of for v in text[n].dropna()), Decimal(0))
    compare(f"pandas, CSV of {coin} {stream}", (len(text), of_text(prices), of_text(sizes)), expected)
    decimal = lambda of: " + ".join(f"coalesce(sum(cast({n} as decimal(38, 8))), 0)" for n in of)
    by_duckdb = duckdb.sql(f"select count(*), {decimal(prices)}, {decimal(sizes)} from '{path}'").fetchall()[0]
    compare(f"duckdb {path}", by_duckdb, expected)
    first = duckdb.sql(f"select min(epoch_ns(timestamp)) from '{path}'").fetchall()[0][0]
    compare(f"duckdb, first receipt of {path}", first // 1000, told_us(told["span"][0]))


def told_us(text):
    return pd.Timestamp(text).value // 1000


def events(coin, streams):
    """hftbacktest's arrays: order, counts, and a run over all of it."""
    data = np.load(work / "npz" / f"{coin}.npz")["data"]
    validate_event_order(data)
    local = data[data["ev"] & LOCAL == LOCAL]
    exch = data[data["ev"] & EXCH == EXCH]
    compare(f"{coin}: rows of both clocks", len(local), len(exch))
    kind = local["ev"] & KIND
    trades = local[kind == 2]
    told = streams.get("trades", {"events": 0, "price_sum": "0", "size_sum": "0"})
    found = (len(trades), exact(trades["px"]), exact(trades["qty"]))
    compare(f"{coin}: trades", found, (told["events"], Decimal(told["price_sum"]), Decimal(told["size_sum"])))
    touches = streams.get("touches", {"events": 0})["events"]
    compare(f"{coin}: touches", int((kind == 5).sum()), 2 * touches)
    books = len(np.unique(local[kind == 1][["exch_ts", "local_ts"]]))
    compare(f"{coin}: books", books, streams.get("books", {"events": 0})["events"])
    seen = run_over(data, len(trades))
    compare(f"{coin}: trades that hftbacktest's run saw", seen, len(trades))
    return len(data)


def run_over(data, room):
    asset = BacktestAsset().data([data]).linear_asset(1.0).constant_order_latency(1000, 1000)
    asset = asset.risk_adverse_queue_model().no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0)
    asset = asset.tick_size(0.01).lot_size(0.00001).last_trades_capacity(max(room, 1))
    backtest = HashMapMarketDepthBacktest([asset])
    while backtest.elapse(60_000_000_000) == 0:
        pass
    seen = len(backtest.last_trades(0))
    backtest.close()
    return seen


def collected(coin, streams):
    """Its own converter reads the collector form."""
    with contextlib.redirect_stdout(io.StringIO()):
        data = hyperliquid.convert(
            str(work / "hftbacktest" / f"{coin}.gz"), tick_size=0.01, lot_size=0.00001, buffer_size=20_000_000
        )
    local = data[data["ev"] & LOCAL == LOCAL]
    trades = int((local["ev"] & KIND == 2).sum())
    compare(f"{coin}: trades that its converter made", trades, streams.get("trades", {"events": 0})["events"])
    return len(data)


inspection = json.loads((work / "inspect.json").read_text())
for coin in inspection["coins"]:
    name, streams = coin["coin"], {stream["stream"]: stream for stream in coin["streams"]}
    for stream in streams.values():
        table(name, stream)
    rows, converted = events(name, streams), collected(name, streams)
    told = ", ".join(f"{s['events']} {s['stream']}" for s in streams.values())
    print(f"{name}: {told}; {rows} event records, {converted} by its converter")
if failed:
    sys.exit(f"{failed} comparisons failed")
print(f"all equal: {len(inspection['coins'])} coin(s)")
