"""What a comparison may cost, told before it costs anything: rules of thumb times the prices of vendors.

An estimate is there to tell ten cents from ten dollars. What a call really costs is measured, and `--max-usd`
stops it. A vendor's price that isn't known is told, and never counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicepipe.compare.plan import Plan, Run, Scripted, Variant
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.slots import Filling, Slot
from voicepipe.core.records import UsageUnit
from voicepipe.core.units import MS, SECOND
from voicepipe.observe.price_book import PriceBook
from voicepipe.providers.endpoint import EndpointConfig, is_loopback
from voicepipe.providers.sim_llm import SimLlmConfig
from voicepipe.speech.pricing import Rates, price
from voicepipe.transports.conversation import Pause, Utterance

WORDS_PER_MINUTE = 150
"""Of callers and agents: a calm speaker."""

TOKENS_PER_100_WORDS = 135
"""English; what most vendors' tokenisers come to."""

CHARACTERS_PER_WORD = 6
"""English, with the space."""

REPLY_WORDS = 30
"""Two sentences, as a voice agent's prompt asks for: 12 s."""

WAIT = 2 * SECOND
"""Beside the speech of both, in each turn: thinking, and the caller's pause before going on."""

STAND_IN_WORDS = 10
"""Of a stand-in for a vendor, which says a sentence about itself, or reads out what a tool answered."""

REQUESTS_PER_TURN = 2
"""To the model: one more for a tool's result, or for a draft that was thrown away."""

TOOL_TOKENS = 100
"""What the description of a tool takes in each request."""

AUDIO_TOKENS_IN, AUDIO_TOKENS_OUT = 10, 20
"""A second, of the caller and of the agent, as fused models count."""

REPLY_TOKENS = REPLY_WORDS * TOKENS_PER_100_WORDS // 100
REPLY_NS = REPLY_WORDS * 60 * SECOND // WORDS_PER_MINUTE

Amounts = Mapping[UsageUnit, int]


@dataclass(frozen=True, slots=True)
class Forecast:
    """``cost`` is in picodollars, without what is ``unpriced``; ``billed``: whether anybody sends a bill.

    ``duration_ns`` is that of all calls together, on their own clocks; ``real_ns`` of those that take so long
    for us, too, since they are held on the real clock.
    """

    calls: int
    duration_ns: int
    real_ns: int
    cost: int
    unpriced: tuple[str, ...]
    billed: bool


class Estimator:
    """Of the runs of one plan; a price is looked for once."""

    def __init__(self) -> None:
        self._books: dict[str, PriceBook] = {}
        self._found: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}

    def of(self, runs: Sequence[Run]) -> Forecast:
        """All of ``runs`` together."""
        cost, unpriced, billed = 0, dict[str, None](), False
        for run in runs:
            one, missing = self._of_run(run)
            cost += one
            unpriced.update(dict.fromkeys(missing))
            billed = billed or any(True for _ in billed_fillings(run.variant))
        lengths = [(duration_ns(run.call, run.variant), run.variant.clock) for run in runs]
        return Forecast(
            calls=len(runs),
            duration_ns=sum(length for length, _ in lengths),
            real_ns=sum(length for length, clock in lengths if clock == "real"),
            cost=cost,
            unpriced=tuple(unpriced),
            billed=billed,
        )

    def cost(self, run: Run) -> int:
        """Picodollars, for ``Holding.estimate``."""
        return self._of_run(run)[0]

    def _of_run(self, run: Run) -> tuple[int, tuple[str, ...]]:
        key = (run.variant.name, run.call.name)
        if key not in self._found:
            self._found[key] = self._computed(run.variant, run.call)
        return self._found[key]

    def _computed(self, variant: Variant, call: Scripted) -> tuple[int, tuple[str, ...]]:
        cost, unpriced = 0, []
        for slot, filling in billed_fillings(variant):
            assert filling.provider is not None, "own code that isn't loaded sends no bill"
            model = getattr(filling.config, "model", None)
            rates = self._book(variant).find(slot.key, filling.provider.name, model).rates
            found = cost_of(rates, requests(slot.kind, call, variant.loaded))
            if found is None:
                unpriced.append(filling.label)
            else:
                cost += found
        return cost, tuple(unpriced)

    def _book(self, variant: Variant) -> PriceBook:
        if variant.name not in self._books:
            book = PriceBook(variant.loaded)
            if book.wants_package:
                book.load()
            self._books[variant.name] = book
        return self._books[variant.name]


def estimate(plan: Plan) -> Forecast:
    """All of ``plan``."""
    return Estimator().of(plan.runs)


