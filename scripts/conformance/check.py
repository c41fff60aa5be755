"""What a check is, and how one is judged.

A module lists its checks in a `Cases`; each is a function that takes the `Venue` and raises `Failed`
when an answer is not what the venue documents. Any other exception is a failure too: a client that
cannot digest an answer raises, and that is what these checks are looking for.
"""

import time
from collections.abc import Callable
from typing import Any


class Failed(Exception):
    """An answer that differs from what was expected."""

    def __init__(self, what: str, expected: Any, got: Any):
        super().__init__(what)
        self.what, self.expected, self.got = what, expected, got


class Cases:
    """The checks of one module, run in the order in which they are written."""

    def __init__(self, group: str):
        self.group = group
        self.items: list[tuple[str, Callable[[Any], None]]] = []

    def __call__(self, title: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        def add(function: Callable[[Any], None]) -> Callable[[Any], None]:
            self.items.append((title, function))
            return function

        return add


class Report:
    """Runs cases, prints one line for each, and counts."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def run(self, cases: Cases, venue: Any) -> None:
        for title, function in cases.items:
            name = f"{cases.group}: {title}"
            try:
                function(venue)
            except Failed as e:
                self._failure(name, e.expected, e.got, e.what)
                venue.tidy()
            except Exception as e:  # whatever a client raises is the finding
                self._failure(name, "no exception", f"{type(e).__name__}: {e}", "")
                venue.tidy()
            else:
                self.passed += 1
                print(f"ok      {name}", flush=True)

    def _failure(self, name: str, expected: Any, got: Any, what: str) -> None:
        self.failed += 1
        where = f"{name} ({what})" if what else name
        print(f"FAILED  {where}: expected {_short(expected)}, got {_short(got)}", flush=True)


def equal(what: str, got: Any, expected: Any) -> None:
    """Fails unless `got` is `expected`, type included: 1 is not 1.0 and not True."""
    if type(got) is not type(expected) or got != expected:
        raise Failed(what, expected, got)


def that(what: str, holds: bool, expected: Any, got: Any) -> None:
    """Fails unless `holds`."""
    if not holds:
        raise Failed(what, expected, got)


def keys(what: str, got: Any, *names: str) -> None:
    """Fails unless `got` is an object with at least these keys."""
    that(what, isinstance(got, dict), f"an object with {', '.join(names)}", got)
    missing = [name for name in names if name not in got]
    that(what, not missing, f"the keys {', '.join(names)}", f"none of {missing} in {got}")


def raises(what: str, kind: type[BaseException], text: str, call: Callable[[], Any]) -> None:
    """Fails unless `call` raises `kind` with `text` in its message."""
    try:
        answer = call()
    except kind as e:
        that(what, text in str(e), f"{kind.__name__} with {text!r}", str(e))
    else:
        raise Failed(what, f"{kind.__name__} with {text!r}", answer)


def eventually(what: str, probe: Callable[[], Any], expected: Any = "something", timeout_s: float = 10) -> Any:
    """Asks `probe` until it answers something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(what, expected, f"{found!r} for {timeout_s} s")
        time.sleep(0.1)


def _short(value: Any, limit: int = 400) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit] + " …"
