"""The Python SDK's orders: what rests, what fills, what is refused and with which words."""

import re
from decimal import Decimal

import eth_account

import shape
from check import Cases, equal, eventually, that
from venue import (
    ALO,
    GTC,
    IOC,
    Venue,
    accepted,
    item_error,
    new_cloid,
    oid_of,
    only,
    order_error,
    refused,
    statuses,
)

case = Cases("sdk orders")

# Where there is often room inside the spread.
WIDE = ("HYPE", "SOL", "ETH", "XRP", "DOGE", "BTC")

GONE = "Order was never placed, already canceled, or filled."
NO_MATCH = "Order could not immediately match against any resting orders."
DEAD = "Cannot modify canceled or filled order"
BAD_ALO = re.compile(r"^Post only order would have immediately matched, bbo was (\d+\.\d+)@(\d+\.\d+)\.( asset=\d+)?$")


def last_status(venue: Venue, status: str) -> None:
    """Alice's newest history entry must have this status: refused orders are remembered too."""
    newest = venue.info.historical_orders(venue.alice.address)[0]
    equal("the newest entry of historicalOrders", newest["status"], status)


@case("a post-only order rests, and is seen in openOrders and in the book")
def alo_rests(venue: Venue) -> None:
    def attempt() -> bool:
        bids, _ = venue.book("BTC")
        px = Decimal(bids[min(5, len(bids) - 1)]["px"])  # deep enough to rest, shallow enough to be shown
        sz = venue.size("BTC", 200, px)
        oid = oid_of(venue.as_alice.order("BTC", True, float(sz), float(px), ALO), "resting")
        shown = [b for b in venue.book("BTC")[0] if Decimal(b["px"]) == px]
        mine = [o for o in venue.info.open_orders(venue.alice.address) if o["oid"] == oid]
        venue.as_alice.cancel("BTC", oid)
        if not shown or not mine or mine[0]["sz"] != mine[0]["origSz"]:
            venue.flatten(venue.as_alice)
            return False  # the market moved through the price or away from it
        equal(
            "its price, size and side",
            (mine[0]["limitPx"], mine[0]["sz"], mine[0]["side"]),
            (shown[0]["px"], mine[0]["origSz"], "B"),
        )
        equal("its size", Decimal(mine[0]["origSz"]), sz)
        that("the level has at least our size", Decimal(shown[0]["sz"]) >= sz, f">= {sz}", shown[0])
        return True

    eventually("an order at a shown price", attempt, "in openOrders and l2Book", timeout_s=15)


@case("a good-till-cancelled order away from the market rests")
def gtc_rests(venue: Venue) -> None:
    px = venue.quiet_px("ETH", False)
    sz = venue.size("ETH", 50, px)
    oid = oid_of(venue.as_alice.order("ETH", False, float(sz), float(px), GTC), "resting")
    order = venue.info.query_order_by_oid(venue.alice.address, oid)["order"]["order"]
    equal("its tif and side", (order["tif"], order["side"]), ("Gtc", "A"))
    equal("the cancel", only(venue.as_alice.cancel("ETH", oid), "cancel"), "success")


@case("a good-till-cancelled order that crosses fills at the resting price or better")
def gtc_fills(venue: Venue) -> None:
    _, ask = venue.touch("ETH")
    px = venue.quiet_px("ETH", False)  # a buy one per cent above the ask
    sz = venue.size("ETH", 50, px)
    item = only(venue.as_alice.order("ETH", True, float(sz), float(px), GTC))["filled"]
    equal("the size filled", Decimal(item["totalSz"]), sz)
    average = shape.positive("avgPx", item["avgPx"])
    that("the average", average <= px and abs(average / ask - 1) < Decimal("0.01"), f"near {ask}", average)
    equal("its status", venue.status_of(venue.alice.address, item["oid"]), "filled")
    venue.flatten(venue.as_alice)


@case("an immediate-or-cancel order fills, and carries its cloid through answer and fills")
def ioc_fills(venue: Venue) -> None:
    cloid = new_cloid()
    px = venue.quiet_px("SOL", True)  # a sale one per cent below the bid
    sz = venue.size("SOL", 50, px)
    item = only(venue.as_alice.order("SOL", False, float(sz), float(px), IOC, cloid=cloid))["filled"]
    equal("its cloid", item.get("cloid"), cloid.to_raw())
    fills = [f for f in venue.info.user_fills(venue.alice.address) if f["oid"] == item["oid"]]
    equal("the sum of its fills", sum(Decimal(f["sz"]) for f in fills), Decimal(item["totalSz"]))
    for entry in fills:
        shape.fill(entry)
        equal("a taker's fill", (entry["crossed"], entry["side"], entry["cloid"]), (True, "A", cloid.to_raw()))
    venue.flatten(venue.as_alice)


