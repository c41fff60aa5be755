"""A venue that holds its limits (`--limits`): what is told to who asks too much."""

import ccxt
import websocket
from hyperliquid.api import API
from hyperliquid.utils.error import ClientError

from ccxt_rest import settings
from check import Cases, equal, eventually, raises, that
from raw import post
from venue import Venue
from ws_raw import Socket, connected

case = Cases("limits")

# Of one address: 1200 a minute; `meta` weighs 20, `l2Book` 2. Ten websockets at a time.
WEIGHT = 1_200
META_WEIGHT = 20
SOCKETS = 10


@case("an eleventh websocket of one address is refused, and a place that is free again is given")
def sockets(venue: Venue) -> None:
    held = [Socket(venue.ws_url) for _ in range(SOCKETS)]
    try:
        raises("one more", websocket.WebSocketBadStatusException, "429", lambda: Socket(venue.ws_url))
        held.pop().close()
        eventually("a place", lambda: held.append(Socket(venue.ws_url)) is None)
        for socket in held:
            socket.say({"method": "ping"})
            socket.on("pong")
    finally:
        for socket in held:
            socket.close()


@case("weight that is spent is 429 with the body null, for questions and actions alike")
def weight(venue: Venue) -> None:
    refused = (429, b"null")
    metas = [post(venue, "/info", {"type": "meta"})[:2] for _ in range(WEIGHT // META_WEIGHT + 1)]
    count = [status for status, _ in metas].count(200)
    that("metas answered", count <= WEIGHT // META_WEIGHT, f"at most {WEIGHT // META_WEIGHT}", count)
    equal("the last meta", metas[-1], refused)
    book = {"type": "l2Book", "coin": "BTC"}
    for _ in range(META_WEIGHT):  # what is left is less than a meta
        last = post(venue, "/info", book)[:2]
    equal("the last l2Book", last, refused)
    noops = [post(venue, "/exchange", venue.signed(venue.alice, {"type": "noop"}))[:2] for _ in range(3)]
    equal("the last action", noops[-1], refused)


@case("the SDK raises a ClientError of 429, ccxt a RateLimitExceeded")
def clients(venue: Venue) -> None:
    raises("the SDK", ClientError, "429", lambda: API(venue.url, 20).post("/info", {"type": "meta"}))
    exchange = ccxt.hyperliquid(settings(venue, approves=False))
    exchange.urls["api"] = {"public": venue.url, "private": venue.url}
    raises("ccxt", ccxt.RateLimitExceeded, "429", exchange.fetch_time)


@case("who asks over a websocket is still served: posts have limits of their own")
def posts(venue: Venue) -> None:
    with connected(venue) as socket:
        response = socket.post(1, "info", {"type": "l2Book", "coin": "BTC"})
        equal("its type", response["type"], "info")
