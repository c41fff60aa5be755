"""The Python SDK's trigger orders and groups, and TWAP orders, for which it has no method."""

from decimal import Decimal

from check import Cases, equal, eventually, that
from venue import ALO, Venue, oid_of, order_error, statuses

case = Cases("sdk triggers")

COIN = "BTC"
GONE_TWAP = "TWAP was never placed, already canceled, or filled."


def trigger(venue: Venue, tpsl: str, percent: int, is_market: bool = True) -> dict:
    """The type of an order that waits for the mark to move so far."""
    px = Decimal(venue.ask(type="activeAssetData", user=venue.alice.address, coin=COIN)["markPx"])
    px = px * (100 + percent) / 100
    tick = venue.tick(COIN, px)
    px = (px / tick).to_integral_value() * tick
    return {"trigger": {"triggerPx": float(px), "isMarket": is_market, "tpsl": tpsl}}


def far(venue: Venue, is_buy: bool) -> float:
    return float(venue.quiet_px(COIN, is_buy, Decimal(10)))


def waiting(venue: Venue) -> dict[int, dict]:
    """Alice's trigger orders by oid, as frontendOpenOrders shows them."""
    orders = venue.info.frontend_open_orders(venue.alice.address)
    return {order["oid"]: order for order in orders if order["isTrigger"]}


def long(venue: Venue) -> Decimal:
    """Alice buys a little; her position."""
    _, ask = venue.touch(COIN)
    sz = venue.size(COIN, 60, ask)
    venue.as_alice.market_open(COIN, True, float(sz))
    held = eventually("alice is long", lambda: venue.positions(venue.alice.address).get(COIN), "a position")
    return Decimal(held["szi"])


@case("a stop and a take profit wait, are shown, and are cancelled; fast cancels of them are refused")
def wait_and_cancel(venue: Venue) -> None:
    sz = float(long(venue))
    for tpsl, percent, kind, way in (("sl", -20, "Stop Market", "below"), ("tp", 20, "Take Profit Market", "above")):
        kind_of = trigger(venue, tpsl, percent)
        answer = venue.as_alice.order(COIN, False, sz, far(venue, True), kind_of, reduce_only=True)
        oid = oid_of(answer, "resting")
        shown = waiting(venue)[oid]
        equal("its orderType", shown["orderType"], kind)
        equal("its reduceOnly", shown["reduceOnly"], True)
        equal("its triggerPx", Decimal(shown["triggerPx"]), Decimal(str(kind_of["trigger"]["triggerPx"])))
        that("its condition", shown["triggerCondition"].startswith(f"Price {way} "), f"Price {way} …", shown)
        equal("orderStatus", venue.status_of(venue.alice.address, oid), "open")
        equal("openOrders has it", oid in [o["oid"] for o in venue.info.open_orders(venue.alice.address)], True)
        fast = {"type": "cancel", "cancels": [{"a": venue.index(COIN), "o": oid}], "f": True}
        (item,) = statuses(venue.send(venue.alice, fast), "cancel")
        that("a fast cancel is refused", "error" in item, "an error", item)
        equal("a plain one", statuses(venue.as_alice.cancel(COIN, oid), "cancel"), ["success"])
        equal("orderStatus after the cancel", venue.status_of(venue.alice.address, oid), "canceled")
    venue.flatten(venue.as_alice)


@case("a trigger order that may increase, is crossed already or has nothing to reduce is refused")
def refused_triggers(venue: Venue) -> None:
    order = venue.as_alice.order
    answer = order(COIN, False, 0.01, far(venue, True), trigger(venue, "sl", -20), reduce_only=False)
    equal("not reduce-only: the whole request", answer["status"], "err")
    answer = order(COIN, False, 0.01, far(venue, True), trigger(venue, "sl", -20), reduce_only=True)
    order_error(answer, "Reduce only order would increase position.", venue.index(COIN))
    sz = float(long(venue))
    answer = order(COIN, False, sz, far(venue, True), trigger(venue, "sl", 5), reduce_only=True)
    order_error(answer, "Invalid TP/SL price.", venue.index(COIN))
    venue.flatten(venue.as_alice)


