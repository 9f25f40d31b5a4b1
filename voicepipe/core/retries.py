"""When a request that failed is made again to the same provider: by what went wrong, and within a budget.

Pure: nothing here waits, and the only chance is the one that is handed in.

==================  ==============================================================================
``connection``      at once, then after growing waits; the at-once retry is made also where another
                    provider could answer, if it failed fast: it is cheaper than a change of voice
``timeout``         once, at once: the caller has waited already
``rate_limit``      after the ``Retry-After`` of the server if that is short, or growing waits
``server``          after the same
``protocol``        once, at once: the answer was garbled on its way, or the model's doing
``authentication``  never: a key doesn't become right by being shown twice
``bad_request``     never: nor does a request
``internal``        never: an engine that has broken in this process is broken
==================  ==============================================================================

An error with ``retryable`` False isn't retried, whatever its class. Where another provider could answer,
nobody waits for this one.

The waits are "equal jitter" of the exponential backoff that M. Brooker describes ("Exponential Backoff And
Jitter", AWS Architecture Blog, 2015): half of each is fixed, half is chance, so that callers who failed
together don't come back together. The budget is a token bucket as in Finagle's ``RetryBudget``: retries may
be a share of the requests, over all sessions, so that a server that is down isn't asked three times as
often as one that works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError, ProviderErrorKind

FAST = 500 * MS
"""A failure within it is one that the caller can't have noticed yet."""

RESERVE = 10
"""Retries that are there from the beginning, and the most that are saved up: a quiet pipeline makes few
requests, and a share of them is no retry at all."""

_PARTS = 1000
"""Of a token: shares are counted in whole numbers, since sums of floats drift."""


@dataclass(frozen=True, slots=True)
class ClassPolicy:
    """``at_once``: how many retries wait for nothing; ``waits``: more may follow, after waits; ``stays``: the
    first retry is made also where another provider could answer."""

    at_once: int = 0
    waits: bool = False
    stays: bool = False


POLICIES: Mapping[ProviderErrorKind, ClassPolicy] = {
    "connection": ClassPolicy(at_once=1, waits=True, stays=True),
    "timeout": ClassPolicy(at_once=1),
    "rate_limit": ClassPolicy(waits=True),
    "server": ClassPolicy(waits=True),
    "protocol": ClassPolicy(at_once=1),
    "authentication": ClassPolicy(),
    "bad_request": ClassPolicy(),
    "internal": ClassPolicy(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """``attempts``: of one request at one provider, the first included; 1: never again.

    ``backoff_ns``: the first wait, which doubles each time up to ``max_backoff_ns``; a longer ``Retry-After``
    isn't waited for. ``budget``: the share of requests, 0 to 1, that may be retried.
    """

    attempts: int = 3
    backoff_ns: int = 200 * MS
    max_backoff_ns: int = 2 * SECOND
    budget: float = 0.2


class Retries:
    """The retries of one slot; shared by all sessions, as the budget is."""

    def __init__(self, limits: RetryLimits, chance: Random) -> None:
        self._limits = limits
        self._chance = chance
        self._earned = round(limits.budget * _PARTS)
        self._saved = RESERVE * _PARTS

    @property
    def left(self) -> int:
        """How many retries the budget has at the moment."""
        return self._saved // _PARTS

    def note_request(self) -> None:
        """A request is made; retries of it don't count as such."""
        self._saved = min(RESERVE * _PARTS, self._saved + self._earned)

    def wait_ns(self, error: ProviderError, *, tries: int, took_ns: int, alternative: bool) -> int | None:
        """How long to wait before the same provider is asked again, in ns; None: don't.

        ``tries``: how often it was asked, from 1; ``took_ns``: how long the last time took to fail;
        ``alternative``: another provider could answer. Takes from the budget, unless it says None.
        """
        policy = POLICIES[error.kind]
        if not error.retryable or tries >= self._limits.attempts or self.left == 0:
            return None
        at_once = tries <= policy.at_once and error.retry_after_ns is None
        if alternative and not (at_once and policy.stays and took_ns <= FAST):
            return None
        if not at_once and not policy.waits:
            return None
        wait = 0 if at_once else self._backoff_ns(tries - policy.at_once, error.retry_after_ns)
        if wait is not None:
            self._saved -= _PARTS
        return wait

    def _backoff_ns(self, number: int, retry_after_ns: int | None) -> int | None:
        """``number`` counts the waits from 1."""
        longest = self._limits.max_backoff_ns
        if retry_after_ns is not None:
            if retry_after_ns > longest:
                return None
            # Never sooner than the server said, and not all at the same moment.
            return retry_after_ns + round(
                self._chance.random() * min(retry_after_ns // 10, longest - retry_after_ns)
            )
        wait = min(longest, self._limits.backoff_ns << min(number - 1, 30))
        return wait // 2 + round(self._chance.random() * (wait // 2))
