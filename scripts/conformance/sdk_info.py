"""The Python SDK's questions: market data and an account's state."""

import time
from decimal import Decimal

import shape
from check import Cases, equal, eventually, keys, that
from venue import PERPS, Venue, new_cloid, now_ms

case = Cases("sdk info")

HOUR_MS = 3_600_000


@case("spotMeta and meta construct Info; seven perps with integer szDecimals")
def meta(venue: Venue) -> None:
    universe = venue.meta["universe"]
    names = [asset["name"] for asset in universe]
    that("the perps", set(PERPS) <= set(names), PERPS, names)
    equal(
        "asset ids are positions in the universe", [venue.info.name_to_asset(n) for n in names], list(range(len(names)))
    )
    for asset in universe:
        that("szDecimals", type(asset["szDecimals"]) is int and 0 <= asset["szDecimals"] <= 5, "0 to 5", asset)
        that("maxLeverage", type(asset["maxLeverage"]) is int and asset["maxLeverage"] >= 3, "an integer >= 3", asset)
        integer_table = type(asset["marginTableId"]) is int
        that("marginTableId", integer_table, "an integer", asset)
    keys("meta", venue.meta, "marginTables", "collateralToken")


@case("allMids: a mid for each perp, within its touch")
def all_mids(venue: Venue) -> None:
    mids = venue.info.all_mids()
    for coin in PERPS:
        mid = shape.positive(f"mid of {coin}", mids.get(coin))
        bid, ask = venue.touch(coin)
        that(f"mid of {coin} near its touch", bid * Decimal("0.98") < mid < ask * Decimal("1.02"), (bid, ask), mid)


@case("l2Book: sorted, at most 20 levels a side, px on the tick, sz on the lot")
def l2_book(venue: Venue) -> None:
    for coin in PERPS:
        shape.book(venue.info.l2_snapshot(coin), coin, venue.asset(coin)["szDecimals"])


@case("l2Book with nSigFigs: bids rounded down, asks up, levels merged")
def l2_aggregated(venue: Venue) -> None:
    bids, asks = venue.ask(type="l2Book", coin="BTC", nSigFigs=3)["levels"]
    for levels in (bids, asks):
        for entry in levels:
            px = Decimal(entry["px"])
            that("three figures", px % Decimal(1).scaleb(px.adjusted() - 2) == 0, "a multiple of 10^(n-2)", px)
    bid, ask = venue.touch("BTC")
    that("the best bid rounds down", Decimal(bids[0]["px"]) <= bid * Decimal("1.001"), f"<= {bid}", bids[0])
    that("the best ask rounds up", Decimal(asks[0]["px"]) >= ask * Decimal("0.999"), f">= {ask}", asks[0])


@case("candleSnapshot: one-minute candles, on the grid, oldest first")
def candles(venue: Venue) -> None:
    def ask() -> list:
        return venue.info.candles_snapshot("BTC", "1m", now_ms() - HOUR_MS, now_ms())

    got = eventually("a candle", ask, "a candle of this hour", timeout_s=20)
    for entry in got:
        shape.candle(entry, "BTC", "1m", 60_000)
    opens = [entry["t"] for entry in got]
    that("sorted, each minute once", opens == sorted(set(opens)), "ascending t", opens)
    equal(
        "a range in the future is empty",
        venue.info.candles_snapshot("BTC", "1m", now_ms() + HOUR_MS, now_ms() + 2 * HOUR_MS),
        [],
    )


@case("recentTrades: newest first, well formed")
def recent_trades(venue: Venue) -> None:
    trades = eventually("a trade", lambda: venue.ask(type="recentTrades", coin="BTC"), "a trade", timeout_s=30)
    for entry in trades:
        shape.trade(entry, "BTC")
    times = [entry["time"] for entry in trades]
    that("newest first", times == sorted(times, reverse=True), "descending time", times)


@case("metaAndAssetCtxs: one context for each asset, near its mid")
def contexts(venue: Venue) -> None:
    meta, ctxs = venue.info.meta_and_asset_ctxs()
    equal("as many contexts as assets", len(ctxs), len(meta["universe"]))
    mids = venue.info.all_mids()
    for asset, ctx in zip(meta["universe"], ctxs, strict=True):
        shape.asset_ctx(ctx)
        mid, mark, oracle = Decimal(mids[asset["name"]]), Decimal(ctx["markPx"]), Decimal(ctx["oraclePx"])
        for what, px in (("mark", mark), ("oracle", oracle)):
            that(f"{what} of {asset['name']} near its mid", abs(px / mid - 1) < Decimal("0.05"), mid, px)