@case("an immediate-or-cancel order that meets nobody is refused")
def ioc_misses(venue: Venue) -> None:
    px = venue.quiet_px("BTC", True)
    answer = venue.as_alice.order("BTC", True, float(venue.size("BTC", 50, px)), float(px), IOC)
    order_error(answer, NO_MATCH, venue.index("BTC"))
    last_status(venue, "iocCancelRejected")


@case("a price off the tick is refused")
def bad_tick(venue: Venue) -> None:
    px = venue.quiet_px("ETH", True)
    off = px + venue.tick("ETH", px) / 2
    answer = venue.send_orders(venue.alice, venue.wire("ETH", True, off, venue.size("ETH", 50, px)))
    order_error(answer, "Price must be divisible by tick size.", venue.index("ETH"))


@case("a size off the lot is refused")
def bad_lot(venue: Venue) -> None:
    px = venue.quiet_px("ETH", True)
    sz = venue.size("ETH", 50, px) + Decimal(1).scaleb(-venue.asset("ETH")["szDecimals"] - 1)
    order_error(
        venue.send_orders(venue.alice, venue.wire("ETH", True, px, sz)), "Order has invalid size.", venue.index("ETH")
    )


@case("a size of zero is refused")
def zero_size(venue: Venue) -> None:
    answer = venue.send_orders(venue.alice, venue.wire("ETH", True, venue.quiet_px("ETH", True), "0"))
    order_error(answer, "Order has zero size.", venue.index("ETH"))


