#!/usr/bin/env python3
"""Writes testdata/recording/: two minutes of a made-up market, in the CSV layout of a recording.

Everything is drawn from a seed: nothing here was ever traded. Prices wander, trades print at the
touch and eat it, books come once a second. As in a real recording, times are local and venue's,
and a reconnect in the middle replays trades that came before. Run from anywhere:

    python3 testdata/make_recording.py
"""

import gzip
import pathlib
import random

START_MS = 1_760_000_000_000
LENGTH_MS = 120_000
LEVELS = 10
REPLAYED = 5


class Market:
    """An order book as sizes (in lots) at integer ticks, around a touch that wanders."""

    def __init__(self, rng, bid, sizes):
        self.rng, self.sizes = rng, sizes
        self.bids = {bid - i: self.size() for i in range(3 * LEVELS)}
        self.asks = {bid + 1 + i: self.size() for i in range(3 * LEVELS)}

    def size(self):
        return self.rng.randint(*self.sizes)

    def top(self, side):
        return sorted(side, reverse=side is self.bids)[:LEVELS]

    def step(self):
        """One block; the trades it made: (tick, lots, side of the aggressor)."""
        buys = self.rng.random() < 0.5
        roll = self.rng.random()
        if roll < 0.35:
            return self.market_order(buys)
        side = self.bids if buys else self.asks
        tick = self.rng.choice(self.top(side)[:4])
        if roll < 0.7:
            side[tick] += self.size()
        else:
            side[tick] -= self.rng.randint(0, side[tick] - 1)
        if roll > 0.95:
            inside = max(self.bids) + 1 if buys else min(self.asks) - 1
            if inside not in self.bids and inside not in self.asks:
                side[inside] = self.size()
        return []

    def market_order(self, buys):
        side, left, trades = self.asks if buys else self.bids, self.size(), []
        while left > 0:
            best = min(side) if buys else max(side)
            lots = min(left, side[best])
            trades.append((best, lots, "buy" if buys else "sell"))
            left -= lots
            side[best] -= lots
            if side[best] == 0:
                del side[best]
                deepest = max(side) + 1 if buys else min(side) - 1
                side[deepest] = self.size()
        return trades


def fixed(value, decimals):
    whole, rest = divmod(value, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}" if decimals else f"{whole}.0"


def record(coin, rng, market, px_decimals, lot_decimals):
    """The three files of a coin, as lists of rows."""
    px = lambda tick: fixed(tick, px_decimals)
    qty = lambda lots: fixed(lots, lot_decimals)
    columns = ["bid_price", "bid_size", "ask_price", "ask_size"]
    header = [f"{c}_{i}" for i in range(LEVELS) for c in columns]
    books = [["timestamp", "sequence", "exchange_timestamp", *header]]
    trades = [["timestamp", "price", "size", "side", "trade_id", "exchange_timestamp"]]
    prices = [["timestamp", "price", "size", "side", "exchange_timestamp"]]
    venue, local_us, touch, tid, next_book = START_MS, 0, None, rng.getrandbits(40), 0
    replayed = False
    while venue < START_MS + LENGTH_MS:
        venue += rng.randint(140, 560)
        local_us = max(local_us, venue * 1000 + rng.randint(180_000, 420_000))
        local = fixed(local_us, 6)
        if not replayed and venue > START_MS + LENGTH_MS // 2:
            trades += [[local, *row[1:]] for row in trades[-REPLAYED:]]
            replayed = True
        for tick, lots, side in market.step():
            tid += rng.randint(1, 1_000)
            trades.append([local, px(tick), qty(lots), side, tid, venue])
        best_bid, best_ask = max(market.bids), min(market.asks)
        now = (best_bid, market.bids[best_bid], best_ask, market.asks[best_ask])
        if now != touch:
            prices.append([local, px(now[0]), qty(now[1]), "bid", venue])
            prices.append([local, px(now[2]), qty(now[3]), "ask", venue])
            touch = now
        if venue >= next_book:
            next_book = venue + 1_000
            row = [local, venue, venue]
            for bid, ask in zip(market.top(market.bids), market.top(market.asks)):
                row += [px(bid), qty(market.bids[bid]), px(ask), qty(market.asks[ask])]
            books.append(row)
    return {f"orderbooks_{coin}": books, f"trades_{coin}": trades, f"prices_{coin}": prices}


def main():
    folder = pathlib.Path(__file__).resolve().parent / "recording"
    folder.mkdir(exist_ok=True)
    rng = random.Random(20251122)
    coins = [
        # Whole dollars and lots of 1e-5; cents and lots of 0.01.
        (record("BTC", rng, Market(rng, 60_000, (2_000, 90_000)), 0, 5), "\r\n", False),
        (record("SOL", rng, Market(rng, 15_000, (100, 9_000)), 2, 2), "\n", True),
    ]
    for files, end, packed in coins:
        for name, rows in files.items():
            text = "".join(",".join(map(str, row)) + end for row in rows).encode()
            if packed:
                path = folder / f"{name}.csv.gz"
                path.write_bytes(gzip.compress(text, mtime=0))
            else:
                path = folder / f"{name}.csv"
                path.write_bytes(text)
            print(f"{path.name}: {len(rows) - 1} rows")


if __name__ == "__main__":
    main()
