"""ccxt over REST: as it comes (source a; approves its builder fee and referrer), and in sandbox mode (source b; neither)."""

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt

import shape
from check import Cases, equal, eventually, raises, that
from venue import BOB_KEY, PERPS, Venue, new_cloid, now_ms

case = Cases("ccxt")

BTC, ETH, SOL = (f"{coin}/USDC:USDC" for coin in ("BTC", "ETH", "SOL"))

# ccxt's own defaults, which it approves and attaches unless it is told not to.
BUILDER = "0x6530512a6c89c7cfcebc3ba7fcd9ada5f30827a6"
BUILDER_RATE = Decimal("0.0001")


def client(venue: Venue, sandbox: bool) -> ccxt.hyperliquid:
    """A client with bob's key. In sandbox mode it signs as testnet and neither approves nor refers."""
    exchange = ccxt.hyperliquid(settings(venue, approves=not sandbox))
    point_at(exchange, venue, sandbox)
    return exchange


def settings(venue: Venue, approves: bool) -> dict:
    """Bob's client of the perps; one that does not approve still names its builder in orders, at a fee of 0."""
    options: dict[str, Any] = {"fetchMarkets": {"types": ["swap"]}}
    if not approves:
        options |= {"refSet": True, "builderFee": False, "approvedBuilderFee": True}
    return {
        "walletAddress": venue.bob.address,
        "privateKey": BOB_KEY,
        "enableRateLimit": False,
        "timeout": 20_000,
        "options": options,
    }


def point_at(exchange: Any, venue: Venue, sandbox: bool) -> None:
    """Sends everything to the venue under test; sandbox mode first, because it replaces the urls."""
    if sandbox:
        exchange.set_sandbox_mode(True)
    exchange.urls["api"] = {"public": venue.url, "private": venue.url, "ws": {"public": venue.ws_url}}


@functools.lru_cache
def loaded(venue: Venue, sandbox: bool) -> ccxt.hyperliquid:
    exchange = client(venue, sandbox)
    exchange.load_markets()
    return exchange


def both(title: str) -> Callable[[Callable[[Venue, ccxt.hyperliquid], None]], Any]:
    """A check that both kinds of client must pass."""

    def add(function: Callable[[Venue, ccxt.hyperliquid], None]) -> None:
        for name, sandbox in (("source a", False), ("source b", True)):
            case(f"{title} [{name}]")(lambda venue, sandbox=sandbox: function(venue, loaded(venue, sandbox)))

    return add


def quiet(venue: Venue, exchange: ccxt.hyperliquid, symbol: str, usd: float = 50) -> tuple[float, float]:
    """A size and a price below the market at which a purchase rests."""
    coin = exchange.market(symbol)["baseName"]
    px = venue.quiet_px(coin, True)
    return float(venue.size(coin, usd, px)), float(px)


def place(venue: Venue, exchange: ccxt.hyperliquid, symbol: str = BTC, **params: Any) -> dict:
    amount, px = quiet(venue, exchange, symbol)
    return exchange.create_order(symbol, "limit", "buy", amount, px, {"postOnly": True, **params})


# -- start --


@case("load_markets with keys approves the builder fee and sets the referrer [source a]")
def start(venue: Venue) -> None:
    exchange = client(venue, sandbox=False)
    answers = []
    ask = exchange.privatePostExchange
    exchange.privatePostExchange = lambda request: (
        answers.append((request["action"]["type"], ask(request))) or answers[-1][1]
    )
    exchange.load_markets()
    that("actions", [kind for kind, _ in answers][:1] == ["approveBuilderFee"], "approveBuilderFee first", answers)
    ok = {"status": "ok", "response": {"type": "default"}}
    equal("the approval's answer", answers[0][1], ok)
    equal("approved", exchange.options["approvedBuilderFee"], True)
    equal("balances are not unified", exchange.options["enableUnifiedMargin"], False)
    approved = venue.ask(type="maxBuilderFee", user=venue.bob.address, builder=BUILDER)
    equal("maxBuilderFee, in tenths of a basis point", approved, 10)