@case("normalTpsl: children wait for their parent, are shown with it, and end with it")
def family(venue: Venue) -> None:
    px = float(venue.quiet_px(COIN, True))
    sz = float(venue.size(COIN, 60, Decimal(px)))
    orders = [{"coin": COIN, "is_buy": True, "sz": sz, "limit_px": px, "order_type": ALO, "reduce_only": False}]
    for tpsl, percent in (("tp", 20), ("sl", -20)):
        child = {"coin": COIN, "is_buy": False, "sz": sz, "limit_px": far(venue, True), "reduce_only": True}
        orders.append(child | {"order_type": trigger(venue, tpsl, percent)})
    answer = venue.as_alice.bulk_orders(orders, grouping="normalTpsl")
    equal("the children", statuses(answer)[1:], ["waitingForFill", "waitingForFill"])
    parent = statuses(answer)[0]["resting"]["oid"]
    shown = {order["oid"]: order for order in venue.info.frontend_open_orders(venue.alice.address)}
    children = [child["oid"] for child in shown[parent]["children"]]
    equal("its children are open orders too", sorted(children), sorted(waiting(venue)))
    equal("the parent's cancel", statuses(venue.as_alice.cancel(COIN, parent), "cancel"), ["success"])
    equal("nothing waits any more", waiting(venue), {})
    for child in children:
        equal("orderStatus of a child", venue.status_of(venue.alice.address, child), "canceled")


@case("positionTpsl: of the whole position, and over with it")
def position(venue: Venue) -> None:
    long(venue)
    order = {"coin": COIN, "is_buy": False, "sz": 0, "limit_px": far(venue, True), "reduce_only": True}
    order["order_type"] = trigger(venue, "sl", -20)
    answer = venue.as_alice.bulk_orders([order], grouping="positionTpsl")
    equal("its answer", statuses(answer), ["waitingForTrigger"])
    ((oid, shown),) = waiting(venue).items()
    equal("isPositionTpsl", shown["isPositionTpsl"], True)
    venue.as_alice.market_close(COIN)
    status = "reduceOnlyCanceled"
    eventually(f"it becomes {status}", lambda: venue.status_of(venue.alice.address, oid) == status, status)


@case("of a stop and a take profit next to the mark one fires, and closes the position")
def fires(venue: Venue) -> None:
    sz = float(long(venue))

    def both_wait() -> list[int] | None:
        """The mark may move onto a price before its order is there: then again."""
        venue.cancel_all(venue.as_alice)
        oids = []
        for tpsl, side in (("sl", -1), ("tp", 1)):
            kind_of = trigger(venue, tpsl, 0)
            px = Decimal(str(kind_of["trigger"]["triggerPx"]))
            kind_of["trigger"]["triggerPx"] = float(px + side * venue.tick(COIN, px))
            answer = venue.as_alice.order(COIN, False, sz, far(venue, True), kind_of, reduce_only=True)
            if "resting" in statuses(answer)[0]:
                oids.append(oid_of(answer, "resting"))
        return oids if len(oids) == 2 else None

    oids = eventually("both wait", both_wait, "two orders that rest", timeout_s=30)

    def lives() -> list[list[str]]:
        history = venue.info.historical_orders(venue.alice.address)
        return [[entry["status"] for entry in history if entry["order"]["oid"] == oid] for oid in oids]

    fired = eventually("one fires", lambda: [l for l in lives() if "filled" in l], "filled", timeout_s=60)
    that("it was triggered before", "triggered" in fired[0], "triggered", fired)
    equal("the position", venue.positions(venue.alice.address), {})
    eventually("nothing waits any more", lambda: waiting(venue) == {}, "no trigger orders")


@case("twapOrder runs, shows its slices, and is cancelled once")
def twap(venue: Venue) -> None:
    asset, (_, ask) = venue.index(COIN), venue.touch(COIN)
    sz = str(venue.size(COIN, 600, ask))
    body = {"a": asset, "b": True, "s": sz, "r": False, "m": 5, "t": False}
    short = venue.send(venue.alice, {"type": "twapOrder", "twap": body | {"m": 1}})
    equal("too short", short["response"]["data"]["status"], {"error": "Invalid TWAP duration: 1 min(s)"})
    answer = venue.send(venue.alice, {"type": "twapOrder", "twap": body})
    equal("the answer's type", answer["response"]["type"], "twapOrder")
    twap_id = answer["response"]["data"]["status"]["running"]["twapId"]
    slices = lambda: venue.ask(type="userTwapSliceFills", user=venue.alice.address)
    first = eventually("a slice is filled", lambda: next(iter(slices()), None), "a fill")
    equal("its twapId", first["twapId"], twap_id)
    equal("its hash", set(first["fill"]["hash"][2:]), {"0"})
    cancel = {"type": "twapCancel", "a": asset, "t": twap_id}
    equal("cancelled", venue.send(venue.alice, cancel)["response"]["data"]["status"], "success")
    equal("cancelled again", venue.send(venue.alice, cancel)["response"]["data"]["status"], {"error": GONE_TWAP})
    newest = venue.ask(type="twapHistory", user=venue.alice.address)[-1]
    equal("its newest status", newest["status"]["status"], "terminated")
    venue.flatten(venue.as_alice)
