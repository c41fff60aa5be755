"""The dead man's switch, on a venue that grants it without volume (`--schedule-cancel-volume 0`)."""

import time

from check import Cases, equal, eventually
from venue import Venue, accepted, now_ms, refused
from ws_sdk import subscribed, update

case = Cases("sdk schedule")

# The least that the venue takes is 5 s from the block that the action is in.
AHEAD_MS = 5_600
WAIT_S = 6.2


@case("less than five seconds ahead is refused")
def too_early(venue: Venue) -> None:
    text = "Scheduled cancel time too early, must be at least 5 seconds from now."
    refused(venue.as_alice.schedule_cancel(now_ms() + 2_000), text)


@case("a switch that is set and cleared does nothing; one that is set cancels everything")
def fires(venue: Venue) -> None:
    alice = venue.alice.address
    with subscribed(venue, {"type": "orderUpdates", "user": alice}) as [frames]:
        time.sleep(0.5)
        oids = [venue.rest(venue.as_alice, coin=coin)[0] for coin in ("BTC", "ETH")]
        accepted(venue.as_alice.schedule_cancel(now_ms() + AHEAD_MS))
        accepted(venue.as_alice.schedule_cancel(None))
        time.sleep(WAIT_S)
        equal("after a cleared switch", {venue.status_of(alice, oid) for oid in oids}, {"open"})

        at = now_ms() + AHEAD_MS
        accepted(venue.as_alice.schedule_cancel(at))
        eventually("no open orders", lambda: not venue.info.open_orders(alice), "an empty list", timeout_s=10)
        late_ms = now_ms() - at
        equal("not before its time", late_ms >= 0, True)
        for oid in oids:
            equal("the order's status", venue.status_of(alice, oid), "scheduledCancel")
            update(frames, oid, "scheduledCancel")


@case("another account's orders stay")
def others(venue: Venue) -> None:
    oid, _, _ = venue.rest(venue.as_bob)
    accepted(venue.as_alice.schedule_cancel(now_ms() + AHEAD_MS))
    time.sleep(WAIT_S)
    equal("bob's order", venue.status_of(venue.bob.address, oid), "open")
    venue.cancel_all(venue.as_bob)