@case("perpDexs has the first dex alone; spot questions are answered")
def dexes(venue: Venue) -> None:
    equal("perpDexs", venue.info.perp_dexs(), [None])
    spot = venue.info.spot_meta()
    keys("spotMeta", spot, "universe", "tokens")
    meta, ctxs = venue.info.spot_meta_and_asset_ctxs()
    keys("spotMetaAndAssetCtxs", meta, "universe", "tokens")
    that("spot contexts", isinstance(ctxs, list), "a list", ctxs)
    keys("spotClearinghouseState", venue.info.spot_user_state(venue.alice.address), "balances")


@case("fundingHistory: hourly rates, oldest first, in the range asked for")
def funding_history(venue: Venue) -> None:
    start = now_ms() - 24 * HOUR_MS
    rates = venue.info.funding_history("BTC", start, now_ms())
    that("a list of a day's hours", isinstance(rates, list) and len(rates) <= 25, "at most 25", rates)
    for entry in rates:
        keys("a rate", entry, "coin", "fundingRate", "premium", "time")
        equal("its coin", entry["coin"], "BTC")
        shape.decimal("its fundingRate", entry["fundingRate"])
        that("its time", start <= shape.time_ms("its time", entry["time"]) <= now_ms(), "in the range", entry)
    times = [entry["time"] for entry in rates]
    that("oldest first", times == sorted(times), "ascending", times)


@case("exchangeStatus has the venue's clock, within a minute of ours")
def clock(venue: Venue) -> None:
    status = venue.ask(type="exchangeStatus")
    equal("specialStatuses", status["specialStatuses"], None)
    that("time", abs(shape.time_ms("time", status["time"]) - now_ms()) < 60_000, "now", status["time"])


@case("clearinghouseState of a funded account")
def user_state(venue: Venue) -> None:
    state = venue.info.user_state(venue.alice.address)
    keys("the state", state, "marginSummary", "crossMarginSummary", "crossMaintenanceMarginUsed", "withdrawable")
    keys("the state", state, "assetPositions", "time")
    for name in ("marginSummary", "crossMarginSummary"):
        shape.margin_summary(name, state[name])
    shape.positive("accountValue", state["marginSummary"]["accountValue"])
    shape.positive("withdrawable", state["withdrawable"])
    shape.time_ms("time", state["time"])


@case("an address that the venue never saw is empty everywhere, and its role is missing")
def stranger(venue: Venue) -> None:
    nobody = "0x" + "0e" * 20
    state = venue.info.user_state(nobody)
    equal("its positions", state["assetPositions"], [])
    equal("its value", Decimal(state["marginSummary"]["accountValue"]), Decimal(0))
    for ask in (venue.info.open_orders, venue.info.frontend_open_orders, venue.info.user_fills):
        equal(ask.__name__, ask(nobody), [])
    equal("its role", venue.info.user_role(nobody), {"role": "missing"})


@case("userFees: the base tier's rates, signed decimals")
def user_fees(venue: Venue) -> None:
    fees = venue.info.user_fees(venue.alice.address)
    keys("userFees", fees, "dailyUserVlm", "feeSchedule", "userCrossRate", "userAddRate", "activeReferralDiscount")
    keys("feeSchedule", fees["feeSchedule"], "cross", "add", "tiers", "referralDiscount")
    keys("tiers", fees["feeSchedule"]["tiers"], "vip", "mm")
    cross, add = (shape.decimal(key, fees[key]) for key in ("userCrossRate", "userAddRate"))
    that("a taker pays more than a maker", cross > add, f"> {add}", cross)
    that("rates are fractions", cross < Decimal("0.01"), "< 0.01", cross)


@case("userRateLimit: cap = 10000 + volume; an action counts one")
def rate_limit(venue: Venue) -> None:
    before = venue.info.user_rate_limit(venue.alice.address)
    keys("userRateLimit", before, "cumVlm", "nRequestsUsed", "nRequestsCap")
    equal("the cap", before["nRequestsCap"], 10_000 + int(shape.decimal("cumVlm", before["cumVlm"])))
    oid, _, _ = venue.rest(venue.as_alice)
    venue.as_alice.cancel("BTC", oid)
    after = venue.info.user_rate_limit(venue.alice.address)
    equal("requests used by an order and its cancel", after["nRequestsUsed"] - before["nRequestsUsed"], 2)


