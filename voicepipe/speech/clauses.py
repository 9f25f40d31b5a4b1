"""May a sentence end after these words? A few rules about classes of words. Pure.

They are asked in order, and the first one that knows has the answer. None of them parses: what a recogniser
gives has no punctuation, but mistakes, and mostly isn't a whole sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voicepipe.speech.asked import Wanted
from voicepipe.speech.languages.words import Grammar

GOES_ON = 0.08
"""No sentence ends like that."""

HARDLY = 0.2
SELDOM = 0.35
EITHER_WAY = 0.5
LIKELY = 0.7
COMPLETE = 0.8
CLOSED = 0.95
"""Complete, and the speaker has added a "please" or a "today"."""


_SUBJECT_AND_VERB = 4
"""After "does" there is a verb by then, even if it isn't one that is known: "my insurance cover that"."""


_QUESTION_AND_HELPER = 2


class _Clause:
    """The words since the last conjunction, and questions about them."""

    def __init__(self, words: Sequence[str], grammar: Grammar, wanted: Wanted) -> None:
        self.grammar = grammar
        self.wanted = wanted
        self.all = words
        start = max((i + 1 for i, word in enumerate(words[:-1]) if word in grammar.conjunctions), default=0)
        self.words = words[start:]
        self.last = words[-1]
        self.before = self.words[-2] if len(self.words) > 1 else ""

    def is_helper(self, word: str) -> bool:
        return word in self.grammar.be or word in self.grammar.auxiliaries

    def is_pronoun(self, word: str) -> bool:
        return word in self.grammar.subjects or word in self.grammar.pronouns

    def is_noun(self, place: int) -> bool:
        """What stands before it makes a noun of it: "the order", "an old book"."""
        place %= len(self.words)
        before = self.words[place - 1] if place else ""
        return before in self.grammar.determiners or before in self.grammar.adjectives

    def verb_from(self, place: int) -> bool:
        """Whether there is a verb at ``place`` or after it."""
        return any(self.is_verb(i) for i in range(place, len(self.words)))

    def is_verb(self, place: int) -> bool:
        if not 0 <= place < len(self.words):
            return False
        grammar, word = self.grammar, self.words[place]
        if self.is_helper(word) or word in grammar.contracted:
            return True
        if self.is_noun(place):
            return False
        if place and self.words[place - 1] in grammar.subjects:
            return True
        return word in grammar.any_verb or (len(word) > 4 and word.endswith(grammar.verb_endings or ("\0",)))

    def inverted(self) -> int:
        """Where the subject stands in "what time does it close", 0 if nothing is inverted."""
        words = self.words
        helper = next((i for i, word in enumerate(words[:4]) if self.is_helper(word)), None)
        if helper is None or (helper > 0 and words[0] not in self.grammar.questions):
            return 0
        subject = helper + 1
        if subject == len(words) or (len(words) < len(self.all) and not self.is_pronoun(words[subject])):
            return 0  # "… and can't log in"
        return subject

    def gap(self) -> bool:
        """An object stands before its verb: "what do you recommend", "everything i need"."""
        first, second = self.words[0], self.words[min(1, len(self.words) - 1)]
        if self.before in self.grammar.infinitive and first not in self.grammar.object_questions:
            return False  # "how long will it take to get"
        asks = first in self.grammar.object_questions and len(self.words) > 2
        asks = asks or (first in self.grammar.questions and not self.is_helper(second))
        return asks or self.relative() > 0 or self.embedded() > 0

    def relative(self) -> int:
        """Where a clause about the noun before it begins, 0 if there is none: "the one i got"."""
        for place in range(1, len(self.words) - 1):
            before = self.words[place - 1]
            word = self.words[place]
            pronoun = self.is_pronoun(word) and not self.is_noun(place)  # not "the red one"
            starts = word in self.grammar.subjects or (pronoun and self.is_verb(place + 1))
            if (
                starts
                and not self.is_verb(place - 1)
                and before not in self.grammar.closers | self.grammar.questions
            ):
                return place
        return 0

    def passive(self) -> bool:
        """ "It was ordered", "can I get tested"."""
        helpers = self.grammar.be | self.grammar.contracted
        near = self.words if self.inverted() else self.words[-4:-1]
        return self.last.endswith(("ed", "en")) and any(word in helpers for word in near)

    def embedded(self) -> int:
        """Where a question inside of the sentence begins, 0 if there is none: "where it is"."""
        known = self.grammar.questions - self.grammar.subordinators  # "when I opened it" is none
        return next((i for i, word in enumerate(self.words) if i and word in known), 0)


