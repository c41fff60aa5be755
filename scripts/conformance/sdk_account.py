"""The Python SDK's account actions: who may act, leverage, and whether the money adds up."""

import re
from decimal import Decimal

import eth_account

import shape
from check import Cases, equal, eventually, keys, that
from venue import ALO, IOC, Venue, accepted, now_ms, oid_of, only, refused

case = Cases("sdk account")

NOBODY = re.compile(
    r"^(User or API Wallet (0x[0-9a-f]{40}) does not exist\.|Must deposit before performing actions\. User: (0x[0-9a-f]{40}))$"
)


def unknown_signer(answer: dict, address: str | None = None) -> None:
    """The venue does not know the signer; its text names the address that it recovered."""
    that("the answer", answer.get("status") == "err", "status err", answer)
    found = NOBODY.match(answer["response"])
    that("the venue's text", found is not None, NOBODY.pattern, answer["response"])
    if address is not None:
        equal("the address in it", found[2] or found[3], address.lower())


def quiet_order(venue: Venue, exchange: object) -> dict:
    """Posts an order away from the market and returns the venue's answer."""
    px = venue.quiet_px("BTC", True)
    return exchange.order("BTC", True, float(venue.size("BTC", 50, px)), float(px), ALO)


# -- who may act --


@case("a key without an account is named in the refusal")
def wrong_key(venue: Venue) -> None:
    stranger = eth_account.Account.create()
    unknown_signer(quiet_order(venue, venue.exchange(stranger)), stranger.address)


@case("an action changed after its signature has another signer")
def tampered(venue: Venue) -> None:
    px = venue.quiet_px("BTC", True)
    order = venue.wire("BTC", True, px, venue.size("BTC", 50, px))
    body = venue.signed(venue.alice, {"type": "order", "orders": [order], "grouping": "na"})
    body["action"]["orders"][0]["b"] = False
    unknown_signer(venue.info.post("/exchange", body))
    equal("open orders", venue.info.open_orders(venue.alice.address), [])


@case("a number with a trailing zero, or keys signed out of order, have another signer")
def not_canonical(venue: Venue) -> None:
    px = venue.quiet_px("ETH", True)
    order = venue.wire("ETH", True, px, venue.size("ETH", 50, px))
    swapped = dict(reversed(order.items()))
    for bad in (order | {"p": f"{px:.4f}0"}, swapped):
        answer = venue.info.session.post(
            venue.url + "/exchange",
            json=venue.signed(venue.alice, {"type": "order", "orders": [bad], "grouping": "na"}),
            timeout=20,
        )
        if answer.status_code != 422:
            that("the answer", answer.json()["status"] == "err", "err", answer.text)
    equal("open orders", venue.info.open_orders(venue.alice.address), [])


@case("a nonce is good once")
def duplicate_nonce(venue: Venue) -> None:
    px = venue.quiet_px("BTC", True)
    action = {"type": "order", "orders": [venue.wire("BTC", True, px, venue.size("BTC", 50, px))], "grouping": "na"}
    body = venue.signed(venue.alice, action)
    oid_of(venue.info.post("/exchange", body), "resting")
    refused(venue.info.post("/exchange", body), f"Invalid nonce: duplicate nonce {body['nonce']}")
    equal("orders placed", len(venue.info.open_orders(venue.alice.address)), 1)
    venue.cancel_all(venue.as_alice)


@case("a nonce three days old or two days ahead is refused")
def nonce_window(venue: Venue) -> None:
    day = 86_400_000
    for nonce in (now_ms() - 3 * day, now_ms() + 2 * day):
        answer = venue.send(venue.alice, {"type": "noop"}, nonce=nonce)
        text = answer.get("response")
        that("the answer", isinstance(text, str) and text.startswith("Invalid nonce"), "Invalid nonce…", answer)


@case("an action past its expiresAfter is refused, one before it is done")
def expires(venue: Venue) -> None:
    exchange = venue.exchange(venue.alice)
    exchange.set_expires_after(now_ms() - 1_000)
    refused(quiet_order(venue, exchange), "Action already expired")
    exchange.set_expires_after(now_ms() + 60_000)
    oid_of(quiet_order(venue, exchange), "resting")
    venue.cancel_all(venue.as_alice)


@case("an unknown vault is refused by its address")
def unknown_vault(venue: Venue) -> None:
    vault = "0x" + "0d" * 20
    refused(quiet_order(venue, venue.exchange(venue.alice, vault_address=vault)), f"Vault not registered: {vault}")


