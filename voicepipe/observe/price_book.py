"""Where prices come from: the pipeline file, then our own dated list, then the package ``genai-prices``.

The file's win over all others, since only its author knows a contract. Our list comes before the package,
which takes a second and 100 MB to ask; a test holds the two against each other.

A vendor's prices are those of its own servers. What another server at the same protocol costs is known to
the file alone; one on this computer, and an engine in this process, costs the time of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from voicepipe.config.cost import CostConfig
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.price_list import PriceEntry, price_list
from voicepipe.config.slots import Filling
from voicepipe.observe.genai import GenaiPrices
from voicepipe.providers.endpoint import EndpointConfig, is_loopback
from voicepipe.speech.pricing import Rates

Server = Literal["vendor", "machine", "other"]
"""Who is to be paid: the vendor, whoever pays for this machine, or somebody whose prices aren't known."""


@dataclass(slots=True)
class Priced:
    """What a request to a model costs: by units, or by the time of the machine.

    ``source`` tells where the prices come from; ``hint`` what to do about those that are missing.
    """

    rates: Rates
    source: str
    by_time: bool = False
    hint: str = ""


@dataclass(slots=True)
class _Known:
    """A provider of a slot."""

    provider: str
    model: str | None
    server: Server
    keys: Mapping[str, Any] = field(default_factory=dict)


class PriceBook:
    """The prices for one pipeline, as of the day ``at`` on which it is made."""

    def __init__(
        self, loaded: LoadedPipeline, *, at: datetime | None = None, genai: GenaiPrices | None = None
    ) -> None:
        self.cost: CostConfig = loaded.cost
        self._at = at or datetime.now(UTC)
        self._genai = genai or GenaiPrices()
        self._known: dict[tuple[str, str], list[_Known]] = {}
        self._found: dict[tuple[str, str, str | None], Priced] = {}
        self._used: dict[int, PriceEntry] = {}
        pipelines = (loaded, *loaded.cheaper.values())
        for slot in (slot for pipeline in pipelines for slot in pipeline.slots):
            for one in map(_known, slot.fillings):
                if one is not None:
                    self._known.setdefault((slot.key, one.provider), []).append(one)

    @property
    def wants_package(self) -> bool:
        """Whether a model of the pipeline has its prices in ``genai-prices``, or nowhere."""
        return any(
            one.model is not None
            and self.cost.rates(one.provider, one.model) is None
            and self._own(slot, one.provider, one.model) is None
            for (slot, _), known in self._known.items()
            for one in known
            if one.server == "vendor"
        )

    def load(self) -> None:
        """Import the package, where it is installed; takes about a second. Calls may be priced before."""
        if self._genai.load():
            self._found.clear()

    def find(self, slot: str, provider: str, model: str | None) -> Priced:
        """What a request of ``slot`` costs."""
        key = (slot, provider, model)
        if key not in self._found:
            self._found[key] = self._find(slot, provider, model)
        return self._found[key]

    def warnings(self) -> list[str]:
        """A sentence for each price that was used and is old."""
        told = (entry.stale(self._at.date()) for entry in self._used.values())
        return [sentence for sentence in told if sentence is not None]

    def _find(self, slot: str, provider: str, model: str | None) -> Priced:
        servers = {one.server for one in self._known.get((slot, provider), ())}
        written = self.cost.rates(provider, model)
        name = f"{provider}/{model}" if model else provider
        hint = f"write it down: cost: {{prices: {{{name}: …}}}}"
        if written is not None:
            return Priced(written, "the pipeline file", hint=hint)
        if servers == {"machine"}:
            return Priced({}, "machine time", by_time=True, hint="set cost.machine_usd_hour")
        if servers - {"vendor"} or model is None:  # with one name for two servers nobody knows which it was
            return Priced({}, "nowhere", hint=hint)
        own = self._own(slot, provider, model)
        if own is not None:
            self._used[id(own)] = own
            return Priced(own.rates, f"{own.source}, seen {own.seen}", hint=hint)
        rates = self._genai.rates(provider, model, self._at)
        return Priced(rates, self._genai.source if rates else "nowhere", hint=hint)

    def _own(self, slot: str, provider: str, model: str | None) -> PriceEntry | None:
        """What our list says of the model. Where two providers of the slot differ in their keys, none fits
        unless it fits both."""
        known = self._known.get((slot, provider), ())
        all_keys = [one.keys for one in known if one.model == model] or [one.keys for one in known] or [{}]
        found = [
            next((entry for entry in price_list() if entry.fits(provider, model, keys)), None)
            for keys in all_keys
        ]
        return found[0] if all(entry is found[0] for entry in found) else None


def _known(filling: Filling) -> _Known | None:
    if filling.provider is None or filling.config is None:
        return None
    config = filling.config
    model = getattr(config, "model", None)
    return _Known(filling.provider.name, model, _server(filling), dict(_keys(config)))


def _server(filling: Filling) -> Server:
    config = filling.config
    if isinstance(config, EndpointConfig):
        if config.endpoint.is_own(config.base_url):
            return "vendor"
        return "machine" if is_loopback(config.base_url) else "other"
    return "machine" if filling.provider is not None and filling.provider.local else "vendor"


def _keys(config: Any) -> Iterable[tuple[str, Any]]:
    for name in type(config).model_fields:
        yield name, getattr(config, name)