@case("userRole, extraAgents, userAbstraction, subAccounts, ledger of a funded account")
def account_facts(venue: Venue) -> None:
    address = venue.alice.address
    equal("userRole", venue.info.user_role(address), {"role": "user"})
    that("extraAgents", isinstance(venue.info.extra_agents(address), list), "a list", venue.info.extra_agents(address))
    abstraction = venue.info.query_user_abstraction_state(address)
    that("userAbstraction", abstraction in ("default", "disabled"), "default or disabled", abstraction)
    subs = venue.info.query_sub_accounts(address)
    that("subAccounts", subs is None or subs == [], "null or []", subs)
    ledger = venue.info.user_non_funding_ledger_updates(address, 0)
    that("ledger", isinstance(ledger, list) and len(ledger) > 0, "the deposit that opened it", ledger)
    for entry in ledger:
        keys("a ledger entry", entry, "time", "hash", "delta")
    deposit = ledger[0]["delta"]
    equal("the first entry", (deposit["type"], shape.positive("usdc", deposit["usdc"]) > 0), ("deposit", True))
    for entry in venue.info.user_funding_history(address, now_ms() - 24 * HOUR_MS):
        keys("a funding payment", entry, "time", "hash", "delta")
        keys("its delta", entry["delta"], "type", "coin", "usdc", "szi", "fundingRate")


@case("orderStatus by oid and by cloid, of open, cancelled and unknown orders")
def order_status(venue: Venue) -> None:
    cloid = new_cloid()
    oid, px, sz = venue.rest(venue.as_alice, cloid=cloid)
    by_oid = venue.info.query_order_by_oid(venue.alice.address, oid)
    equal("status", (by_oid["status"], by_oid["order"]["status"]), ("order", "open"))
    order = by_oid["order"]["order"]
    shape.frontend_order(order)
    shape.time_ms("statusTimestamp", by_oid["order"]["statusTimestamp"])
    got = (order["oid"], Decimal(order["limitPx"]), Decimal(order["origSz"]), order["tif"], order["cloid"])
    equal("the order", got, (oid, px, sz, "Alo", cloid.to_raw()))
    equal("by cloid", venue.info.query_order_by_cloid(venue.alice.address, cloid), by_oid)
    venue.as_alice.cancel("BTC", oid)
    equal("after its cancel", venue.status_of(venue.alice.address, oid), "canceled")
    unknown = {"status": "unknownOid"}
    equal("an oid never given", venue.info.query_order_by_oid(venue.alice.address, 1), unknown)
    equal("a cloid never given", venue.info.query_order_by_cloid(venue.alice.address, new_cloid()), unknown)


@case("historicalOrders: each status of an order, newest first")
def historical_orders(venue: Venue) -> None:
    oid, _, _ = venue.rest(venue.as_alice)
    time.sleep(0.02)
    venue.as_alice.cancel("BTC", oid)
    history = venue.info.historical_orders(venue.alice.address)
    for entry in history:
        keys("an entry", entry, "order", "status", "statusTimestamp")
        shape.frontend_order(entry["order"])
    times = [entry["statusTimestamp"] for entry in history]
    that("newest first", times == sorted(times, reverse=True), "descending", times)
    statuses = [entry["status"] for entry in history if entry["order"]["oid"] == oid]
    that("the order's last word comes first", statuses[:1] == ["canceled"], "canceled first", statuses)


@case("openOrders and frontendOpenOrders agree")
def open_orders(venue: Venue) -> None:
    oids = [venue.rest(venue.as_alice, coin=coin, cloid=new_cloid())[0] for coin in ("BTC", "SOL")]
    plain = venue.info.open_orders(venue.alice.address)
    front = venue.info.frontend_open_orders(venue.alice.address)
    for entry in plain:
        shape.open_order(entry)
    for entry in front:
        shape.frontend_order(entry)
    equal("the orders", {entry["oid"] for entry in plain}, set(oids))
    view = [
        {key: e[key] for key in ("coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz", "cloid")} for e in plain
    ]
    by_oid = {entry["oid"]: entry for entry in front}
    equal("both lists", [{key: by_oid[e["oid"]][key] for key in e} for e in view], view)
    venue.cancel_all(venue.as_alice)
    equal("after their cancel", venue.info.open_orders(venue.alice.address), [])