def completeness(words: Sequence[str], grammar: Grammar, wanted: Wanted = Wanted.ANYTHING) -> float:
    """How likely a speaker stops after ``words`` (at least one, as ``spoken_words`` gives them), 0…1."""
    if words[-1] in grammar.fillers:
        return GOES_ON
    if words[-1] in grammar.polite and len(words) > 1:
        rest = completeness(words[:-1], grammar, wanted)
        return CLOSED if rest > HARDLY else rest
    core = _core(words, grammar)
    if not core:
        return COMPLETE if words[-1] in grammar.replies else HARDLY
    if tuple(core) in grammar.answers:
        return COMPLETE
    if wanted is Wanted.ANYTHING and words[0] in grammar.replies:
        wanted = Wanted.THING  # "no, the other one"
    clause = _Clause(core, grammar, wanted)
    for rule in _RULES:
        score = rule(clause)
        if score is not None:
            return score
    return CLOSED if clause.last in grammar.closers else COMPLETE


def _core(words: Sequence[str], grammar: Grammar) -> Sequence[str]:
    """``words`` without the "um", "well" and "yes" that they begin with."""
    start = 0
    before = grammar.fillers | grammar.openers | grammar.replies
    while start < len(words) and words[start] in before:
        start += 1
    return words[start:]


# ── by the last word ─────────────────────────────────────────────────────────────────────────────


def _dangling(clause: _Clause) -> float | None:
    grammar, last, before = clause.grammar, clause.last, clause.before
    if last in grammar.determiners | grammar.conjunctions | grammar.dangling | grammar.subjects:
        return GOES_ON
    if last in grammar.closers & grammar.subordinators:
        return LIKELY  # "I've heard that before", but "before" the weekend
    if last in grammar.closers:
        return HARDLY if before in grammar.subjects and len(clause.words) == 2 else None  # "I already"
    if last in grammar.questions | grammar.subordinators:
        return EITHER_WAY if len(clause.all) == 1 else HARDLY
    if last in grammar.pronouns - grammar.numerals.keys() and before in grammar.questions:
        return HARDLY  # "tell me when it", but "tell me which one"
    announced = grammar.clausals.intersection(clause.words[-3:-1]) or before in grammar.be
    that = last in grammar.that and announced and len(clause.words) > 2
    return HARDLY if that and not clause.inverted() else None  # "who was that"


def _helper_last(clause: _Clause) -> float | None:
    """ "Yes it is", "where my package is"; but not "the number is"."""
    if not clause.is_helper(clause.last):
        return None
    if clause.last in clause.grammar.any_verb and clause.inverted() and clause.is_pronoun(clause.before):
        return None  # "what can I do"
    if len(clause.words) == 2 and clause.is_pronoun(clause.before):
        short = len(clause.all) == 2 and clause.wanted is Wanted.YES_OR_NO
        return COMPLETE if short else SELDOM
    inner = clause.embedded() if clause.last in clause.grammar.be else 0
    return COMPLETE if inner and len(clause.words) - inner > 2 else GOES_ON


def _question_without_verb(clause: _Clause) -> float | None:
    """ "Can you", "what time does the"; but "how are you", "where is it" are whole."""
    words, grammar, subject = clause.words, clause.grammar, clause.inverted()
    if not grammar.any_verb:
        return None
    if not subject:
        asks = words[0] in grammar.questions and len(words) > 1
        about = len(words) > _QUESTION_AND_HELPER and words[1] in grammar.prepositions  # "what about friday"
        return HARDLY if asks and not about and not clause.verb_from(1) else None
    is_be = words[subject - 1] in grammar.be
    if subject == len(words) - 1:
        return COMPLETE if is_be and subject > 1 else HARDLY if clause.is_pronoun(clause.last) else None
    if is_be:
        bare = subject == 1 and words[1] in grammar.determiners and len(words) == 3
        return SELDOM if bare else None
    if clause.is_pronoun(words[subject]) or clause.verb_from(subject + 1):
        return None
    return SELDOM if len(words) - subject < _SUBJECT_AND_VERB else None


def _preposition_last(clause: _Clause) -> float | None:
    """ "Turn it off", "who is it for"; but not "on the way to"."""
    grammar, words = clause.grammar, clause.words
    if clause.last in grammar.particles:
        if clause.is_pronoun(clause.before) and clause.verb_from(0):
            return COMPLETE
        if clause.before in grammar.particle_verbs:
            return SELDOM if clause.before in grammar.movers | grammar.transitives else COMPLETE
        if clause.last not in grammar.prepositions and clause.verb_from(0):
            if clause.is_verb(len(words) - 2):
                return GOES_ON
            return COMPLETE if grammar.particle_verbs.intersection(words[:-2]) else LIKELY
    elif clause.last not in grammar.prepositions:
        return None
    has_object = clause.is_verb(len(words) - 2) and clause.before in grammar.transitives
    if clause.before in grammar.prepositions or has_object:
        return GOES_ON
    subject = clause.inverted()
    asked = words[0] in grammar.object_questions and subject > 0
    if asked and subject > _QUESTION_AND_HELPER and clause.last not in grammar.transitives:
        return LIKELY  # "what time do you close on", but "which floor are you on"
    if asked and (clause.is_pronoun(words[subject]) or clause.last in grammar.transitives):
        return COMPLETE  # "who is it for", "what is the weather like"
    contracted = words[0].partition("'")[0] in grammar.object_questions and len(words) > 2
    if clause.last in grammar.transitives and contracted:
        return COMPLETE
    return COMPLETE if clause.relative() or clause.embedded() else GOES_ON


