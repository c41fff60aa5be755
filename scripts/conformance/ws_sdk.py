"""The Python SDK's subscriptions: each delivers frames of the right shape, routed by the SDK itself."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hyperliquid.info import Info

import shape
from check import Cases, Failed, equal, keys, that
from venue import ALO, PERPS, Venue, new_cloid, oid_of

case = Cases("sdk ws")

FRAME_S = 20


class Frames:
    """The frames that one subscription delivered."""

    def __init__(self) -> None:
        self._frames: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, frame: Any) -> None:
        with self._changed:
            self._frames.append(frame)
            self._changed.notify_all()

    def all(self) -> list[Any]:
        with self._changed:
            return list(self._frames)

    def first(self, what: str, wanted: Callable[[Any], bool] = lambda _: True, timeout_s: float = FRAME_S) -> Any:
        """The first frame that is wanted; waits for it."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for frame in self._frames:
                    if wanted(frame):
                        return frame
                if not self._changed.wait(deadline - time.monotonic()):
                    raise Failed(what, f"a frame within {timeout_s} s", self._frames[-2:])


@contextlib.contextmanager
def subscribed(venue: Venue, *subscriptions: dict) -> Iterator[list[Frames]]:
    """A client of its own with these subscriptions, closed at the end."""
    info = Info(venue.url, meta=venue.meta, spot_meta=venue.info.spot_meta(), timeout=20)
    try:
        listeners = []
        for subscription in subscriptions:
            listeners.append(Frames())
            info.subscribe(dict(subscription), listeners[-1])
        yield listeners
    finally:
        info.disconnect_websocket()


def one(venue: Venue, channel: str, **subscription: Any) -> Any:
    """The data of the first frame of a subscription, which must be on `channel`."""
    with subscribed(venue, subscription) as [frames]:
        frame = frames.first(channel)
        keys("the frame", frame, "channel", "data")
        equal("its channel", frame["channel"], channel)
        return frame["data"]


@case("allMids")
def all_mids(venue: Venue) -> None:
    data = one(venue, "allMids", type="allMids")
    for coin in PERPS:
        shape.positive(f"mid of {coin}", data["mids"].get(coin))


@case("l2Book: snapshots that keep coming, time never goes back")
def l2_book(venue: Venue) -> None:
    with subscribed(venue, {"type": "l2Book", "coin": "BTC"}, {"type": "l2Book", "coin": "kPEPE"}) as [btc, pepe]:
        btc.first("a third frame", lambda _: len(btc.all()) >= 3)
        pepe.first("a frame of kPEPE")
    for coin, listener in (("BTC", btc), ("kPEPE", pepe)):
        for frame in listener.all():
            shape.book(frame["data"], coin, venue.asset(coin)["szDecimals"])
        times = [frame["data"]["time"] for frame in listener.all()]
        that("time", times == sorted(times), "never back", times)


@case("bbo: at once on subscribing, then only on change")
def bbo(venue: Venue) -> None:
    with subscribed(venue, *({"type": "bbo", "coin": coin} for coin in PERPS)) as listeners:
        for coin, frames in zip(PERPS, listeners, strict=True):
            frames.first(f"a second frame of {coin}", lambda _, frames=frames: len(frames.all()) >= 2)
    for coin, frames in zip(PERPS, listeners, strict=True):
        seen = []
        for data in (frame["data"] for frame in frames.all()):
            keys("bbo", data, "coin", "time", "bbo")
            equal("its coin", data["coin"], coin)
            for entry in data["bbo"]:
                if entry is not None:
                    shape.level("a side", entry, venue.asset(coin)["szDecimals"])
            seen.append(data["bbo"])
        repeats = [b for a, b in zip(seen, seen[1:], strict=False) if a == b]
        equal(f"frames of {coin} that repeat the one before", repeats, [])


@case("trades: arrays of well-formed trades")
def trades(venue: Venue) -> None:
    with subscribed(venue, {"type": "trades", "coin": "BTC"}) as [frames]:
        frame = frames.first("a trade", lambda f: len(f["data"]) > 0, timeout_s=30)
    for entry in frame["data"]:
        shape.trade(entry, "BTC")


@case("candle: one object a frame, prices as strings")
def candle(venue: Venue) -> None:
    with subscribed(venue, {"type": "candle", "coin": "BTC", "interval": "1m"}) as [frames]:
        frame = frames.first("a candle", timeout_s=30)
    shape.candle(frame["data"], "BTC", "1m", 60_000)


@case("activeAssetCtx")
def active_asset_ctx(venue: Venue) -> None:
    data = one(venue, "activeAssetCtx", type="activeAssetCtx", coin="ETH")
    equal("its coin", data["coin"], "ETH")
    shape.asset_ctx(data["ctx"])


@case("activeAssetData: leverage and what may be traded")
def active_asset_data(venue: Venue) -> None:
    data = one(venue, "activeAssetData", type="activeAssetData", user=venue.alice.address, coin="ETH")
    equal("user and coin", (data["user"], data["coin"]), (venue.alice.address.lower(), "ETH"))
    keys("its leverage", data["leverage"], "type", "value")
    for key in ("maxTradeSzs", "availableToTrade"):
        equal(key, len([shape.decimal(key, value) for value in data[key]]), 2)
    shape.positive("markPx", data["markPx"])


