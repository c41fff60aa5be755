"""The WebSocket without an SDK: acknowledgements, refusals and posts, to the letter."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import websocket

import shape
from check import Cases, Failed, equal, keys, that
from venue import Venue, oid_of, refused

case = Cases("ws")

PARSE = "Error parsing JSON into valid websocket request: "
FRAME_S = 10


class Socket:
    """A connection, and the frames that were read from it while waiting for another."""

    def __init__(self, url: str):
        self._ws = websocket.create_connection(url, timeout=FRAME_S)

    def close(self) -> None:
        self._ws.close(timeout=2)

    def say(self, message: Any) -> None:
        self._ws.send(message if isinstance(message, str) else json.dumps(message))

    def subscribe(self, **subscription: Any) -> None:
        self.say({"method": "subscribe", "subscription": subscription})

    def unsubscribe(self, **subscription: Any) -> None:
        self.say({"method": "unsubscribe", "subscription": subscription})

    def await_(self, what: str, wanted: Callable[[dict], bool]) -> dict:
        """Reads until a frame is wanted; others are let go."""
        deadline = time.monotonic() + FRAME_S
        seen: list[Any] = []
        while time.monotonic() < deadline:
            with contextlib.suppress(websocket.WebSocketTimeoutException):
                frame = json.loads(self._ws.recv())
                if wanted(frame):
                    return frame
                seen.append(frame)
        raise Failed(what, f"a frame within {FRAME_S} s", seen[-2:])

    def on(self, channel: str) -> Any:
        """The data of the next frame of a channel."""
        return self.await_(channel, lambda f: f["channel"] == channel).get("data")

    def ack(self, method: str = "subscribe") -> dict:
        """The subscription as the next acknowledgement has it."""
        data = self.await_("an acknowledgement", lambda f: f["channel"] in ("subscriptionResponse", "error"))["data"]
        that("an acknowledgement", isinstance(data, dict), "subscriptionResponse", data)
        equal("its method", data["method"], method)
        return data["subscription"]

    def post(self, number: int, kind: str, payload: Any) -> dict:
        """Posts a request and returns the response to it: its type and payload."""
        self.say({"method": "post", "id": number, "request": {"type": kind, "payload": payload}})
        frame = self.await_("the answer to a post", lambda f: f["channel"] in ("post", "error"))
        equal("channel", frame["channel"], "post")
        equal("its id", frame["data"]["id"], number)
        return frame["data"]["response"]


@contextlib.contextmanager
def connected(venue: Venue) -> Iterator[Socket]:
    socket = Socket(venue.ws_url)
    try:
        yield socket
    finally:
        socket.close()


def quoted(what: str, text: Any, prefix: str) -> Any:
    """The JSON that an error text quotes after its prefix."""
    that(what, isinstance(text, str) and text.startswith(prefix), prefix + "{…}", text)
    return json.loads(text[len(prefix) :])


@case("ping is answered by pong, a WebSocket ping by its own pong")
def ping(venue: Venue) -> None:
    with connected(venue) as socket:
        socket.say({"method": "ping"})
        equal("the frame", socket.await_("pong", lambda f: f["channel"] == "pong"), {"channel": "pong"})
        socket._ws.ping("are you there")
        code, data = socket._ws.recv_data(control_frame=True)
        equal("pong", (code, bytes(data)), (websocket.ABNF.OPCODE_PONG, b"are you there"))


@case("a close is answered by a close")
def close(venue: Venue) -> None:
    with connected(venue) as socket:
        socket._ws.send_close(1000, b"")
        code, _ = socket._ws.recv_data(control_frame=True)
        equal("the answer", code, websocket.ABNF.OPCODE_CLOSE)


@case("acknowledgements carry the subscription as the venue normalised it")
def normalised(venue: Venue) -> None:
    user, mixed = venue.bob.address.lower(), venue.bob.address
    wanted = [
        ({"type": "l2Book", "coin": "BTC"}, {"nSigFigs": None, "mantissa": None, "fast": False}),
        ({"type": "l2Book", "coin": "ETH", "nSigFigs": 4}, {"mantissa": None, "fast": False}),
        ({"type": "trades", "coin": "BTC"}, {}),
        ({"type": "bbo", "coin": "kPEPE"}, {}),
        ({"type": "candle", "coin": "BTC", "interval": "15m"}, {}),
        ({"type": "activeAssetCtx", "coin": "BTC"}, {}),
        ({"type": "userFills", "user": mixed}, {"user": user, "aggregateByTime": False}),
        ({"type": "orderUpdates", "user": mixed}, {"user": user}),
        ({"type": "openOrders", "user": mixed}, {"user": user, "dex": ""}),
        ({"type": "clearinghouseState", "user": mixed}, {"user": user, "dex": ""}),
    ]
    with connected(venue) as socket:
        for asked, more in wanted:
            socket.subscribe(**asked)
            equal(f"the ack of {asked['type']}", socket.ack(), asked | more)


@case("a second subscription of the same is refused; spelled-out defaults are the same")
def already_subscribed(venue: Venue) -> None:
    full = {"type": "l2Book", "coin": "SOL", "nSigFigs": None, "mantissa": None, "fast": False}
    with connected(venue) as socket:
        socket.subscribe(type="l2Book", coin="SOL")
        socket.ack()
        for again in ({"type": "l2Book", "coin": "SOL"}, full):
            socket.subscribe(**again)
            equal("what it names", quoted("the text", socket.on("error"), "Already subscribed: "), full)


@case("unsubscribe must match with all options; after it the frames stop")
def unsubscribe(venue: Venue) -> None:
    full = {"type": "l2Book", "coin": "SOL", "nSigFigs": None, "mantissa": None, "fast": False}
    with connected(venue) as socket:
        socket.subscribe(type="l2Book", coin="SOL")
        socket.ack()
        socket.unsubscribe(type="l2Book", coin="SOL", fast=True)
        equal("what it names", quoted("the text", socket.on("error"), "Already unsubscribed: "), full | {"fast": True})
        socket.on("l2Book")
        socket.say({"id": "17", "method": "unsubscribe", "subscription": {"type": "l2Book", "coin": "SOL"}})
        equal("the ack", socket.ack("unsubscribe"), full)
        time.sleep(1.5)
        socket.say({"method": "ping"})
        frame = socket.await_("the next frame", lambda _: True)
        equal("the frame after 1.5 s of silence", frame["channel"], "pong")


@case("fast l2Book: five levels, marked as fast")
def fast_book(venue: Venue) -> None:
    with connected(venue) as socket:
        socket.subscribe(type="l2Book", coin="BTC", fast=True)
        equal("the ack", socket.ack()["fast"], True)
        data = socket.on("l2Book")
        equal("its mark", data.get("fast"), True)
        shape.book(data, "BTC", venue.asset("BTC")["szDecimals"], depth=5)


@case("what is no request is quoted back")
def unparsable(venue: Venue) -> None:
    bad = [
        "not json",
        '{"method":"subscribe"}',
        '{"method":"dance"}',
        '{"method":"subscribe","subscription":{"type":"noSuchFeed"}}',
        '{"method":"subscribe","subscription":{"type":"trades"}}',
        '{"method":"subscribe","subscription":{"type":"candle","coin":"BTC","interval":"7m"}}',
        '{"method":"post","id":5,"request":{"type":"info","payload":{"type":"noSuchThing"}}}',
        json.dumps({"method": "subscribe", "subscription": {"type": "webData2", "user": venue.bob.address}}),
    ]
    with connected(venue) as socket:
        for text in bad:
            socket.say(text)
            equal("the error", socket.on("error"), PARSE + text)
        socket.say({"method": "ping"})
        socket.on("pong")


@case("an unknown coin is an invalid subscription")
def unknown_coin(venue: Venue) -> None:
    with connected(venue) as socket:
        for kind in ("l2Book", "trades", "bbo"):
            socket.subscribe(type=kind, coin="NOPE")
            named = quoted("the text", socket.on("error"), "Invalid subscription ")
            equal("what it names", (named["type"], named["coin"]), (kind, "NOPE"))


@case("post info answers as /info does")
def post_info(venue: Venue) -> None:
    with connected(venue) as socket:
        response = socket.post(7, "info", {"type": "l2Book", "coin": "BTC"})
        equal("types", (response["type"], response["payload"]["type"]), ("info", "l2Book"))
        shape.book(response["payload"]["data"], "BTC", venue.asset("BTC")["szDecimals"])
        response = socket.post(8, "info", {"type": "meta", "dex": ""})
        equal("meta", response["payload"]["data"], venue.meta)


@case("post action places and cancels, and is refused with the words of /exchange")
def post_action(venue: Venue) -> None:
    px = venue.quiet_px("ETH", True)
    action = {"type": "order", "orders": [venue.wire("ETH", True, px, venue.size("ETH", 50, px))], "grouping": "na"}
    with connected(venue) as socket:
        body = venue.signed(venue.bob, action)
        response = socket.post(9, "action", body)
        equal("its type", response["type"], "action")
        oid = oid_of(response["payload"], "resting")
        response = socket.post(10, "action", body)
        refused(response["payload"], f"Invalid nonce: duplicate nonce {body['nonce']}")
        cancel = {"type": "cancel", "cancels": [{"a": venue.index("ETH"), "o": oid}]}
        response = socket.post(11, "action", venue.signed(venue.bob, cancel))
        equal("the cancel", response["payload"]["response"]["data"]["statuses"], ["success"])


@case("a post that cannot be parsed is an error, and the connection lives on")
def post_unparsable(venue: Venue) -> None:
    body = venue.signed(venue.bob, {"type": "order", "orders": [{"a": 0}], "grouping": "na"})
    text = json.dumps({"method": "post", "id": 12, "request": {"type": "action", "payload": body}})
    with connected(venue) as socket:
        socket.say(text)
        frame = socket.await_("an answer", lambda f: f["channel"] in ("post", "error"))
        if frame["channel"] == "error":
            equal("the error", frame["data"], PARSE + text)
        else:
            equal("its type", frame["data"]["response"]["type"], "error")
            that("its payload", "422" in frame["data"]["response"]["payload"], "422 …", frame)
        socket.say({"method": "ping"})
        socket.on("pong")


@case("openOrders and clearinghouseState: full state at once and on change")
def state_channels(venue: Venue) -> None:
    user = venue.bob.address.lower()
    with connected(venue) as socket:
        socket.subscribe(type="openOrders", user=user)
        data = socket.on("openOrders")
        keys("openOrders", data, "dex", "user", "orders")
        equal("user and orders", (data["user"], data["orders"]), (user, []))
        oid, _, _ = venue.rest(venue.as_bob)
        frame = socket.await_("the new order", lambda f: f["channel"] == "openOrders" and bool(f["data"]["orders"]))
        equal("the order", [o["oid"] for o in frame["data"]["orders"]], [oid])
        shape.frontend_order(frame["data"]["orders"][0])
        venue.as_bob.cancel("BTC", oid)
        socket.subscribe(type="clearinghouseState", user=user)
        data = socket.on("clearinghouseState")
        equal("user", data["user"], user)
        shape.margin_summary("marginSummary", data["clearinghouseState"]["marginSummary"])


@case("a user's frames reach whoever asked for that user, and nobody else")
def privacy_of_channels(venue: Venue) -> None:
    with connected(venue) as alices, connected(venue) as bobs:
        for socket, account in ((alices, venue.alice), (bobs, venue.bob)):
            socket.subscribe(type="orderUpdates", user=account.address)
            socket.ack()
        oid, _, _ = venue.rest(venue.as_alice)
        venue.as_alice.cancel("BTC", oid)
        alices.await_(
            "alice's update", lambda f: f["channel"] == "orderUpdates" and f["data"][0]["order"]["oid"] == oid
        )
        bobs.say({"method": "ping"})
        frame = bobs.await_(
            "bob's next frame", lambda f: f["channel"] != "subscriptionResponse" and f.get("data") != []
        )
        equal("bob's next frame", frame["channel"], "pong")
