"""ccxt.pro over WebSocket: feeds, and orders placed by post."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import ccxt.pro

from ccxt_rest import BTC, ETH, point_at, settings
from check import Cases, equal, that
from venue import Venue, new_cloid, now_ms

case = Cases("ccxt.pro")

FRAME_S = 20


@contextlib.asynccontextmanager
async def connected(venue: Venue, sandbox: bool) -> AsyncIterator[ccxt.pro.hyperliquid]:
    exchange = ccxt.pro.hyperliquid(settings(venue, approves=False))
    point_at(exchange, venue, sandbox)
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


def live(title: str) -> Callable[[Callable[[Venue, Any], Awaitable[None]]], None]:
    """A check on a client of its own, once for each source of signatures."""

    def add(function: Callable[[Venue, Any], Awaitable[None]]) -> None:
        async def run(venue: Venue, sandbox: bool) -> None:
            async with connected(venue, sandbox) as exchange:
                await function(venue, exchange)

        for name, sandbox in (("source a", False), ("source b", True)):
            case(f"{title} [{name}]")(lambda venue, sandbox=sandbox: asyncio.run(run(venue, sandbox)))

    return add


async def soon(awaitable: Awaitable[Any]) -> Any:
    """A frame, or a TimeoutError."""
    return await asyncio.wait_for(awaitable, FRAME_S)


@live("watch_order_book, and after un_watch again")
async def order_book(_: Venue, exchange: Any) -> None:
    for _ in range(2):
        book = await soon(exchange.watch_order_book(BTC))
        equal("symbol", book["symbol"], BTC)
        that("uncrossed", book["bids"][0][0] < book["asks"][0][0], "bid < ask", (book["bids"][0], book["asks"][0]))
        that("timestamp", abs(book["timestamp"] - now_ms()) < 60_000, "now", book["timestamp"])
        await soon(exchange.un_watch_order_book(BTC))


@live("watch_trades, watch_ticker, watch_ohlcv")
async def public(_: Venue, exchange: Any) -> None:
    ticker, trades, candles = await asyncio.gather(
        soon(exchange.watch_ticker(BTC)), soon(exchange.watch_trades(BTC)), soon(exchange.watch_ohlcv(BTC, "1m"))
    )
    equal("ticker", ticker["symbol"], BTC)
    that("trades", all(t["price"] > 0 and t["side"] in ("buy", "sell") for t in trades), "prices and sides", trades)
    that(
        "candles", all(low <= min(o, c) <= max(o, c) <= h for _, o, h, low, c, _ in candles), "l <= o, c <= h", candles
    )


@live("create_order_ws, watch_orders, edit_order_ws, cancel_order_ws")
async def orders(venue: Venue, exchange: Any) -> None:
    watched = asyncio.ensure_future(soon(exchange.watch_orders(ETH)))
    await asyncio.sleep(0.5)
    cloid = new_cloid().to_raw()
    px = venue.quiet_px("ETH", True)
    amount = float(venue.size("ETH", 50, px))
    params = {"postOnly": True, "clientOrderId": cloid}
    placed = await soon(exchange.create_order_ws(ETH, "limit", "buy", amount, float(px), params))
    update = (await watched)[-1]
    equal("the update", (update["id"], update["status"], update["clientOrderId"]), (placed["id"], "open", cloid))

    lower = float(px - 10 * venue.tick("ETH", px))
    edited = await soon(exchange.edit_order_ws(placed["id"], ETH, "limit", "buy", amount, lower, params))
    that("the edited order", edited["id"] != placed["id"], "a new id", edited["id"])
    equal("open orders", [o["id"] for o in await exchange.fetch_open_orders(ETH)], [edited["id"]])
    canceled = await soon(exchange.cancel_order_ws(edited["id"], ETH))
    equal("the cancel", canceled["status"], "success")


@live("a refused order raises its exception, and the connection lives on")
async def refusal(venue: Venue, exchange: Any) -> None:
    px = venue.quiet_px("ETH", False)
    amount = float(venue.size("ETH", 50, px))
    try:
        answer = await soon(exchange.create_order_ws(ETH, "limit", "buy", amount, float(px), {"postOnly": True}))
        got = repr(answer)
    except ccxt.InvalidOrder as e:
        got = str(e)
    that("the refusal", "would have immediately matched" in got, "InvalidOrder", got)
    await soon(exchange.watch_order_book(ETH))


@live("watch_my_trades and watch_positions or balance")
async def my_trades(venue: Venue, exchange: Any) -> None:
    balance = await soon(exchange.watch_balance())
    that("balance", balance["USDC"]["total"] > 0, "> 0", balance.get("USDC"))
    watched = asyncio.ensure_future(soon(exchange.watch_my_trades(ETH)))
    await asyncio.sleep(1)
    ask = venue.touch("ETH")[1]
    amount = float(venue.size("ETH", 50, ask))
    bought = await soon(exchange.create_order_ws(ETH, "market", "buy", amount, float(ask)))
    try:
        trades = await watched
        that("trades", all(t["symbol"] == ETH for t in trades) and len(trades) > 0, f"trades in {ETH}", trades)
        equal("filled", bought["filled"], amount)
    finally:
        await soon(exchange.create_order_ws(ETH, "market", "sell", amount, float(ask), {"reduceOnly": True}))