def _verb_last(clause: _Clause) -> float | None:
    """ "I want", "I think", "I'd like to order": something has to follow, if it didn't go before."""
    grammar, last, words = clause.grammar, clause.last, clause.words
    if clause.is_noun(len(words) - 1) or clause.gap() or clause.passive():
        return None
    if len(clause.all) == 1 and last in grammar.any_verb and clause.wanted is Wanted.ANYTHING:
        return COMPLETE if last in grammar.optionals else SELDOM
    if last in grammar.transitives | grammar.clausals:
        return HARDLY
    if last in grammar.optionals:
        return EITHER_WAY
    owes = clause.before in grammar.subjects or (
        clause.before in grammar.infinitive and last in grammar.any_verb
    )
    return EITHER_WAY if owes and last not in grammar.intransitives else None


def _object_missing(clause: _Clause) -> float | None:
    """ "Tell me", "put it", "turn the lights"."""
    grammar, words = clause.grammar, clause.words
    if clause.before in grammar.givers and clause.last in grammar.recipients and not clause.gap():
        return HARDLY
    place = next(
        (i for i, word in enumerate(words) if word in grammar.movers and not clause.is_noun(i)), None
    )
    if place is None or clause.gap():
        return None
    where = grammar.particles | grammar.prepositions
    return None if any(word in where for word in words[place + 1 :]) else EITHER_WAY


# ── by what is missing ───────────────────────────────────────────────────────────────────────────


def _number_of_what(clause: _Clause) -> float | None:
    """ "For ten" minutes, "I need two"; but "at ten"."""
    grammar = clause.grammar
    is_number = clause.last in grammar.numerals or clause.last.isdecimal()
    if not is_number or clause.wanted is not Wanted.ANYTHING or not clause.before:
        return None
    if clause.before in grammar.clock or clause.before in grammar.numerals or clause.is_noun(-1):
        return None
    if clause.before in grammar.questions:
        return None  # "which one"
    return EITHER_WAY


def _adjective_last(clause: _Clause) -> float | None:
    """ "The next", "another large"."""
    grammar = clause.grammar
    return SELDOM if clause.last in grammar.adjectives and clause.before in grammar.determiners else None


def _first_of_two_clauses(clause: _Clause) -> float | None:
    """ "If it rains", "when I tried to log in"; but "when does it open"."""
    grammar, words = clause.grammar, clause.all
    if words[0] not in grammar.subordinators or clause.wanted is Wanted.CLAUSE or len(words) < 2:
        return None
    if words[1] in grammar.be or words[1] in grammar.auxiliaries or words[1] in grammar.prepositions:
        return None
    subjects = [
        i
        for i, word in enumerate(words[1:-1], 1)
        if word in grammar.subjects | grammar.contracted
        or (clause.is_pronoun(word) and (clause.is_helper(words[i + 1]) or words[i + 1] in grammar.any_verb))
    ]
    nouns = not clause.is_pronoun(words[1]) and words[1] not in grammar.contracted
    return HARDLY if len(subjects) + nouns < 2 else None


def _no_verb(clause: _Clause) -> float | None:
    """ "My order", if nothing was asked that it could be an answer to."""
    grammar, words = clause.grammar, clause.words
    if not grammar.any_verb or clause.wanted is not Wanted.ANYTHING or len(words) < len(clause.all):
        return None
    is_subject = words[0] in grammar.determiners or words[0] in grammar.pronouns
    if not clause.verb_from(0):
        return SELDOM if is_subject else COMPLETE if words[0] in grammar.questions else LIKELY
    start = clause.relative()
    verbs = sum(clause.is_verb(i) for i in range(start, len(words)))
    return EITHER_WAY if is_subject and start and verbs < 2 else None  # "the one I got"


def _infinitive_missing(clause: _Clause) -> float | None:
    """German "können Sie das Licht", Dutch "kunt u het licht": the verb stands last."""
    grammar, words = clause.grammar, clause.words
    place = next((i for i, word in enumerate(words) if word in grammar.verb_last), None)
    if place is None or len(words) - place < 3:
        return None
    return None if clause.last.endswith(grammar.infinitive_endings) else SELDOM


_RULES: tuple[Callable[[_Clause], float | None], ...] = (
    _dangling,
    _helper_last,
    _question_without_verb,
    _preposition_last,
    _verb_last,
    _object_missing,
    _number_of_what,
    _adjective_last,
    _first_of_two_clauses,
    _infinitive_missing,
    _no_verb,
)
