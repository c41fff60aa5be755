"""The shapes of the venue's objects, in one place for REST and WebSocket, and its arithmetic."""

import re
from decimal import ROUND_DOWN, Decimal
from typing import Any

from check import equal, keys, that

DECIMAL = re.compile(r"^-?\d+\.\d+$|^-?\d+$")
ADDRESS = re.compile(r"^0x[0-9a-f]{40}$")
HASH = re.compile(r"^0x[0-9a-f]{64}$")
CLOID = re.compile(r"^0x[0-9a-f]{32}$")

DIRECTIONS = ("Open Long", "Open Short", "Close Long", "Close Short", "Long > Short", "Short > Long")


def decimal(what: str, value: Any) -> Decimal:
    """A number that the venue sends as a string, without an exponent."""
    that(what, isinstance(value, str) and DECIMAL.match(value) is not None, "a decimal string", value)
    return Decimal(value)


def positive(what: str, value: Any) -> Decimal:
    number = decimal(what, value)
    that(what, number > 0, "> 0", value)
    return number


def integer(what: str, value: Any) -> int:
    that(what, type(value) is int, "an integer", value)
    return value


def time_ms(what: str, value: Any) -> int:
    """Unix milliseconds of this century, not seconds and not nanoseconds."""
    that(what, type(value) is int and 10**12 < value < 10**13, "unix milliseconds", value)
    return value


def matches(what: str, pattern: re.Pattern, value: Any) -> None:
    that(what, isinstance(value, str) and pattern.match(value) is not None, pattern.pattern, value)


def tick(px: Decimal, sz_decimals: int) -> Decimal:
    """The step of a perp's prices at `px`: five figures, 6 - szDecimals decimals; integers always."""
    exponent = max(px.adjusted() - 4, -(6 - sz_decimals))
    return Decimal(1).scaleb(min(exponent, 0))


def book(data: Any, coin: str, sz_decimals: int, depth: int = 20) -> tuple[list[dict], list[dict]]:
    """An l2Book object: sorted, uncrossed, on the tick, not deeper than `depth`."""
    keys("l2Book", data, "coin", "time", "levels")
    equal("its coin", data["coin"], coin)
    time_ms("its time", data["time"])
    equal("two sides", len(data["levels"]), 2)
    sides = []
    for side, levels in zip(("bids", "asks"), data["levels"], strict=True):
        that(side, 0 < len(levels) <= depth, f"1 to {depth} levels", len(levels))
        prices = []
        for entry in levels:
            level(f"a level of the {side}", entry, sz_decimals)
            prices.append(Decimal(entry["px"]))
        that(
            f"{side} are sorted, each price once",
            prices == sorted(set(prices), reverse=side == "bids"),
            "best first",
            prices,
        )
        sides.append(prices)
    that("uncrossed", sides[0][0] < sides[1][0], "bid < ask", (sides[0][0], sides[1][0]))
    return data["levels"][0], data["levels"][1]


def level(what: str, entry: Any, sz_decimals: int) -> None:
    keys(what, entry, "px", "sz", "n")
    px, sz = positive(f"{what}: px", entry["px"]), positive(f"{what}: sz", entry["sz"])
    that(f"{what}: n", type(entry["n"]) is int and entry["n"] >= 1, "an integer >= 1", entry["n"])
    that(f"{what}: px on the tick", px % tick(px, sz_decimals) == 0, f"a multiple of {tick(px, sz_decimals)}", px)
    that(f"{what}: sz on the lot", sz % Decimal(1).scaleb(-sz_decimals) == 0, f"{sz_decimals} decimals", sz)


def trade(entry: Any, coin: str) -> None:
    """A public trade."""
    keys("a trade", entry, "coin", "side", "px", "sz", "hash", "time", "tid", "users")
    equal("its coin", entry["coin"], coin)
    that("its side", entry["side"] in ("A", "B"), "A or B", entry["side"])
    positive("its px", entry["px"])
    positive("its sz", entry["sz"])
    matches("its hash", HASH, entry["hash"])
    time_ms("its time", entry["time"])
    integer("its tid", entry["tid"])
    equal("buyer and seller", len(entry["users"]), 2)
    for user in entry["users"]:
        matches("an address", ADDRESS, user)