@case("an order below 10 dollars is refused")
def too_small(venue: Venue) -> None:
    px = venue.quiet_px("SOL", True)
    lot = Decimal(1).scaleb(-venue.asset("SOL")["szDecimals"])
    answer = venue.as_alice.order("SOL", True, float(max(lot, Decimal(5) // px * lot)), float(px), ALO)
    order_error(answer, "Order must have minimum value of $10.", venue.index("SOL"))
    last_status(venue, "minTradeNtlRejected")


@case("a price beyond the band is refused")
def out_of_band(venue: Venue) -> None:
    bid, _ = venue.touch("BTC")
    far = (bid / 20).quantize(Decimal(1))
    answer = venue.as_alice.order("BTC", True, float(venue.size("BTC", 50, far)), float(far), ALO)
    order_error(answer, "Order price cannot be more than 80% away from the reference price", venue.index("BTC"))


@case("a post-only order that would cross is refused, with the best bid and ask")
def alo_crosses(venue: Venue) -> None:
    px = venue.quiet_px("BTC", False)
    item = only(venue.as_alice.order("BTC", True, float(venue.size("BTC", 50, px)), float(px), ALO))
    that("the answer", isinstance(item, dict) and "error" in item, "an error", item)
    found = BAD_ALO.match(item["error"])
    that("the venue's text", found is not None, BAD_ALO.pattern, item["error"])
    bid, ask = Decimal(found[1]), Decimal(found[2])
    that("the bbo in it", bid < ask <= px, f"bid < ask <= {px}", (bid, ask))
    last_status(venue, "badAloPxRejected")


@case("more than the margin allows is refused")
def too_big(venue: Venue) -> None:
    px = venue.quiet_px("BTC", True)
    value = Decimal(venue.info.user_state(venue.alice.address)["marginSummary"]["accountValue"])
    sz = venue.size("BTC", float(value * 2 * venue.asset("BTC")["maxLeverage"]), px)
    answer = venue.as_alice.order("BTC", True, float(sz), float(px), ALO)
    order_error(answer, "Insufficient margin to place order.", venue.index("BTC"))
    last_status(venue, "perpMarginRejected")


@case("a reduce-only order that would increase is refused")
def reduce_only(venue: Venue) -> None:
    px = venue.quiet_px("SOL", True)
    answer = venue.as_alice.order("SOL", True, float(venue.size("SOL", 50, px)), float(px), GTC, reduce_only=True)
    order_error(answer, "Reduce only order would increase position.", venue.index("SOL"))
    last_status(venue, "reduceOnlyRejected")


@case("modify by oid: a new oid, the same cloid, the old order cancelled")
def modify_by_oid(venue: Venue) -> None:
    cloid, alice = new_cloid(), venue.alice.address
    old, px, sz = venue.rest(venue.as_alice, cloid=cloid)
    lower = px - 10 * venue.tick("BTC", px)
    new = oid_of(venue.as_alice.modify_order(old, "BTC", True, float(sz), float(lower), ALO, cloid=cloid), "resting")
    that("the oid", new != old, "a new one", new)
    equal("old and new order", (venue.status_of(alice, old), venue.status_of(alice, new)), ("canceled", "open"))
    orders = venue.info.open_orders(alice)
    equal(
        "open orders",
        [(o["oid"], Decimal(o["limitPx"]), o.get("cloid")) for o in orders],
        [(new, lower, cloid.to_raw())],
    )
    equal("the cloid means the new order", venue.status_of(alice, cloid), "open")
    venue.cancel_all(venue.as_alice)


@case("modify by cloid, several orders in one request")
def bulk_modify(venue: Venue) -> None:
    cloids = [new_cloid(), new_cloid()]
    requests = []
    for cloid, coin in zip(cloids, ("BTC", "ETH"), strict=True):
        _, px, sz = venue.rest(venue.as_alice, coin=coin, cloid=cloid)
        order = {"coin": coin, "is_buy": True, "sz": float(sz), "limit_px": float(px - 5 * venue.tick(coin, px))}
        requests.append({"oid": cloid, "order": order | {"order_type": ALO, "reduce_only": False, "cloid": cloid}})
    items = statuses(venue.as_alice.bulk_modify_orders_new(requests))
    that("the answers", [list(item) for item in items] == [["resting"]] * 2, "two resting", items)
    equal("cloids in the answers", [item["resting"].get("cloid") for item in items], [c.to_raw() for c in cloids])
    equal(
        "open orders", {o["cloid"] for o in venue.info.open_orders(venue.alice.address)}, {c.to_raw() for c in cloids}
    )
    venue.cancel_all(venue.as_alice)


@case("the single modify action answers default")
def single_modify(venue: Venue) -> None:
    old, px, sz = venue.rest(venue.as_alice)
    order = venue.wire("BTC", True, px - 7 * venue.tick("BTC", px), sz)
    accepted(venue.send(venue.alice, {"type": "modify", "oid": old, "order": order}))
    orders = venue.info.open_orders(venue.alice.address)
    equal("the one open order", [o["oid"] != old for o in orders], [True])
    venue.cancel_all(venue.as_alice)


@case("modify of a dead order is refused, alone and in a batch")
def modify_dead(venue: Venue) -> None:
    oid, px, sz = venue.rest(venue.as_alice)
    venue.as_alice.cancel("BTC", oid)
    refused(venue.send(venue.alice, {"type": "modify", "oid": oid, "order": venue.wire("BTC", True, px, sz)}), DEAD)
    batch = venue.as_alice.modify_order(oid, "BTC", True, float(sz), float(px), ALO)
    item_error(only(batch), DEAD, venue.index("BTC"))
    equal("open orders", venue.info.open_orders(venue.alice.address), [])


@case("cancel by oid and by cloid; a second cancel is refused")
def cancels(venue: Venue) -> None:
    asset, cloid = venue.index("BTC"), new_cloid()
    oid, _, _ = venue.rest(venue.as_alice)
    equal("the first cancel", only(venue.as_alice.cancel("BTC", oid), "cancel"), "success")
    item_error(only(venue.as_alice.cancel("BTC", oid), "cancel"), GONE, asset)
    venue.rest(venue.as_alice, cloid=cloid)
    equal("by cloid", only(venue.as_alice.cancel_by_cloid("BTC", cloid), "cancel"), "success")
    item_error(only(venue.as_alice.cancel_by_cloid("BTC", cloid), "cancel"), GONE, asset)


@case("nobody cancels another's order, nor under another asset")
def foreign_cancel(venue: Venue) -> None:
    oid, _, _ = venue.rest(venue.as_alice)
    item_error(only(venue.as_bob.cancel("BTC", oid), "cancel"), GONE, venue.index("BTC"))
    item_error(only(venue.as_alice.cancel("ETH", oid), "cancel"), GONE, venue.index("ETH"))
    equal("the order", venue.status_of(venue.alice.address, oid), "open")
    venue.cancel_all(venue.as_alice)


@case("fast cancel: f true is accepted, f false is refused")
def fast_cancel(venue: Venue) -> None:
    oid, _, _ = venue.rest(venue.as_alice)
    cancels = [{"a": venue.index("BTC"), "o": oid}]
    slow = venue.info.session.post(
        venue.url + "/exchange",
        json=venue.signed(venue.alice, {"type": "cancel", "cancels": cancels, "f": False}),
        timeout=20,
    )
    that("f false", slow.status_code == 422 or slow.json()["status"] == "err", "422 or an err", slow.text)
    equal(
        "f true", only(venue.send(venue.alice, {"type": "cancel", "cancels": cancels, "f": True}), "cancel"), "success"
    )


@case("a batch of good and bad orders: each has its own answer")
def mixed_batch(venue: Venue) -> None:
    below, above = venue.quiet_px("BTC", True), venue.quiet_px("BTC", False)
    sz = venue.size("BTC", 50, below)
    orders = [venue.wire("BTC", is_buy, px, sz) for is_buy, px in ((True, below), (True, above), (False, above))]
    items = statuses(venue.send_orders(venue.alice, *orders))
    equal("the answers", [list(item)[0] for item in items], ["resting", "error", "resting"])
    cancels = [{"coin": "BTC", "oid": item["resting"]["oid"]} for item in items if "resting" in item]
    answer = venue.as_alice.bulk_cancel([*cancels, {"coin": "BTC", "oid": 1}])
    items = statuses(answer, "cancel")
    equal("the cancels", items[:2], ["success", "success"])
    item_error(items[2], GONE, venue.index("BTC"))


@case("an order batch that is empty is refused as a whole")
def empty_batch(venue: Venue) -> None:
    response = venue.info.session.post(
        venue.url + "/exchange",
        json=venue.signed(venue.alice, {"type": "order", "orders": [], "grouping": "na"}),
        timeout=20,
    )
    that(
        "the answer", response.status_code == 422 or response.json()["status"] == "err", "422 or an err", response.text
    )


@case("an order that meets the same account's order: the resting one dies, nothing trades")
def self_trade(venue: Venue) -> None:
    def attempt() -> bool:
        # Without room inside the spread, or when somebody else is faster: the next one, or again.
        return any(meets_itself(venue, coin) for coin in WIDE)

    try:
        eventually("a spread with room inside", attempt, "an own order at the touch", timeout_s=20)
    finally:
        venue.flatten(venue.as_alice)


def meets_itself(venue: Venue, coin: str) -> bool:
    """Whether an order of alice's met her own; False when the market did not let it come to that."""
    alice = venue.alice.address
    bid, ask = venue.touch(coin)
    px = ask - venue.tick(coin, ask)
    if px <= bid:
        return False
    sz = venue.size(coin, 20, px)
    item = only(venue.as_alice.order(coin, True, float(sz), float(px), ALO))
    if "resting" not in item:
        return False
    taker = only(venue.as_alice.order(coin, False, float(sz), float(px), IOC))
    resting = item["resting"]["oid"]
    status = venue.status_of(alice, resting)
    if status == "filled" or status == "open" and "filled" in taker:
        venue.cancel_all(venue.as_alice)
        return False  # one of them met somebody else
    equal("the resting order", status, "selfTradeCanceled")
    equal("fills of the resting order", [f for f in venue.info.user_fills(alice) if f["oid"] == resting], [])
    that("the taker", "error" in taker or "filled" in taker, "no match, or another's order", taker)
    return True


@case("a maker's fill: at the resting price, not crossed, at the maker's rate")
def maker_fill(venue: Venue) -> None:
    alice = venue.alice.address
    rate = Decimal(venue.info.user_fees(alice)["userAddRate"])

    def attempt() -> dict | None:
        for coin in WIDE:
            bid, ask = venue.touch(coin)
            px = bid + venue.tick(coin, bid)
            if px >= ask:
                continue
            sz = venue.size(coin, 30, px)
            item = only(venue.as_alice.order(coin, True, float(sz), float(px), ALO))
            if "resting" not in item:
                continue
            venue.as_bob.order(coin, False, float(sz), float(px), IOC)
            mine = [f for f in venue.info.user_fills(alice) if f["oid"] == item["resting"]["oid"]]
            venue.cancel_all(venue.as_alice)
            if mine:
                return mine[0] | {"asked": px}
        return None

    try:
        entry = eventually("a maker's fill", attempt, "bob sells to alice", timeout_s=30)
        shape.fill(entry)
        equal("its side and crossed", (entry["side"], entry["crossed"]), ("B", False))
        equal("its price", Decimal(entry["px"]), entry["asked"])
        equal("its fee", Decimal(entry["fee"]), shape.fee(entry, rate))
    finally:
        venue.flatten(venue.as_alice)
        venue.flatten(venue.as_bob)


@case("a builder who was not approved, or for less, gets no orders through; one who was is paid")
def builders(venue: Venue) -> None:
    address = eth_account.Account.create().address
    refusal = "Builder fee has not been approved."
    px = venue.quiet_px("BTC", True)
    sz = venue.size("BTC", 50, px)

    def order(tenths_bp: int) -> dict:
        builder = {"b": address, "f": tenths_bp}
        return venue.as_alice.order("BTC", True, float(sz), float(px), ALO, builder=builder)

    item_error(only(order(1)), refusal, 0)
    oid_of(order(0), "resting")
    accepted(venue.as_alice.approve_builder_fee(address, "0.05%"))
    equal("maxBuilderFee", venue.ask(type="maxBuilderFee", user=venue.alice.address, builder=address), 50)
    item_error(only(order(51)), refusal, 0)
    oid_of(order(50), "resting")
    venue.cancel_all(venue.as_alice)