@case("an unnamed agent trades for its master")
def unnamed_agent(venue: Venue) -> None:
    answer, key = venue.as_alice.approve_agent()
    accepted(answer)
    agent_trades(venue, eth_account.Account.from_key(key))


@case("a named agent trades, is listed, and is replaced by the next of its name")
def named_agent(venue: Venue) -> None:
    answer, key = venue.as_alice.approve_agent("maker")
    accepted(answer)
    first = eth_account.Account.from_key(key)
    agent_trades(venue, first)
    listed = {a["name"]: a for a in venue.info.extra_agents(venue.alice.address)}
    that("extraAgents", "maker" in listed, "an agent named maker", listed)
    equal("its address", listed["maker"]["address"], first.address.lower())
    that(
        "its validUntil", shape.time_ms("validUntil", listed["maker"]["validUntil"]) > now_ms(), "in the future", listed
    )

    answer, key = venue.as_alice.approve_agent("maker")
    accepted(answer)
    agent_trades(venue, eth_account.Account.from_key(key))
    unknown_signer(quiet_order(venue, venue.exchange(first, account_address=venue.alice.address)), first.address)


def agent_trades(venue: Venue, agent: object) -> None:
    """What an agent places is its master's, and the agent itself has nothing."""
    equal(
        "userRole",
        venue.info.user_role(agent.address),
        {"role": "agent", "data": {"user": venue.alice.address.lower()}},
    )
    exchange = venue.exchange(agent, account_address=venue.alice.address)
    oid = oid_of(quiet_order(venue, exchange), "resting")
    equal("the master's open orders", [o["oid"] for o in venue.info.open_orders(venue.alice.address)], [oid])
    equal("the agent's open orders", venue.info.open_orders(agent.address), [])
    equal("the agent's cancel", only(exchange.cancel("BTC", oid), "cancel"), "success")


@case("a fourth named agent is refused")
def too_many_agents(venue: Venue) -> None:
    for name in ("maker", "second", "third"):
        accepted(venue.as_alice.approve_agent(name)[0])
    answer, _ = venue.as_alice.approve_agent("fourth")
    refused(answer, "Too many extra agents for cumulative volume traded. Current limit is 3")
    names = {agent["name"] for agent in venue.info.extra_agents(venue.alice.address)}
    equal("extraAgents", names, {"maker", "second", "third"})


@case("an agent approves nobody: user-signed actions are the account's own")
def agent_of_agent(venue: Venue) -> None:
    answer, key = venue.as_alice.approve_agent("maker")
    accepted(answer)
    agent = eth_account.Account.from_key(key)
    answer, _ = venue.exchange(agent).approve_agent("other")
    unknown_signer(answer, agent.address)


@case("the dead man's switch is refused below a million dollars of volume")
def schedule_cancel_gate(venue: Venue) -> None:
    pattern = (
        r"^Cannot set scheduled cancel time until enough volume traded\. Required: \$1000000\. Traded: \$[\d.]+\.$"
    )
    for time in (now_ms() + 10_000, None):
        answer = venue.as_alice.schedule_cancel(time)
        equal("status", answer["status"], "err")
        shape.matches("the venue's text", re.compile(pattern), answer["response"])


# -- leverage --


def leverage_of(venue: Venue, coin: str) -> dict:
    """Alice's leverage, as activeAssetData has it whether or not there is a position."""
    data = venue.ask(type="activeAssetData", user=venue.alice.address, coin=coin)
    keys("activeAssetData", data, "user", "coin", "leverage", "maxTradeSzs", "availableToTrade", "markPx")
    return data["leverage"]


@case("leverage is set within 1 and the asset's maximum")
def leverage(venue: Venue) -> None:
    most = venue.asset("BTC")["maxLeverage"]
    for value in (3, most, 10):
        accepted(venue.as_alice.update_leverage(value, "BTC"))
        equal("activeAssetData", leverage_of(venue, "BTC"), {"type": "cross", "value": value})
    for value in (0, most + 1):
        refused(venue.as_alice.update_leverage(value, "BTC"), "Invalid leverage value")
    equal("after the refusals", leverage_of(venue, "BTC")["value"], 10)