def candle(entry: Any, coin: str, interval: str, interval_ms: int) -> None:
    keys("a candle", entry, "t", "T", "s", "i", "o", "c", "h", "l", "v", "n")
    equal("its coin", entry["s"], coin)
    equal("its interval", entry["i"], interval)
    equal("its close time", entry["T"], time_ms("its open time", entry["t"]) + interval_ms - 1)
    equal("its open time is on the grid", entry["t"] % interval_ms, 0)
    o, h, low, c = (positive(f"its {key}", entry[key]) for key in "ohlc")
    that("low <= open, close <= high", low <= min(o, c) and max(o, c) <= h, "l <= o, c <= h", (o, h, low, c))
    that("its volume", decimal("its v", entry["v"]) >= 0, ">= 0", entry["v"])
    integer("its n", entry["n"])


def asset_ctx(ctx: Any) -> None:
    keys(
        "an asset context",
        ctx,
        "funding",
        "openInterest",
        "prevDayPx",
        "dayNtlVlm",
        "premium",
        "oraclePx",
        "markPx",
        "midPx",
    )
    keys("an asset context", ctx, "impactPxs", "dayBaseVlm")
    for key in ("openInterest", "dayNtlVlm", "dayBaseVlm", "funding"):
        decimal(key, ctx[key])
    for key in ("prevDayPx", "oraclePx", "markPx"):
        positive(key, ctx[key])
    if ctx["impactPxs"] is not None:
        bid, ask = (positive("an impact price", px) for px in ctx["impactPxs"])
        that("impact prices", bid <= ask, "bid <= ask", ctx["impactPxs"])
    if ctx["midPx"] is not None:
        positive("midPx", ctx["midPx"])


def fill(entry: Any) -> None:
    """One of an account's fills, REST or WebSocket."""
    keys("a fill", entry, "coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "hash", "oid")
    keys("a fill", entry, "crossed", "fee", "tid", "feeToken")
    positive("its px", entry["px"])
    positive("its sz", entry["sz"])
    for key in ("startPosition", "closedPnl", "fee"):
        decimal(f"its {key}", entry[key])
    that("its side", entry["side"] in ("A", "B"), "A or B", entry["side"])
    that("its dir", entry["dir"] in DIRECTIONS, DIRECTIONS, entry["dir"])
    that("crossed is a bool", isinstance(entry["crossed"], bool), "true or false", entry["crossed"])
    matches("its hash", HASH, entry["hash"])
    time_ms("its time", entry["time"])
    integer("its oid", entry["oid"])
    integer("its tid", entry["tid"])
    equal("its feeToken", entry["feeToken"], "USDC")


def open_order(entry: Any) -> None:
    """An item of openOrders, and the order inside orderUpdates."""
    keys("an order", entry, "coin", "side", "limitPx", "sz", "oid", "timestamp", "origSz")
    that("its side", entry["side"] in ("A", "B"), "A or B", entry["side"])
    positive("its limitPx", entry["limitPx"])
    sz, orig = decimal("its sz", entry["sz"]), positive("its origSz", entry["origSz"])
    that("what is left of it", 0 <= sz <= orig, f"0 to {orig}", sz)
    integer("its oid", entry["oid"])
    time_ms("its timestamp", entry["timestamp"])
    if entry.get("cloid") is not None:
        matches("its cloid", CLOID, entry["cloid"])


def frontend_order(entry: Any) -> None:
    """An item of frontendOpenOrders, and the order inside orderStatus."""
    open_order(entry)
    keys("a frontend order", entry, "tif", "cloid", "orderType", "children")
    for key, value in {
        "triggerCondition": "N/A",
        "isTrigger": False,
        "triggerPx": "0.0",
        "isPositionTpsl": False,
    }.items():
        equal(f"its {key}", entry.get(key), value)
    that("reduceOnly is a bool", isinstance(entry.get("reduceOnly"), bool), "true or false", entry.get("reduceOnly"))
    equal("its children", entry["children"], [])


def margin_summary(what: str, entry: Any) -> None:
    keys(what, entry, "accountValue", "totalNtlPos", "totalRawUsd", "totalMarginUsed")
    for key in ("accountValue", "totalNtlPos", "totalRawUsd", "totalMarginUsed"):
        decimal(f"{what}: {key}", entry[key])


def signed_size(entry: dict) -> Decimal:
    """A fill's size, positive when it bought."""
    return Decimal(entry["sz"]) * (1 if entry["side"] == "B" else -1)


def fee(entry: dict, rate: Decimal) -> Decimal:
    """What the venue charges for a fill: truncated towards zero at six decimals, never rounded up."""
    return (Decimal(entry["px"]) * Decimal(entry["sz"]) * rate).quantize(Decimal("0.000001"), ROUND_DOWN)


def close(what: str, got: Decimal, expected: Decimal, tolerance: str) -> None:
    that(what, abs(got - expected) <= Decimal(tolerance), f"{expected} to within {tolerance}", got)
