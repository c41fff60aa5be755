"""What the Python SDK signs, `botmm sign` signs too: the same hash, the same signature, to the last bit.

Nothing is sent. The SDK's own methods build, hash and sign each action; it is caught on its way out and
given to `botmm sign`, which has to come to the same answer from the action alone.
"""

import json
import os
import random
import secrets
import subprocess
from collections.abc import Callable
from typing import Any

import eth_account
from hyperliquid.exchange import Exchange
from hyperliquid.utils.constants import MAINNET_API_URL, TESTNET_API_URL
from hyperliquid.utils.signing import action_hash, recover_agent_or_user_from_l1_action, sign_l1_action
from hyperliquid.utils.types import Cloid

from check import Cases, Failed, equal
from venue import ALICE_KEY, ALO, GTC, IOC, Venue

case = Cases("signing")

VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
CLOID = Cloid("0x00000000000000000000000000000abc")
EXPIRES_MS = 1_795_359_610_000
# The command under test; `scripts/conformance.sh` names it.
BOTMM = os.environ.get("BOTMM_BIN", "")
CHAINS = {"mainnet": MAINNET_API_URL, "testnet": TESTNET_API_URL}
RANDOM_ORDERS = 40


class Caught(Exchange):
    """An SDK client that sends nothing: what it would have sent is in `sent`."""

    def __init__(self, venue: Venue, url: str, **options: Any):
        wallet = eth_account.Account.from_key(ALICE_KEY)
        super().__init__(wallet, url, meta=venue.meta, spot_meta=venue.info.spot_meta(), **options)
        self.sent: list[dict] = []

    def post(self, url_path: str, payload: Any = None) -> Any:
        self.sent.append(payload)
        return {"status": "ok", "response": {"type": "default"}}


def ours(body: dict, chain: str, *more: str) -> dict:
    """What `botmm sign` says of the action in a body."""
    command = [BOTMM, "sign", "--network", chain, "--nonce", str(body["nonce"]), *more]
    if body["vaultAddress"] is not None:
        command += ["--vault", body["vaultAddress"]]
    if body["expiresAfter"] is not None:
        command += ["--expires-after", str(body["expiresAfter"])]
    environment = {"HL_PRIVATE_KEY": ALICE_KEY}
    done = subprocess.run(
        command, input=json.dumps(body["action"]), env=environment, capture_output=True, text=True, timeout=20
    )
    equal(f"exit code of {' '.join(command)} ({done.stderr.strip()})", done.returncode, 0)
    return json.loads(done.stdout)


def same(body: dict, chain: str) -> None:
    """Our signature of the action is the SDK's, as numbers: it drops leading zeros."""
    what = f"{body['action']} for {chain}"
    got = ours(body, chain)
    if got["signed_as"] == "l1":
        theirs = action_hash(body["action"], body["vaultAddress"], body["nonce"], body["expiresAfter"])
        equal(f"action hash of {what}", got["action_hash"], "0x" + theirs.hex())
    expected = body["signature"]
    for part in ("r", "s"):
        equal(f"{part} of {what}", int(got["signature"][part], 16), int(expected[part], 16))
    equal(f"v of {what}", got["signature"]["v"], expected["v"])
    equal("signer", got["signer"], eth_account.Account.from_key(ALICE_KEY).address.lower())


def agree(venue: Venue, act: Callable[[Exchange], Any]) -> None:
    """On both chains; bare, and with a vault and an expiry, where the action can have them."""
    for chain, url in CHAINS.items():
        plain = Caught(venue, url)
        act(plain)
        full = Caught(venue, url, vault_address=VAULT)
        full.set_expires_after(EXPIRES_MS)
        act(full)
        bodies = plain.sent + full.sent
        equal("requests caught", len(bodies) >= 2, True)
        for body in bodies:
            same(body, chain)


def request(coin: str = "BTC", **more: Any) -> dict:
    order = {"coin": coin, "is_buy": True, "sz": 0.001, "limit_px": 60_000.0, "order_type": ALO, "reduce_only": False}
    return order | more


@case("order: one, several, with a cloid, a builder, reduce-only, immediate")
def orders(venue: Venue) -> None:
    agree(venue, lambda sdk: sdk.order("BTC", True, 0.001, 60_000.0, ALO, cloid=CLOID))
    agree(venue, lambda sdk: sdk.order("kPEPE", False, 123_456.0, 0.0123, IOC, reduce_only=True))
    several = [request(), request("ETH", cloid=CLOID, sz=1.5, order_type=GTC), request("SOL", is_buy=False)]
    agree(venue, lambda sdk: sdk.bulk_orders(several))
    agree(venue, lambda sdk: sdk.bulk_orders(several, builder={"b": VAULT, "f": 10}))


