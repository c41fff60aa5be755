"""Plain HTTP: what a client meets before any SDK is involved."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from check import Cases, equal, that
from venue import Venue, oid_of, statuses

case = Cases("http")

UNPARSABLE = b"Failed to deserialize the JSON body into the target type"
JSON = {"Content-Type": "application/json"}


def post(
    venue: Venue, path: str, body: Any, headers: dict | None = None
) -> tuple[int, bytes, http.client.HTTPResponse]:
    """One POST on a connection of its own; bytes and strings go out as they are."""
    connection = http.client.HTTPConnection(urlsplit(venue.url).netloc, timeout=20)
    try:
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        connection.request("POST", path, data, JSON if headers is None else headers)
        response = connection.getresponse()
        return response.status, response.read(), response
    finally:
        connection.close()


def unparsable(venue: Venue, path: str, body: Any) -> None:
    """The venue answers 422 with its one text to whatever it cannot parse."""
    status, text, response = post(venue, path, body)
    equal(f"status of {body!r}", status, 422)
    equal(f"body for {body!r}", text, UNPARSABLE)
    kind = response.getheader("Content-Type", "")
    that("Content-Type", kind.startswith("text/plain"), "text/plain", kind)


@case("answers are JSON over HTTP/1.1, with a length")
def headers(venue: Venue) -> None:
    status, text, response = post(venue, "/info", {"type": "allMids"})
    equal("status", status, 200)
    equal("version", response.version, 11)
    that(
        "Content-Type",
        response.getheader("Content-Type", "").startswith("application/json"),
        "application/json",
        response.headers,
    )
    that("an object of mids", isinstance(json.loads(text), dict), "an object", text)


@case("a connection serves many requests, after a refused one too")
def keep_alive(venue: Venue) -> None:
    connection = http.client.HTTPConnection(urlsplit(venue.url).netloc, timeout=20)
    connection.auto_open = 0  # a second connection would hide that the first was dropped
    connection.connect()
    got = []
    for kind in ("allMids", "nonsense", "allMids"):
        connection.request("POST", "/info", json.dumps({"type": kind}), JSON)
        response = connection.getresponse()
        response.read()
        got.append(response.status)
    connection.close()
    equal("statuses on one connection", got, [200, 422, 200])


@case("an unknown info type is 422 with the venue's 56 bytes")
def unknown_type(venue: Venue) -> None:
    equal("the text's length", len(UNPARSABLE), 56)
    unparsable(venue, "/info", {"type": "noSuchThing"})


@case("a missing or wrongly typed field is 422")
def bad_fields(venue: Venue) -> None:
    unparsable(venue, "/info", {"type": "l2Book"})
    unparsable(venue, "/info", {"type": "l2Book", "coin": 7})
    unparsable(venue, "/info", {"type": "clearinghouseState", "user": "0x1234"})
    unparsable(venue, "/info", {"type": "userFillsByTime", "user": venue.alice.address, "startTime": "yesterday"})
    unparsable(venue, "/info", {})


@case("what is not JSON is 422, on both paths")
def garbage(venue: Venue) -> None:
    for path in ("/info", "/exchange"):
        for body in ("", "not json", '{"type":"allMids"', "[]", b"\xff\xfe\x00", "[" * 10_000):
            unparsable(venue, path, body)


@case("an exchange body without action, nonce or signature is 422")
def bad_envelope(venue: Venue) -> None:
    good = venue.signed(venue.alice, {"type": "noop"})
    for missing in ("action", "nonce", "signature"):
        unparsable(venue, "/exchange", {key: value for key, value in good.items() if key != missing})
    unparsable(venue, "/exchange", good | {"action": {"type": "noSuchAction"}})
    unparsable(venue, "/exchange", good | {"action": {"type": "order", "orders": [{"a": 0}], "grouping": "na"}})


@case("a request without Content-Type is answered, or refused as a client error")
def no_content_type(venue: Venue) -> None:
    status, _, _ = post(venue, "/info", {"type": "allMids"}, headers={})
    that("status", status in (200, 400, 415, 422), "200 or a client error", status)


@case("other paths and methods are client errors")
def elsewhere(venue: Venue) -> None:
    status, _, _ = post(venue, "/nowhere", {"type": "allMids"})
    equal("status of an unknown path", status, 404)
    connection = http.client.HTTPConnection(urlsplit(venue.url).netloc, timeout=20)
    connection.request("GET", "/info")
    status = connection.getresponse().status
    connection.close()
    that("status of GET /info", status in (400, 404, 405, 422), "a client error", status)


@case("an unknown coin has a null book")
def unknown_coin(venue: Venue) -> None:
    status, text, _ = post(venue, "/info", {"type": "l2Book", "coin": "NOPE"})
    equal("answer", (status, text), (200, b"null"))


@case("addresses are compared without case")
def address_case(venue: Venue) -> None:
    mixed, lower = venue.alice.address, venue.alice.address.lower()
    equal("account values", *(venue.info.user_state(a)["marginSummary"]["totalRawUsd"] for a in (mixed, lower)))


@case("unknown keys in a question do no harm, null stands for absent")
def tolerant(venue: Venue) -> None:
    body = {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None}
    status, text, _ = post(venue, "/info", body)
    equal("status", status, 200)
    equal("coin", json.loads(text)["coin"], "BTC")


@case("signatures: both sources, padded and minimal hex; the order of the body's keys is free")
def signature_forms(venue: Venue) -> None:
    px = venue.quiet_px("ETH", True)
    order = venue.wire("ETH", True, px, venue.size("ETH", 50, px))
    action = {"type": "order", "orders": [order], "grouping": "na"}
    for mainnet in (False, True):
        oid_of(venue.send(venue.alice, action, mainnet=mainnet), "resting")
    padded = venue.signed(venue.alice, action)
    for part in ("r", "s"):
        padded["signature"][part] = "0x" + padded["signature"][part][2:].rjust(64, "0")
    oid_of(venue.info.post("/exchange", padded), "resting")

    shuffled = venue.signed(venue.alice, action)
    shuffled["action"] = {"grouping": "na", "orders": [dict(reversed(order.items()))], "type": "order"}
    oid_of(venue.info.post("/exchange", dict(reversed(shuffled.items()))), "resting")
    venue.cancel_all(venue.as_alice)


@case("a signature whose leading zeros were dropped recovers the same signer")
def short_signature(venue: Venue) -> None:
    # One signature in eight has a leading zero in r or s: sign until one turns up.
    px = venue.quiet_px("ETH", True)
    action = {"type": "order", "orders": [venue.wire("ETH", True, px, venue.size("ETH", 50, px))], "grouping": "na"}
    for _ in range(200):
        body = venue.signed(venue.alice, action)
        if min(len(body["signature"][part]) for part in ("r", "s")) < 66:
            break
    statuses(venue.info.post("/exchange", body))
    venue.cancel_all(venue.as_alice)


@case("a recovery id that is neither 27 nor 28 is refused")
def bad_v(venue: Venue) -> None:
    body = venue.signed(venue.alice, {"type": "noop"})
    body["signature"]["v"] = 30
    status, text, _ = post(venue, "/exchange", body)
    refused = status == 422 or (status == 200 and json.loads(text)["status"] == "err")
    that("answer", refused, "422 or an err", (status, text))