@case("cross and isolated do not change with an open position")
def leverage_switch(venue: Venue) -> None:
    accepted(venue.as_alice.update_leverage(5, "ETH", is_cross=True))
    oid_of(venue.as_alice.market_open("ETH", True, float(venue.size("ETH", 100, venue.touch("ETH")[0]))), "filled")
    try:
        refused(
            venue.as_alice.update_leverage(5, "ETH", is_cross=False), "Cannot switch leverage type with open position."
        )
        refused(venue.as_alice.update_isolated_margin(5.0, "ETH"), "Position does not use isolated margin.")
        accepted(venue.as_alice.update_leverage(10, "ETH", is_cross=True))
        equal(
            "the position's leverage",
            venue.positions(venue.alice.address)["ETH"]["leverage"],
            {"type": "cross", "value": 10},
        )
    finally:
        venue.flatten(venue.as_alice)


@case("isolated margin: a position takes its own, and more on request")
def isolated(venue: Venue) -> None:
    accepted(venue.as_alice.update_leverage(5, "SOL", is_cross=False))
    try:
        oid_of(venue.as_alice.market_open("SOL", True, float(venue.size("SOL", 100, venue.touch("SOL")[0]))), "filled")
        before = venue.positions(venue.alice.address)["SOL"]
        keys("its leverage", before["leverage"], "type", "value", "rawUsd")
        equal("its leverage", (before["leverage"]["type"], before["leverage"]["value"]), ("isolated", 5))
        accepted(venue.as_alice.update_isolated_margin(7.5, "SOL"))
        after = venue.positions(venue.alice.address)["SOL"]
        added = Decimal(after["leverage"]["rawUsd"]) - Decimal(before["leverage"]["rawUsd"])
        shape.close("rawUsd grew by the margin", added, Decimal("7.5"), "0.01")
    finally:
        venue.flatten(venue.as_alice)
        venue.as_alice.update_leverage(5, "SOL", is_cross=True)


# -- the money --


@case("a position opened and closed: fees, closedPnl and value add up")
def round_trip(venue: Venue) -> None:
    alice = venue.alice.address
    rate = Decimal(venue.info.user_fees(alice)["userCrossRate"])
    start = raw_usd(venue)
    since = venue.info.user_state(alice)["time"]
    px = venue.touch("BTC")[1]
    sz = venue.size("BTC", 500, px)
    opened = only(venue.as_alice.market_open("BTC", True, float(sz)))["filled"]
    position_adds_up(venue, "BTC", sz)
    closed = only(venue.as_alice.market_close("BTC"))["filled"]
    equal("nothing left", venue.positions(alice), {})

    def ours() -> list:
        fills = [f for f in venue.info.user_fills_by_time(alice, since) if f["oid"] in (opened["oid"], closed["oid"])]
        return fills if sum(shape.signed_size(f) for f in fills) == 0 else []

    fills = eventually("both orders' fills", ours, "as much sold as bought")
    cash = Decimal(0)
    for entry in fills:
        shape.fill(entry)
        equal("a taker's fee", Decimal(entry["fee"]), shape.fee(entry, rate))
        cash -= shape.signed_size(entry) * Decimal(entry["px"])
        opens = entry["oid"] == opened["oid"]
        equal("its dir", entry["dir"], "Open Long" if opens else "Close Long")
        if opens:
            equal("its closedPnl", Decimal(entry["closedPnl"]), Decimal(0))
    pnl = sum(Decimal(entry["closedPnl"]) for entry in fills)
    fees = sum(Decimal(entry["fee"]) for entry in fills)
    shape.close("closedPnl without fees is the cash of the trades", pnl, cash, "0.0001")
    shape.close("the account's cash moved by pnl - fees", raw_usd(venue) - start, pnl - fees, "0.0001")


def raw_usd(venue: Venue) -> Decimal:
    return Decimal(venue.info.user_state(venue.alice.address)["marginSummary"]["totalRawUsd"])


