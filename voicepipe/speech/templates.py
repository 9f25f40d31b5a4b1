"""Sentence templates: what a text means under a set of rules, and which word sequences they allow.

Matching and parsing of templates is done by hassil. Everything here is synchronous; matching takes well
under a millisecond once ``Templates`` has been built and warmed up.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from voicepipe.core.extras import require
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node
from voicepipe.errors import ConfigError, ConfigErrors
from voicepipe.speech.ngram import Bigrams, Piece, any_of, repeated, word
from voicepipe.speech.rules import PLACEHOLDER, ListSpec, RulesFile

MAX_VARIANTS = 5_000
"""Ways to say one template (lists count once); more is a template that should be split."""

MAX_DEPTH = 40
"""Groups in groups; what is deeper is a phrase that contains itself."""

MAX_TEXT = 500
"""Characters; a longer text matches nothing, so that nobody can keep the matcher busy."""

DIGITS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_DIGIT = rf"(?:\d+|{'|'.join(DIGITS)})"
_DIGIT_RUN = re.compile(rf"\b{_DIGIT}(?:[\s,-]+{_DIGIT})+\b", re.IGNORECASE)
_DIGIT_WORD = re.compile(_DIGIT, re.IGNORECASE)
_WORD = re.compile(r"\{\w+\}|[^\W_]+(?:'[^\W_]+)*")


def join_digits(text: str) -> str:
    """Numbers said digit by digit, as digits: "one two oh four" and "12-04" → "1204"."""
    return _DIGIT_RUN.sub(
        lambda run: "".join(DIGITS.get(d.lower(), d) for d in _DIGIT_WORD.findall(run[0])), text
    )


@dataclass(frozen=True, slots=True)
class Match:
    intent: str
    slots: dict[str, Any]


class Templates:
    """Compiled rules. Raises ``ConfigErrors`` with the place of each template that can't be used.

    ``source`` is what was written, as ``read_rules`` gives it.
    """

    def __init__(self, rules: RulesFile, source: Node, *, purpose: str) -> None:
        self.rules = rules
        self._source = source
        self._errors: list[ConfigError] = []
        self._hassil = require("hassil", extra="quickstart", purpose=purpose)
        parse_error = require("hassil.parser", extra="quickstart", purpose=purpose).ParseError
        for name, text in rules.phrases.items():
            self._parse(("phrases", name), text, parse_error)
        for name, intent in rules.intents.items():
            for index, text in enumerate(intent.sentences):
                self._parse(("intents", name, "sentences", index), text, parse_error)
        self._raise_errors()
        self._intents = self._hassil.Intents.from_dict(self._as_hassil())
        self._slots = {name: self._check(name) for name in rules.intents}
        self._raise_errors()

    def _raise_errors(self) -> None:
        if self._errors:
            raise ConfigErrors(self._errors)

    def _error(self, loc: tuple[str | int, ...], message: str, hint: str | None = None) -> None:
        self._errors.append(self._source.place_of(loc).error(message, hint=hint))

    # ── matching ─────────────────────────────────────────────────────────────────────────────────

    def match(self, text: str, after: str | None = None) -> Match | None:
        """The intent of ``text``; ``after`` is the intent that was answered just before.

        Of several that match, a reply to ``after`` comes first, then the one with most literal text.
        """
        if len(text) > MAX_TEXT:
            return None
        for candidate in dict.fromkeys((text, join_digits(text))):
            found = [
                (bool(self.rules.intents[r.intent.name].after), r.text_chunks_matched, r)
                for r in self._hassil.recognize_all(
                    candidate, self._intents, intent_context={"after": after or ""}
                )
                if self._digits_fit(r)
            ]
            if found:
                best = max(found, key=lambda entry: entry[:2])[2]
                return Match(best.intent.name, {e.name: self._slot(best, e) for e in best.entities_list})
        return None

    def _list_of(self, result: Any, slot: str) -> ListSpec:
        return self.rules.lists[self._slots[result.intent.name][slot]]

    def _digits_fit(self, result: Any) -> bool:
        for entity in result.entities_list:
            span = self._list_of(result, entity.name).digits
            if span and not span.low <= len(entity.text.strip()) <= span.high:
                return False
        return True

    def _slot(self, result: Any, entity: Any) -> Any:
        if self._list_of(result, entity.name).digits:
            return entity.text.strip()  # leading zeros belong to it
        value = entity.value
        return int(value) if isinstance(value, float) and value.is_integer() else value

    # ── the language model ───────────────────────────────────────────────────────────────────────

    def bigrams(self) -> Bigrams:
        """The word pairs of all sentences. Each template weighs the same, and so does each way to say it."""
        model = Bigrams()
        pieces = {name: self._piece(name) for name in self.rules.lists}
        for name in self.rules.intents:
            for sentence in self._sentences(name):
                variants = self._variants(sentence.expression)
                for words in variants:
                    model.add([pieces.get(w[1:-1]) or word(w) for w in words], 1 / len(variants))
        return model

    def _sentences(self, intent: str) -> list[Any]:
        return list(self._intents.intents[intent].data[0].sentences)

    def _variants(self, expression: Any) -> list[list[str]]:
        """All ways to say it as lower-case words, ``{list}`` for a list; empty ones are left out."""
        sampled = self._hassil.sample_expression(
            expression, self._intents.slot_lists, self._intents.expansion_rules, expand_lists=False
        )
        return [words for text in sampled if (words := _WORD.findall(text.lower()))]

    def _piece(self, name: str) -> Piece:
        spec = self.rules.lists[name]
        if spec.digits:
            return repeated(list(DIGITS), (spec.digits.low + spec.digits.high) / 2)
        phrases = self._hassil.sample_expression(
            self._hassil.ListReference(list_name=name),
            {name: self._intents.slot_lists[name]},
            self._intents.expansion_rules,
            language=self.rules.language,
        )
        words = (_WORD.findall(text.lower()) for text in phrases)
        return any_of([phrase for phrase in words if not any(w[0].isdigit() for w in phrase)])

    # ── compiling ────────────────────────────────────────────────────────────────────────────────

    def _as_hassil(self) -> dict[str, Any]:
        lists: dict[str, Any] = {}
        for name, spec in self.rules.lists.items():
            if spec.values:
                lists[name] = {"values": [{"in": v.say, "out": v.value} for v in spec.values]}
            elif spec.range:
                lists[name] = {"range": {"from": spec.range.low, "to": spec.range.high}}
            elif spec.digits:
                lists[name] = {"range": {"from": 0, "to": 10**spec.digits.high - 1, "words": False}}
        return {
            "language": self.rules.language,
            "lists": lists,
            "expansion_rules": self.rules.phrases,
            "intents": {
                name: {
                    "data": [
                        {
                            "sentences": list(intent.sentences),
                            "requires_context": {"after": list(intent.after)} if intent.after else {},
                        }
                    ]
                }
                for name, intent in self.rules.intents.items()
            },
        }

    def _parse(self, loc: tuple[str | int, ...], text: str, parse_error: type[Exception]) -> None:
        try:
            self._hassil.parse_sentence(text)
        except (parse_error, AssertionError, ValueError) as error:
            hint = "[optional], (one|another), {list}, <phrase>; brackets must be closed"
            self._error(loc, f"the template can't be read: {text!r} ({error})", hint)

    def _check(self, name: str) -> dict[str, str]:
        """The slots of an intent with their lists; everything that it names must exist."""
        intent = self.rules.intents[name]
        slots: dict[str, str] = {}
        for index, sentence in enumerate(self._sentences(name)):
            loc = ("intents", name, "sentences", index)
            try:
                variants = self._survey(sentence.expression, slots, 0)
            except ValueError as error:
                self._error(loc, str(error))
                continue
            if variants > MAX_VARIANTS:
                message = f"there are {variants} ways to say it, at most {MAX_VARIANTS} were expected"
                self._error(loc, message, "split the template into several")
        for index, other in enumerate(intent.after):
            if other not in self.rules.intents:
                message = f"there is no intent '{other}'.{did_you_mean(other, self.rules.intents)}"
                self._error(("intents", name, "after", index), message)
        self._check_placeholders(name, {*slots, "error", *(("result",) if intent.tool else ())})
        return slots

    def _check_placeholders(self, name: str, known: set[str]) -> None:
        intent = self.rules.intents[name]
        texts: list[tuple[tuple[str | int, ...], Any]] = [
            *((("answer", index), text) for index, text in enumerate(intent.answer)),
            *((("error", index), text) for index, text in enumerate(intent.error)),
            *((("arguments", key), value) for key, value in intent.arguments.items()),
        ]
        for loc, text in texts:
            for placeholder in PLACEHOLDER.findall(text) if isinstance(text, str) else ():
                first = placeholder.partition(".")[0]
                if first not in known:
                    self._error(
                        ("intents", name, *loc),
                        f"{{{placeholder}}} is neither a slot of these sentences nor a part of the result."
                        f"{did_you_mean(first, known)}",
                        f"known here: {', '.join(sorted(known))}",
                    )

    def _survey(self, expression: Any, slots: dict[str, str], depth: int) -> int:
        """How many ways there are to say it; notes the slots. ``ValueError``: what it names is missing."""
        hassil = self._hassil
        if depth > MAX_DEPTH:
            raise ValueError("groups or phrases are nested too deeply, or a phrase contains itself")
        if isinstance(expression, hassil.RuleReference):
            body = self._intents.expansion_rules.get(expression.rule_name)
            if body is None:
                name = expression.rule_name
                near = did_you_mean(name, self.rules.phrases)
                raise ValueError(f"there is no phrase <{name}> under 'phrases'.{near}")
            return self._survey(body.expression, slots, depth + 1)
        if isinstance(expression, hassil.ListReference):
            if expression.list_name not in self.rules.lists:
                name = expression.list_name
                near = did_you_mean(name, self.rules.lists)
                raise ValueError(f"there is no list {{{name}}} under 'lists'.{near}")
            if slots.setdefault(expression.slot_name, expression.list_name) != expression.list_name:
                raise ValueError(f"the slot {expression.slot_name!r} is filled from two lists")
            return 1
        if not isinstance(expression, hassil.expression.Group):
            return 1
        ways = [self._survey(item, slots, depth + 1) for item in expression.items]
        if isinstance(expression, hassil.Alternative):
            return sum(ways)
        orders = math.factorial(len(ways)) if isinstance(expression, hassil.Permutation) else 1
        return orders * math.prod(ways)