@case("cancel and cancelByCloid")
def cancels(venue: Venue) -> None:
    agree(venue, lambda sdk: sdk.cancel("BTC", 91_490_942))
    agree(venue, lambda sdk: sdk.bulk_cancel([{"coin": "ETH", "oid": 2**40}, {"coin": "BTC", "oid": 1}]))
    agree(venue, lambda sdk: sdk.cancel_by_cloid("ETH", CLOID))


@case("batchModify by oid and by cloid")
def modifies(venue: Venue) -> None:
    agree(venue, lambda sdk: sdk.modify_order(91_490_942, "BTC", True, 0.002, 60_001.0, ALO, cloid=CLOID))
    by_cloid = {"oid": CLOID, "order": request("ETH", limit_px=2_500.5)}
    by_oid = {"oid": 7, "order": request()}
    agree(venue, lambda sdk: sdk.bulk_modify_orders_new([by_cloid, by_oid]))


@case("scheduleCancel set and cleared, updateLeverage, updateIsolatedMargin, noop, setReferrer")
def others(venue: Venue) -> None:
    agree(venue, lambda sdk: sdk.schedule_cancel(EXPIRES_MS))
    agree(venue, lambda sdk: sdk.schedule_cancel(None))
    agree(venue, lambda sdk: sdk.update_leverage(7, "ETH", is_cross=False))
    agree(venue, lambda sdk: sdk.update_isolated_margin(-12.5, "ETH"))
    agree(venue, lambda sdk: sdk.noop(EXPIRES_MS))
    for chain, url in CHAINS.items():
        sdk = Caught(venue, url)
        sdk.set_referrer("CODE")  # never for a vault
        same(sdk.sent[0], chain)


@case("presigned: the SDK finds our signer in each body, which no two share a nonce point of")
def presigned(venue: Venue) -> None:
    alice = eth_account.Account.from_key(ALICE_KEY).address
    points = set()
    for chain, url in CHAINS.items():
        plain, full = Caught(venue, url), Caught(venue, url, vault_address=VAULT)
        full.set_expires_after(EXPIRES_MS)
        for sdk in (plain, full):
            sdk.bulk_orders([request(), request("ETH", cloid=CLOID, sz=1.5)])
            sdk.modify_order(91_490_942, "BTC", True, 0.002, 60_001.0, ALO, cloid=CLOID)
            sdk.bulk_cancel([{"coin": "ETH", "oid": 2**40}])
        for body in [*plain.sent, *full.sent] * 4:
            got = ours(body, chain, "--presigned")["signature"]
            args = (body["vaultAddress"], body["nonce"], body["expiresAfter"], chain == "mainnet")
            signer = recover_agent_or_user_from_l1_action(body["action"], got, *args)
            equal(f"signer of {body['action']} for {chain}", signer, alice)
            points.add(got["r"])
    equal("different r", len(points), 48)


@case("modify, which the SDK signs but never sends")
def modify(venue: Venue) -> None:
    def act(sdk: Exchange) -> None:
        order = {"a": 0, "b": True, "p": "60000", "s": "0.001", "r": False, "t": ALO, "c": CLOID.to_raw()}
        for oid in (91_490_942, CLOID.to_raw()):
            action = {"type": "modify", "oid": oid, "order": order}
            is_mainnet = sdk.base_url == MAINNET_API_URL
            signature = sign_l1_action(
                sdk.wallet, action, sdk.vault_address, EXPIRES_MS, sdk.expires_after, is_mainnet
            )
            sdk._post_action(action, signature, EXPIRES_MS)

    agree(venue, act)


@case("approveAgent and approveBuilderFee, signed as typed data")
def typed(venue: Venue) -> None:
    for chain, url in CHAINS.items():
        sdk = Caught(venue, url)
        sdk.approve_agent("agent")
        sdk.approve_builder_fee(VAULT, "0.001%")
        equal("requests caught", len(sdk.sent), 2)
        for body in sdk.sent:
            same(body, chain)


@case(f"{RANDOM_ORDERS} random orders")
def random_orders(venue: Venue) -> None:
    seed = secrets.randbits(32)
    dice = random.Random(seed)
    sdk = Caught(venue, TESTNET_API_URL)
    for _ in range(RANDOM_ORDERS):
        coin = dice.choice(["BTC", "ETH", "SOL", "XRP", "HYPE", "DOGE", "kPEPE"])
        px = float(f"{10 ** dice.uniform(-2, 5):.5g}")
        decimals = venue.asset(coin)["szDecimals"]
        sz = round(10 ** dice.uniform(-decimals, 4), decimals)
        cloid = Cloid.from_int(dice.getrandbits(128)) if dice.random() < 0.5 else None
        sdk.order(
            coin, dice.random() < 0.5, sz, round(px, 8), dice.choice([ALO, GTC, IOC]), dice.random() < 0.2, cloid
        )
    for body in sdk.sent:
        try:
            same(body, "testnet")
        except Failed as e:
            raise Failed(f"seed {seed}: {e.what}", e.expected, e.got) from e