@case("load_markets of a client without keys, with spot and builder-deployed markets too")
def keyless(venue: Venue) -> None:
    exchange = ccxt.hyperliquid({"enableRateLimit": False})
    point_at(exchange, venue, sandbox=False)
    markets = exchange.load_markets()
    that("the perps", {f"{coin.upper()}/USDC:USDC" for coin in PERPS} <= set(markets), PERPS, list(markets))
    status = exchange.fetch_status()
    equal("fetch_status", status["status"], "ok")
    that("fetch_time", abs(exchange.fetch_time() - now_ms()) < 60_000, "now", exchange.fetch_time())


@both("markets: precision and limits follow from meta")
def markets(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    for coin in PERPS:
        market = exchange.market(f"{coin.upper()}/USDC:USDC")
        equal(f"{coin}: baseId", market["baseId"], str(venue.index(coin)))
        step = Decimal(str(market["precision"]["amount"]))
        equal(f"{coin}: amount step", step, Decimal(1).scaleb(-venue.asset(coin)["szDecimals"]).normalize() + 0)
        equal(f"{coin}: leverage", market["limits"]["leverage"]["max"], venue.asset(coin)["maxLeverage"])
        equal(f"{coin}: active", market["active"], True)


# -- market data --


@both("fetch_ticker and fetch_tickers")
def tickers(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    several = exchange.fetch_tickers()
    that("the perps", {f"{coin.upper()}/USDC:USDC" for coin in PERPS} <= set(several), PERPS, list(several))
    ticker = exchange.fetch_ticker(BTC)
    bid, ask = map(float, venue.touch("BTC"))
    that("bid <= ask", ticker["bid"] <= ticker["ask"], "bid <= ask", ticker)
    that("close near the touch", bid * 0.98 < ticker["close"] < ask * 1.02, (bid, ask), ticker["close"])


@both("fetch_order_book, also of a coin whose name has a small letter")
def order_book(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    for symbol in (BTC, "KPEPE/USDC:USDC"):
        book = exchange.fetch_order_book(symbol)
        equal("symbol", book["symbol"], symbol)
        that("two sides", bool(book["bids"]) and bool(book["asks"]), "bids and asks", book)
        that("uncrossed", book["bids"][0][0] < book["asks"][0][0], "bid < ask", (book["bids"][0], book["asks"][0]))
        that("timestamp", abs(book["timestamp"] - now_ms()) < 60_000, "now", book["timestamp"])


@both("fetch_ohlcv, from the beginning of time and of the last hour")
def ohlcv(_: Venue, exchange: ccxt.hyperliquid) -> None:
    for options in ({}, {"limit": 60}):
        rows = eventually("candles", lambda options=options: exchange.fetch_ohlcv(BTC, "1m", **options), timeout_s=20)
        for t, o, h, low, c, v in rows:
            that(
                "a candle",
                t % 60_000 == 0 and low <= min(o, c) <= max(o, c) <= h and v >= 0,
                "t, l <= o, c <= h",
                (t, o, h, low, c),
            )


@both("fetch_funding_rates")
def funding(_: Venue, exchange: ccxt.hyperliquid) -> None:
    rates = exchange.fetch_funding_rates()
    for coin in PERPS:
        rate = rates[f"{coin.upper()}/USDC:USDC"]
        that(f"{coin}: rate", abs(rate["fundingRate"]) <= 0.04, "at most 4 % an hour", rate["fundingRate"])
        that(f"{coin}: prices", rate["markPrice"] > 0 and rate["indexPrice"] > 0, "> 0", rate)


@both("fetch_balance, fetch_trading_fee")
def balance(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    usdc = exchange.fetch_balance()["USDC"]
    value = float(venue.info.user_state(venue.bob.address)["marginSummary"]["accountValue"])
    that("total", abs(usdc["total"] - value) < max(1.0, value * 0.001), value, usdc)
    that("free + used = total", abs(usdc["free"] + usdc["used"] - usdc["total"]) < 1e-6, "free + used", usdc)
    fee, fees = exchange.fetch_trading_fee(BTC), venue.info.user_fees(venue.bob.address)
    equal("fees", (fee["maker"], fee["taker"]), (float(fees["userAddRate"]), float(fees["userCrossRate"])))


# -- orders --


@both("create_order postOnly, fetch_order, fetch_open_orders, cancel_order")
def limit_order(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    cloid = new_cloid().to_raw()
    order = place(venue, exchange, clientOrderId=cloid)
    that("an id", order["id"].isdigit(), "digits", order["id"])
    found = exchange.fetch_order(order["id"], BTC)
    got = (
        found["id"],
        found["status"],
        found["symbol"],
        found["side"],
        found["postOnly"],
        found["clientOrderId"],
        found["filled"],
    )
    equal("fetch_order", got, (order["id"], "open", BTC, "buy", True, cloid, 0.0))
    equal("by client id", exchange.fetch_order(None, BTC, {"clientOrderId": cloid})["id"], order["id"])
    equal("fetch_open_orders", [o["id"] for o in exchange.fetch_open_orders(BTC)], [order["id"]])
    equal("fetch_open_orders of another", exchange.fetch_open_orders(ETH), [])
    equal("cancel_order", exchange.cancel_order(order["id"], BTC)["status"], "success")
    equal("afterwards", exchange.fetch_order(order["id"], BTC)["status"], "canceled")
    closed = [o["id"] for o in exchange.fetch_canceled_orders(BTC)]
    that("fetch_canceled_orders", order["id"] in closed, order["id"], closed[:5])
    raises("a second cancel", ccxt.OrderNotFound, "already canceled", lambda: exchange.cancel_order(order["id"], BTC))
    raises("an unknown id", ccxt.OrderNotFound, "unknownOid", lambda: exchange.fetch_order("1", BTC))


@both("edit_order: a new id at the new price")
def edit_order(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    order = place(venue, exchange)
    amount, px = quiet(venue, exchange, BTC)
    px = float(Decimal(str(px)) - 20 * venue.tick("BTC", Decimal(str(px))))
    edited = exchange.edit_order(order["id"], BTC, "limit", "buy", amount, px, {"postOnly": True})
    that("its id", edited["id"] != order["id"], "a new one", edited["id"])
    equal("open orders", [(o["id"], o["price"]) for o in exchange.fetch_open_orders(BTC)], [(edited["id"], px)])
    equal("cancel", exchange.cancel_order(edited["id"], BTC)["status"], "success")


@both("create_orders and cancel_orders, by id and by client id")
def several(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    cloids = [new_cloid().to_raw() for _ in range(3)]
    amount, px = quiet(venue, exchange, SOL)
    request = {"symbol": SOL, "type": "limit", "side": "buy", "amount": amount, "price": px}
    orders = exchange.create_orders([request | {"params": {"postOnly": True, "clientOrderId": c}} for c in cloids])
    equal("open orders", {o["id"] for o in exchange.fetch_open_orders(SOL)}, {o["id"] for o in orders})
    equal("by id", [o["status"] for o in exchange.cancel_orders([o["id"] for o in orders[:2]], SOL)], ["success"] * 2)
    equal("by client id", exchange.cancel_orders([], SOL, {"clientOrderId": cloids[2:]})[0]["status"], "success")
    equal("open orders at the end", exchange.fetch_open_orders(SOL), [])


@both("a refusal becomes the exception that ccxt has for its text")
def refusals(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    amount, px = quiet(venue, exchange, BTC)
    high = float(venue.quiet_px("BTC", False))
    value = float(venue.info.user_state(venue.bob.address)["marginSummary"]["accountValue"])
    huge = float(venue.size("BTC", value * 100, Decimal(str(px))))
    cases = [
        (ccxt.InvalidOrder, "would have immediately matched", amount, high, {"postOnly": True}),
        (ccxt.InvalidOrder, "could not immediately match", amount, px, {"timeInForce": "Ioc"}),
        (ccxt.InvalidOrder, "minimum value of $10", amount / 10, px, {"postOnly": True}),
        (ccxt.InvalidOrder, "would increase position", amount, px, {"reduceOnly": True}),
        (ccxt.InsufficientFunds, "Insufficient margin", huge, px, {"postOnly": True}),
    ]
    for kind, text, size, price, params in cases:
        raises(text, kind, text, lambda s=size, p=price, o=params: exchange.create_order(BTC, "limit", "buy", s, p, o))
    equal("open orders", exchange.fetch_open_orders(), [])


@both("a market order fills; position, trades and fees; reduce-only closes it")
def market_order(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    user, since = venue.bob.address, now_ms() - 5_000
    rate = Decimal(venue.info.user_fees(user)["userCrossRate"])
    ask = venue.touch("ETH")[1]
    amount = venue.size("ETH", 100, ask)
    order = exchange.create_order(ETH, "market", "buy", float(amount), float(ask))
    try:
        equal("filled", Decimal(str(order["filled"])), amount)
        [position] = exchange.fetch_positions([ETH])
        equal(
            "position",
            (position["side"], Decimal(str(position["contracts"])), position["marginMode"]),
            ("long", amount, "cross"),
        )
        that("entry price", abs(position["entryPrice"] / float(ask) - 1) < 0.01, f"near {ask}", position["entryPrice"])
        mine = [t for t in exchange.fetch_my_trades(ETH, since) if t["order"] == order["id"]]
        equal("traded", sum(Decimal(str(t["amount"])) for t in mine), amount)
        equal(
            "taker, buy",
            {(t["takerOrMaker"], t["side"], t["fee"]["currency"]) for t in mine},
            {("taker", "buy", "USDC")},
        )
        for entry in (t["info"] for t in mine):
            shape.fill(entry)
            built(entry, rate, builder=not exchange.options["sandboxMode"])
        equal("fetch_trades is the wallet's fills", exchange.fetch_trades(ETH)[-1]["symbol"], ETH)
    finally:
        bid = venue.touch("ETH")[0]
        exchange.create_order(ETH, "market", "sell", float(amount), float(bid), {"reduceOnly": True})
    equal("positions afterwards", exchange.fetch_positions([ETH]), [])


def built(entry: dict, rate: Decimal, builder: bool) -> None:
    """A fill's fee, with one basis point for ccxt's builder on top where it was approved."""
    if not builder:
        equal("no builder fee", Decimal(entry.get("builderFee", 0)), Decimal(0))
        equal("the fee", Decimal(entry["fee"]), shape.fee(entry, rate))
        return
    part = shape.positive("builderFee", entry.get("builderFee"))
    shape.close("the builder's part", part, shape.fee(entry, BUILDER_RATE), "0.000001")
    shape.close("the fee includes it", Decimal(entry["fee"]) - part, shape.fee(entry, rate), "0.000001")


@both("set_leverage, set_margin_mode")
def leverage(venue: Venue, exchange: ccxt.hyperliquid) -> None:
    ok = {"status": "ok", "response": {"type": "default"}}
    equal("set_leverage", exchange.set_leverage(7, BTC), ok)
    data = venue.ask(type="activeAssetData", user=venue.bob.address, coin="BTC")
    equal("leverage", data["leverage"], {"type": "cross", "value": 7})
    equal("isolated", exchange.set_margin_mode("isolated", BTC, {"leverage": 4}), ok)
    equal("cross again", exchange.set_margin_mode("cross", BTC, {"leverage": 10}), ok)
    raises("too high", ccxt.ExchangeError, "Invalid leverage value", lambda: exchange.set_leverage(1000, BTC))


@both("cancel_all_orders_after is refused below the volume")
def dead_man(_: Venue, exchange: ccxt.hyperliquid) -> None:
    raises(
        "the gate", ccxt.ExchangeError, "until enough volume traded", lambda: exchange.cancel_all_orders_after(10_000)
    )


@case("an unknown vault, given without 0x as ccxt does [source a]")
def vault(venue: Venue) -> None:
    exchange = loaded(venue, False)
    address = "0x" + "0d" * 20
    raises(
        "the vault",
        ccxt.ExchangeError,
        f"Vault not registered: {address}",
        lambda: place(venue, exchange, vaultAddress=address),
    )