@case("userFills, userFundings, userNonFundingLedgerUpdates: a snapshot first, the user in lowercase")
def snapshots(venue: Venue) -> None:
    user = venue.alice.address
    lists = {"userFills": "fills", "userFundings": "fundings", "userNonFundingLedgerUpdates": "nonFundingLedgerUpdates"}
    with subscribed(venue, *({"type": kind, "user": user} for kind in lists)) as listeners:
        for (kind, key), frames in zip(lists.items(), listeners, strict=True):
            data = frames.first(kind)["data"]
            equal(f"{kind}: isSnapshot", data.get("isSnapshot"), True)
            equal(f"{kind}: user", data["user"], user.lower())
            that(f"{kind}: {key}", isinstance(data.get(key), list), "a list", data)
    fills = listeners[0].all()[0]["data"]["fills"]
    times = [entry["time"] for entry in fills]
    that("fills of the snapshot are oldest first", times == sorted(times), "ascending", times)
    for entry in fills:
        shape.fill(entry)


@case("orderUpdates: open and canceled of an order, with cloid and sizes")
def order_updates(venue: Venue) -> None:
    cloid = new_cloid()
    with subscribed(venue, {"type": "orderUpdates", "user": venue.alice.address}) as [frames]:
        time.sleep(0.5)  # the SDK does not tell when a subscription is acknowledged
        oid, _, _ = venue.rest(venue.as_alice, cloid=cloid)
        update(frames, oid, "open", cloid)
        venue.as_alice.cancel("BTC", oid)
        update(frames, oid, "canceled", cloid)


def update(frames: Frames, oid: int, status: str, cloid: Any = None) -> dict:
    """Waits for the update of an order with this status and checks it."""

    def find(frame: Any) -> dict | None:
        hits = [u for u in frame["data"] if u["order"]["oid"] == oid and u["status"] == status]
        return hits[0] if hits else None

    found = find(frames.first(f"{status} of {oid}", lambda frame: find(frame) is not None))
    shape.open_order(found["order"])
    shape.time_ms("statusTimestamp", found["statusTimestamp"])
    if cloid is not None:
        equal("its cloid", found["order"].get("cloid"), cloid.to_raw())
    return found


@case("orderUpdates: a refused post-only order says badAloPxRejected, a modified one keeps its cloid")
def order_updates_of_modify(venue: Venue) -> None:
    cloid = new_cloid()
    with subscribed(venue, {"type": "orderUpdates", "user": venue.alice.address}) as [frames]:
        time.sleep(0.5)
        old, px, sz = venue.rest(venue.as_alice, cloid=cloid)
        lower = float(px - 5 * venue.tick("BTC", px))
        new = oid_of(venue.as_alice.modify_order(old, "BTC", True, float(sz), lower, ALO, cloid=cloid), "resting")
        update(frames, new, "open", cloid)
        update(frames, old, "canceled", cloid)
        venue.as_alice.cancel("BTC", new)
        venue.as_alice.order("BTC", True, float(sz), float(venue.quiet_px("BTC", False)), ALO)
        frames.first("badAloPxRejected", lambda f: any(u["status"] == "badAloPxRejected" for u in f["data"]))


@case("userEvents and userFills carry the same fills, orderUpdates says filled")
def fill_events(venue: Venue) -> None:
    user = venue.alice.address
    kinds = [{"type": kind, "user": user} for kind in ("userEvents", "userFills", "orderUpdates")]
    with subscribed(venue, *kinds) as [events, fills, orders]:
        fills.first("the snapshot")
        time.sleep(0.5)
        px = venue.touch("SOL")[1]
        oid = oid_of(venue.as_alice.market_open("SOL", True, float(venue.size("SOL", 60, px))), "filled")

        def ours(frame: Any) -> list:
            return [f for f in frame["data"].get("fills", []) if f["oid"] == oid]

        fills.first("userFills", lambda f: bool(ours(f)))
        events.first("userEvents", lambda f: bool(ours(f)))
        equal("what is left of it", Decimal(update(orders, oid, "filled")["order"]["sz"]), Decimal(0))
        time.sleep(0.5)  # the last fill of several
        got = [[f for frame in listener.all() for f in ours(frame)] for listener in (events, fills)]
        increments = [frame["data"] for frame in fills.all()[1:] if ours(frame)]
    equal("channel of userEvents", events.all()[0]["channel"], "user")
    equal("the fills", got[0], got[1])
    for entry in got[0]:
        shape.fill(entry)
    that(
        "no snapshot flag on increments",
        not any(data.get("isSnapshot") for data in increments),
        "absent or false",
        increments,
    )
    rest = [f for f in venue.info.user_fills(user) if f["oid"] == oid]
    equal("the same fills over REST", sorted(rest, key=lambda f: f["tid"]), sorted(got[0], key=lambda f: f["tid"]))
    venue.flatten(venue.as_alice)
