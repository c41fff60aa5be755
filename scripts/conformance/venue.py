"""The venue under test, and the few things that most checks need from it."""

import contextlib
import functools
import itertools
import secrets
import time
from decimal import ROUND_UP, Decimal
from typing import Any

import eth_account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action
from hyperliquid.utils.types import Cloid

import shape
from check import Failed, equal, eventually, that

# Keys of nobody, published here: the venue under test gives them paper money. Never fund them elsewhere.
ALICE_KEY = "0x" + "a1" * 32
BOB_KEY = "0x" + "b2" * 32

PERPS = ("BTC", "ETH", "SOL", "XRP", "HYPE", "DOGE", "kPEPE")

ALO = {"limit": {"tif": "Alo"}}
GTC = {"limit": {"tif": "Gtc"}}
IOC = {"limit": {"tif": "Ioc"}}


class Venue:
    """One exchange at `url`, seen through the Python SDK; `alice` and `bob` have money there."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self.ws_url = "ws" + self.url[len("http") :] + "/ws"
        self.alice: LocalAccount = eth_account.Account.from_key(ALICE_KEY)
        self.bob: LocalAccount = eth_account.Account.from_key(BOB_KEY)
        self._nonces = itertools.count(get_timestamp_ms())

    # -- clients --

    @functools.cached_property
    def info(self) -> Info:
        return Info(self.url, skip_ws=True, timeout=20)

    @functools.cached_property
    def meta(self) -> dict:
        return self.info.meta()

    @functools.cached_property
    def as_alice(self) -> Exchange:
        return self.exchange(self.alice)

    @functools.cached_property
    def as_bob(self) -> Exchange:
        return self.exchange(self.bob)

    def exchange(self, wallet: LocalAccount, **options: Any) -> Exchange:
        """An SDK client that signs with `wallet`; it reuses the meta that is already loaded."""
        return Exchange(wallet, self.url, meta=self.meta, spot_meta=self.info.spot_meta(), timeout=20, **options)

    def ask(self, **body: Any) -> Any:
        """A `/info` question for which the SDK has no method."""
        return self.info.post("/info", body)

    # -- instruments --

    def asset(self, coin: str) -> dict:
        return next(asset for asset in self.meta["universe"] if asset["name"] == coin)

    def index(self, coin: str) -> int:
        return self.info.name_to_asset(coin)

    def tick(self, coin: str, px: Decimal) -> Decimal:
        return shape.tick(px, self.asset(coin)["szDecimals"])

    def size(self, coin: str, usd: float, px: Decimal) -> Decimal:
        """The smallest size on the lot that is worth at least `usd`."""
        lot = Decimal(1).scaleb(-self.asset(coin)["szDecimals"])
        return (Decimal(usd) / px).quantize(lot, ROUND_UP)

    # -- the market --

    def book(self, coin: str) -> tuple[list[dict], list[dict]]:
        bids, asks = self.info.l2_snapshot(coin)["levels"]
        return bids, asks

    def touch(self, coin: str) -> tuple[Decimal, Decimal]:
        """The best bid and ask."""
        bids, asks = eventually(
            f"{coin} has a two-sided book", lambda: next((b for b in [self.book(coin)] if all(b)), None), "both sides"
        )
        return Decimal(bids[0]["px"]), Decimal(asks[0]["px"])

    def quiet_px(self, coin: str, is_buy: bool, percent: Decimal = Decimal(1)) -> Decimal:
        """A price on the tick, so far from the touch that an order there rests undisturbed."""
        bid, ask = self.touch(coin)
        px = bid * (1 - percent / 100) if is_buy else ask * (1 + percent / 100)
        tick = self.tick(coin, px)
        return (px / tick).to_integral_value() * tick

    # -- orders --

    def rest(
        self, exchange: Exchange, coin: str = "BTC", is_buy: bool = True, usd: float = 50, cloid: Cloid | None = None
    ) -> tuple[int, Decimal, Decimal]:
        """Rests a post-only order away from the touch; its oid, price and size."""
        px = self.quiet_px(coin, is_buy)
        sz = self.size(coin, usd, px)
        answer = exchange.order(coin, is_buy, float(sz), float(px), ALO, cloid=cloid)
        return oid_of(answer, "resting"), px, sz

    def cancel_all(self, exchange: Exchange) -> None:
        """Leaves the account without open orders."""
        address = exchange.account_address or exchange.wallet.address
        requests = [{"coin": o["coin"], "oid": o["oid"]} for o in self.info.open_orders(address)]
        if requests:
            exchange.bulk_cancel(requests)

    def tidy(self) -> None:
        """After a failure: what it left behind must not fail the checks that follow."""
        for exchange in (self.as_alice, self.as_bob):
            with contextlib.suppress(Exception):  # the venue may be what is broken
                self.flatten(exchange)

    def flatten(self, exchange: Exchange) -> None:
        """Leaves the account without positions and open orders."""
        self.cancel_all(exchange)
        address = exchange.account_address or exchange.wallet.address
        for _ in range(5):
            held = self.positions(address)
            if not held:
                return
            for coin in held:
                exchange.market_close(coin)
        raise Failed("flatten", "no position after five market closes", held)

    def positions(self, address: str) -> dict[str, dict]:
        """The account's positions by coin."""
        state = self.info.user_state(address)
        return {item["position"]["coin"]: item["position"] for item in state["assetPositions"]}

    def status_of(self, address: str, oid: int | Cloid) -> str:
        """The word that orderStatus has for an order."""
        query = self.info.query_order_by_cloid if isinstance(oid, Cloid) else self.info.query_order_by_oid
        answer = query(address, oid)
        equal("orderStatus finds the order", answer["status"], "order")
        return answer["order"]["status"]

    # -- raw actions: what the SDK's own methods would round or refuse --

    def nonce(self) -> int:
        """A fresh nonce: never one that the SDK (the clock) has used in this millisecond or before."""
        now = get_timestamp_ms()
        nonce = next(self._nonces)
        if nonce < now:
            self._nonces = itertools.count(now + 1)
            nonce = now
        return nonce

    def wire(self, coin: str, is_buy: bool, px: Any, sz: Any, tif: str = "Alo", **more: Any) -> dict:
        """An order as it stands in an action, its numbers exactly as given."""
        order = {"a": self.index(coin), "b": is_buy, "p": plain(px), "s": plain(sz)}
        order |= {"r": more.get("reduce_only", False), "t": {"limit": {"tif": tif}}}
        if "cloid" in more:
            order["c"] = more["cloid"].to_raw()
        return order

    def signed(self, wallet: LocalAccount, action: dict, mainnet: bool = False, nonce: int | None = None) -> dict:
        """The body of `/exchange` for an action, signed by the SDK's own function."""
        nonce = self.nonce() if nonce is None else nonce
        signature = sign_l1_action(wallet, action, None, nonce, None, mainnet)
        return {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, "expiresAfter": None}

    def send(self, wallet: LocalAccount, action: dict, **options: Any) -> Any:
        """Signs an action and posts it."""
        return self.info.post("/exchange", self.signed(wallet, action, **options))

    def send_orders(self, wallet: LocalAccount, *orders: dict) -> Any:
        return self.send(wallet, {"type": "order", "orders": list(orders), "grouping": "na"})


