"""Runs the checks against a venue. `scripts/conformance.sh` installs the clients and starts one."""

import argparse
import logging
import sys
import time

import ccxt_pro
import ccxt_rest
import limits
import raw
import schedule
import sdk_account
import sdk_info
import sdk_orders
import sdk_triggers
import signing
import ws_raw
import ws_sdk
from check import Cases, Report
from venue import Venue

GROUPS: list[Cases] = [
    module.case
    for module in (raw, sdk_info, sdk_orders, sdk_triggers, sdk_account, ws_sdk, ws_raw, ccxt_rest, ccxt_pro)
]

NEEDED_USD = 10_000


def main() -> int:
    options = arguments()
    logging.disable(logging.CRITICAL)  # the clients log what the checks judge
    report, start = Report(), time.monotonic()
    venue = Venue(options.url)
    prepare(venue)
    for cases in GROUPS:
        if options.only in cases.group:
            report.run(cases, venue)
    if not signing.BOTMM:
        print(f"skipped {signing.case.group}: needs botmm itself (BOTMM_BIN)")
    elif options.only in signing.case.group:
        report.run(signing.case, venue)
    others = (
        (schedule.case, options.schedule_url, "--schedule-cancel-volume 0 (--schedule-url)"),
        (limits.case, options.limits_url, "--limits (--limits-url)"),
    )
    for cases, url, needed in others:
        if url is None:
            print(f"skipped {cases.group}: needs a venue with {needed}")
        elif options.only in cases.group:
            report.run(cases, Venue(url))
    total = report.passed + report.failed
    print(
        f"conformance: {report.passed} of {total} checks ok, {report.failed} failed, {time.monotonic() - start:.0f} s"
    )
    return 1 if report.failed or not total else 0


def prepare(venue: Venue) -> None:
    """Leaves both accounts flat; exits when they have no money to trade with."""
    for exchange in (venue.as_alice, venue.as_bob):
        address = exchange.wallet.address.lower()
        value = float(venue.info.user_state(address)["marginSummary"]["accountValue"])
        if value < NEEDED_USD:
            print(f"conformance: {address} has ${value} at {venue.url}, needs ${NEEDED_USD}: --fund {address}=100000")
            sys.exit(2)
        venue.flatten(exchange)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the venue, e.g. http://127.0.0.1:3001")
    parser.add_argument("--schedule-url", help="one more, started with --schedule-cancel-volume 0")
    parser.add_argument("--limits-url", help="one more, started with --limits")
    parser.add_argument("--only", default="", help="only groups whose name contains this, e.g. 'ccxt'")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