def position_adds_up(venue: Venue, coin: str, szi: Decimal) -> None:
    """The identities that hold in one answer of clearinghouseState."""
    state = venue.info.user_state(venue.alice.address)
    summary = state["marginSummary"]
    value = ntl = margin = Decimal(0)
    for item in state["assetPositions"]:
        equal("its type", item["type"], "oneWay")
        p = item["position"]
        keys("a position", p, "coin", "szi", "leverage", "entryPx", "positionValue", "unrealizedPnl", "returnOnEquity")
        keys("a position", p, "liquidationPx", "marginUsed", "maxLeverage", "cumFunding")
        keys("its cumFunding", p["cumFunding"], "allTime", "sinceOpen", "sinceChange")
        size, worth = Decimal(p["szi"]), Decimal(p["positionValue"])
        value += worth if size > 0 else -worth
        ntl += worth
        margin += Decimal(p["marginUsed"])
        mark = worth / abs(size)
        pnl = size * (mark - Decimal(p["entryPx"]))
        shape.close(
            "unrealizedPnl = szi * (mark - entry)", Decimal(p["unrealizedPnl"]), pnl, str(abs(size) + Decimal("0.001"))
        )
        if p["leverage"]["type"] == "cross":
            shape.close(
                "marginUsed = value / leverage", Decimal(p["marginUsed"]), worth / p["leverage"]["value"], "0.00001"
            )
        equal("its maxLeverage", p["maxLeverage"], venue.asset(p["coin"])["maxLeverage"])
    raw = Decimal(summary["totalRawUsd"])
    shape.close(
        "accountValue = totalRawUsd + sum of szi * mark", Decimal(summary["accountValue"]), raw + value, "0.00001"
    )
    shape.close("totalNtlPos", Decimal(summary["totalNtlPos"]), ntl, "0.00001")
    shape.close("totalMarginUsed", Decimal(summary["totalMarginUsed"]), margin, "0.00001")
    held = {item["position"]["coin"]: Decimal(item["position"]["szi"]) for item in state["assetPositions"]}
    equal(f"the position in {coin}", held.get(coin), szi)


@case("a position is the sum of its fills; each fill says what it started from; a flip says so")
def position_is_fills(venue: Venue) -> None:
    alice, coin = venue.alice.address, "ETH"
    px = venue.touch(coin)[0]
    unit = venue.size(coin, 50, px)
    for is_buy, times in ((False, 1), (True, 3), (False, 1)):
        oid_of(venue.as_alice.market_open(coin, is_buy, float(unit * times)), "filled")
    try:
        equal("the position", Decimal(venue.positions(alice)[coin]["szi"]), unit)
        everything = venue.info.user_fills(alice)
        times = [f["time"] for f in everything]
        that("userFills is newest first", times == sorted(times, reverse=True), "descending", times)
        keys_of = [(f["time"], f["coin"], f["tid"]) for f in everything]
        equal("(time, coin, tid) is unique", len(set(keys_of)), len(keys_of))
        chain = sorted((f for f in everything if f["coin"] == coin), key=lambda f: f["time"])
        ends = {Decimal(f["startPosition"]) + shape.signed_size(f) for f in chain}
        starts = {Decimal(f["startPosition"]) for f in chain} | {unit}
        that("each fill starts where another ended", ends <= starts, "a chain", (starts, ends))
        that("a flip", any(f["dir"] == "Short > Long" for f in chain), "Short > Long", [f["dir"] for f in chain])
        equal("the sum of all fills", sum(map(shape.signed_size, chain)), unit)
        position_adds_up(venue, coin, unit)
    finally:
        venue.flatten(venue.as_alice)


@case("userFillsByTime is ascending and respects its range")
def fills_by_time(venue: Venue) -> None:
    alice = venue.alice.address
    fills = venue.info.user_fills_by_time(alice, 0)
    times = [f["time"] for f in fills]
    that("ascending", len(times) > 0 and times == sorted(times), "ascending", times)
    middle = times[len(times) // 2]
    later = venue.info.user_fills_by_time(alice, middle)
    that("from the middle on", all(f["time"] >= middle for f in later) and len(later) > 0, f">= {middle}", later[:1])
    until = venue.info.user_fills_by_time(alice, 0, middle)
    that("up to the middle", all(f["time"] <= middle for f in until) and len(until) > 0, f"<= {middle}", until[-1:])
    everything = {(f["time"], f["coin"], f["tid"]) for f in venue.info.user_fills(alice)}
    equal("the same fills as userFills", {(f["time"], f["coin"], f["tid"]) for f in fills}, everything)


@case("a reduce-only sale larger than the position closes it and no more")
def reduce_only_caps(venue: Venue) -> None:
    bid = venue.touch("SOL")[0]
    sz = venue.size("SOL", 50, bid)
    oid_of(venue.as_alice.market_open("SOL", True, float(sz)), "filled")
    px = venue.quiet_px("SOL", True)
    item = only(venue.as_alice.order("SOL", False, float(sz * 3), float(px), IOC, reduce_only=True))["filled"]
    equal("the size filled", Decimal(item["totalSz"]), sz)
    equal("positions", venue.positions(venue.alice.address), {})


@case("the account's volume is what its fills sum to")
def volume(venue: Venue) -> None:
    limit = venue.info.user_rate_limit(venue.alice.address)
    traded = sum(Decimal(f["px"]) * Decimal(f["sz"]) for f in venue.info.user_fills(venue.alice.address))
    shape.close("cumVlm", Decimal(limit["cumVlm"]), traded, "0.05")