# -- reading answers --


def statuses(answer: Any, kind: str = "order") -> list:
    """The per-item answers of an accepted request."""
    that("the request is accepted", isinstance(answer, dict) and answer.get("status") == "ok", "status ok", answer)
    equal("the type of the response", answer["response"]["type"], kind)
    return answer["response"]["data"]["statuses"]


def only(answer: Any, kind: str = "order") -> Any:
    """The answer to the single item of a request."""
    items = statuses(answer, kind)
    equal("the number of statuses", len(items), 1)
    return items[0]


def oid_of(answer: Any, state: str) -> int:
    """The oid of a single order that must be in `state`: resting or filled."""
    item = only(answer)
    that("the order's state", isinstance(item, dict) and state in item, state, item)
    oid = item[state]["oid"]
    that("the oid is a positive integer", isinstance(oid, int) and oid > 0, "int > 0", oid)
    return oid


def accepted(answer: Any) -> None:
    """The answer to an action that has nothing to say but that it was done."""
    equal("the answer", answer, {"status": "ok", "response": {"type": "default"}})


def refused(answer: Any, text: str) -> None:
    """The whole request must be refused with exactly `text`."""
    equal("the answer", answer, {"status": "err", "response": text})


def item_error(item: Any, text: str, asset: int) -> None:
    """An item must be refused with `text`; the live venue appends the asset, its docs do not."""
    that("the item is refused", isinstance(item, dict) and list(item) == ["error"], {"error": text}, item)
    that("the venue's text", item["error"] in (text, f"{text} asset={asset}"), text, item["error"])


def order_error(answer: Any, text: str, asset: int) -> None:
    """A request of one order must be refused with `text`, for the order or for the request."""
    if isinstance(answer, dict) and answer.get("status") == "err":
        item_error({"error": answer["response"]}, text, asset)
    else:
        item_error(only(answer), text, asset)


def new_cloid() -> Cloid:
    return Cloid("0x" + secrets.token_hex(16))


def plain(number: Any) -> str:
    """A decimal as the wire has it: no exponent, no trailing zeros. Strings pass as they are."""
    if isinstance(number, str):
        return number
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def now_ms() -> int:
    return int(time.time() * 1000)