def billed_fillings(variant: Variant) -> Iterator[tuple[Slot, Filling]]:
    """The providers of ``variant`` that somebody charges money for: those that talk to a vendor's server.

    On a virtual clock nobody does, a server on this computer doesn't, and neither does a stand-in.
    """
    for slot in variant.loaded.slots:
        if variant.clock != "real" or slot.kind == variant.server:
            continue
        for filling in slot.fillings[:1]:
            provider, config = filling.provider, filling.config
            local = isinstance(config, EndpointConfig) and is_loopback(config.base_url)
            if provider is not None and provider.clock == "real" and not provider.local and not local:
                yield slot, filling


def turns(call: Scripted) -> int:
    """How often the caller says something, at least 1."""
    return max(1, sum(isinstance(item, Utterance) for item in call.script))


def duration_ns(call: Scripted, variant: Variant) -> int:
    """Of the whole call. What is said into a reply takes the place of the rest of it, and while the caller
    pauses a reply can be heard."""
    first_ns, paused_ns = 0, list[int]()
    for item in call.script:
        if isinstance(item, Utterance) and item.into_ns is None:
            paused_ns.append(0)
        elif isinstance(item, Pause) and paused_ns:
            paused_ns[-1] += item.duration_ns
        elif isinstance(item, Pause):
            first_ns += item.duration_ns
    turn_ns = reply_words(variant) * 60 * SECOND // WORDS_PER_MINUTE + WAIT
    return call.speech_ns + first_ns + sum(max(turn_ns, paused) for paused in paused_ns or [0])


def reply_words(variant: Variant) -> int:
    """Of one reply of ``variant``, at least 1. Those of a script are known: it is their mean."""
    if variant.server is not None:
        return STAND_IN_WORDS
    for slot in variant.loaded.slots:
        for filling in slot.fillings[:1]:
            if isinstance(filling.config, SimLlmConfig):
                replies = filling.config.replies
                return max(1, sum(len(reply.say.split()) for reply in replies) // len(replies))
    return REPLY_WORDS


def requests(kind: str, call: Scripted, loaded: LoadedPipeline) -> list[Amounts]:
    """What the stage ``kind`` asks its provider for in ``call``: the amounts of each request."""
    count = turns(call)
    said_ns = call.speech_ns // count
    words = said_ns * WORDS_PER_MINUTE // (60 * SECOND)
    tokens = words * TOKENS_PER_100_WORDS // 100
    fixed = len(loaded.agent.prompt) // 4 + TOOL_TOKENS * len(loaded.agent.tools)
    if kind == "stt":
        heard: Amounts = {
            "audio_in_ms": (said_ns + WAIT) // MS,
            "audio_tokens_in": said_ns * AUDIO_TOKENS_IN // SECOND,
            "tokens_out": tokens,
            "requests": 1,
        }
        return [heard] * count
    if kind == "tts":
        spoken: Amounts = {
            "characters": REPLY_WORDS * CHARACTERS_PER_WORD,
            "audio_out_ms": REPLY_NS // MS,
            "tokens_in": REPLY_TOKENS,
            "audio_tokens_out": REPLY_NS * AUDIO_TOKENS_OUT // SECOND,
            "requests": 1,
        }
        return [spoken] * count
    if kind == "llm":
        asked: list[Amounts] = [
            {
                "tokens_in": fixed + turn * (tokens + REPLY_TOKENS) + tokens,
                "tokens_out": REPLY_TOKENS,
                "requests": 1,
            }
            for turn in range(count)
        ]
        return asked * REQUESTS_PER_TURN
    if kind == "realtime":
        return [_fused(turn, said_ns, fixed) for turn in range(count)]
    return []


def _fused(turn: int, said_ns: int, fixed: int) -> Amounts:
    """The whole conversation so far is billed again with each reply."""
    caller = said_ns * AUDIO_TOKENS_IN // SECOND
    agent = REPLY_NS * AUDIO_TOKENS_OUT // SECOND
    return {
        "tokens_in": fixed,
        "tokens_out": REPLY_TOKENS,
        "audio_tokens_in": turn * (caller + agent) + caller,
        "audio_tokens_out": agent,
        "requests": 1,
    }


def cost_of(rates: Rates, asked: Sequence[Amounts]) -> int | None:
    """Picodollars for all requests; None where there is no price for anything in them."""
    total, known = 0, False
    for amounts in asked:
        priced = {unit: amount for unit, amount in amounts.items() if unit in rates}
        known = known or bool(priced)
        total += sum(price(priced, rates).costs.values())
    return total if known or not asked else None
