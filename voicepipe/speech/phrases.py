"""Where a sentence can be broken that has no comma: before a word that opens a phrase.

"Sure, I can help | you with that order", "Your parcel will arrive | on Friday", but never "I can do it for |
you": the word before the break must be able to end a phrase. A handful of function words per language tell.
What they can't tell (that "on" belongs to "hold" in "hold on") makes a break that is audible, no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import east_asian_width

FIRST_WORDS = 3
"""Words that a piece needs at least. Fewer don't last until the next piece is heard: espeak says "Sure," in
0.4 s, but "Sure, I can help" in 1.3; the rest of a sentence of twenty words, at 20 ms each and 80 ms for the
voice to begin, takes 0.5. And one word by itself sounds like an answer by itself."""

LETTERS_A_WORD = 2
"""In scripts that put no spaces between words."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class _FunctionWords:
    """Disjoint sets of words in lower case; one that ends with an apostrophe is the beginning of a word."""

    leads: frozenset[str]
    """Open a phrase and never end a sentence: articles, possessives, pronouns before their verb."""
    joins: frozenset[str]
    """Open a phrase unless the sentence ends with them ("come in", "ich rufe an"): prepositions,
    conjunctions, question words."""
    objects: frozenset[str]
    """Belong to the verb before them, and may end a phrase: but in "that the" they belong to what follows."""
    stays: frozenset[str]
    """Neither open a phrase nor end one: auxiliaries, negations, adverbs of degree, and the like."""


_LANGUAGES = {
    "en": _FunctionWords(
        _set("a an the my your our their its his every i we he she they you"),
        _set(
            """about above across after against along although among and around at because before behind
            below beside between beyond but by despite during except for from how if in inside into near nor
            on onto or outside past since though through throughout till to toward towards under unless
            until upon via what when where whether which while who whom whose why with within without"""
        ),
        _set("it me us him her them this that these those"),
        _set(
            """am is are was were be been being do does did can cannot could will would shall should may
            might must have has had not never just only even very too so as than of per like going want
            wants wanted need needs needed able ought used more most less such much many few let thank"""
        ),
    ),
    "de": _FunctionWords(
        _set(
            """der die dem den des eine einen einem einer eines mein meine meinen meinem meiner dein deine
            ihre ihren ihrem ihrer unser unsere unseren unserem keine keinen jeder jede jedes jeden"""
        ),
        _set(
            """aber als am an ans auf aus außer bei beim bevor bis damit dass denn durch ein falls für gegen
            hinter im in indem ins mit nach nachdem neben ob obwohl oder ohne seit sobald sondern sowie statt
            trotz um und unter vom von vor wann warum was wegen weil wenn wer weshalb wie wo während zu zum
            zur zwischen über"""
        ),
        _set("es sie ihn ihm ihr ihnen mich mir dich dir uns euch sich das dies"),
        _set(
            """ich wir er du man bin bist ist sind war waren sein habe hast hat haben hatte werde wirst wird
            werden wurde kann kannst können könnte könnten muss müssen soll sollen sollte will wollen möchte
            möchten darf dürfen mag nicht nie sehr so auch nur noch schon ganz kein etwa"""
        ),
    ),
    "es": _FunctionWords(
        _set(
            """el la los las lo un una unos unas mi mis su sus tu tus nuestro nuestra nuestros nuestras cada
            yo le les me te se nos"""
        ),
        _set(
            """a al ante aunque bajo como con contra cuando cuál cuánto cómo desde donde durante dónde e en
            entre hacia hasta mientras ni o para pero por porque pues que quien qué según si sin sobre tras u
            y"""
        ),
        _set("él ella ellos ellas usted ustedes nosotros mí ti eso esto este esta"),
        _set(
            """de del es son está están estoy era fue ser estar he ha han había voy va vamos puedo puede
            podemos pueden debo debe quiero quiere tengo tiene hay no ya muy más menos tan también solo
            sólo"""
        ),
    ),
    "fr": _FunctionWords(
        _set(
            """le la les un une des mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs ce cet
            cette ces chaque je tu il elle on ils elles l' j' c' m' t' s' n'"""
        ),
        _set(
            """à après au aux avant avec car chez combien comme comment contre dans depuis derrière devant
            donc durant dès en entre et jusque lorsque mais malgré ni ou où par parce pendant pour pourquoi
            puisque quand que qui quoi sans selon si sous sur vers qu' lorsqu' puisqu' jusqu'"""
        ),
        _set("nous vous moi toi lui eux ça cela ceci"),
        _set(
            """de du d' est sont était sera être suis es êtes sommes ai as a avons avez ont avait peux peut
            pouvez pouvons dois doit devez veux veut voulez vais va vont allez ne pas plus moins très trop
            aussi tout toute juste y"""
        ),
    ),
    "it": _FunctionWords(
        _set(
            """il lo la i gli le un uno una mio mia miei mie tuo tua suo sua suoi sue nostro nostra vostro
            vostra ogni mi ti si ci vi li l' un'"""
        ),
        _set(
            """a ad agli ai al alla alle allo che chi col come con contro cosa da dagli dai dal dalla dalle
            dopo dove durante e ed fino fra in ma mentre negli nei nel nella nelle nello né o oppure per
            perché perciò quale quando quanto se senza sopra sotto su sui sul sulla sulle tra verso all'
            dall' nell' sull'"""
        ),
        _set("lei lui loro noi voi io tu me te sé questo questa quello quella ciò ne"),
        _set(
            """di d' dei degli del della delle dello dell' è sono sei era siamo siete essere ho ha hai
            abbiamo avete hanno posso può possiamo possono devo deve voglio vuole vorrei sto sta vado va non
            più meno molto troppo così anche solo già c'"""
        ),
    ),
    "nl": _FunctionWords(
        _set("de een mijn jouw uw onze elke iedere"),
        _set(
            """aan achter als alsof bij binnen boven buiten door en gedurende het hoe hoewel in indien langs
            maar met na naar naast nadat noch of om omdat onder op over per sinds te tegen terwijl tijdens
            toen tot totdat tussen uit vanaf vanuit voor voordat waar waarom wanneer want wat wegens wie
            zodat zodra zonder"""
        ),
        _set("u mij me jou je hem haar hen hun ons ze zich dat dit die deze er"),
        _set(
            """ik wij we hij zij jij van ben bent is zijn was waren heb hebt heeft hebben had word wordt
            worden werd kan kunt kunnen kon zal zult zullen zou moet moeten mag mogen wil wilt willen ga
            gaat gaan niet nooit heel zeer zo ook nog al meer minder erg even"""
        ),
    ),
    "pt": _FunctionWords(
        _set(
            """o os as um uma uns umas meu minha meus minhas seu sua seus suas teu tua nosso nossa nossos
            nossas cada eu lhe lhes me te"""
        ),
        _set(
            """a ante antes ao aos após até com como conforme contra desde e em embora enquanto entre mas na
            nas nem no nos num numa onde ou para pela pelas pelo pelos por porque pois qual quando quanto
            que quem se sem sob sobre à às"""
        ),
        _set("ele ela eles elas você vocês nós mim ti isso isto aquilo este esta esse essa"),
        _set(
            """de do da dos das é são está estão estou era foi ser estar tenho tem temos têm há posso pode
            podemos podem devo deve quero quer vou vai vamos não já muito mais menos tão também só"""
        ),
    ),
}

FUNCTION_WORDS = frozenset[str]().union(
    *(words.leads | words.joins | words.objects | words.stays for words in _LANGUAGES.values())
)
"""Of all seven languages."""

_CONTRACTED = re.compile(r"\w'(?:t|m|re|s|ve|ll|d)$")
"""English: "I'm", "it's", "don't"."""
_AROUND = "([{<\"'“‘«„*_)]}”»"


def count_words(text: str) -> int:
    """Words that can be pronounced; of a script without spaces, two letters are one."""
    count = 0
    for word in text.split():
        letters = [character for character in word if character.isalnum()]
        wide = sum(east_asian_width(letter) == "W" for letter in letters)
        count += wide // LETTERS_A_WORD if wide else bool(letters)
    return count


class Phrases:
    """Finds phrases in one language, a BCP 47 tag; in one that isn't among the seven, none."""

    def __init__(self, language: str) -> None:
        self._words = _LANGUAGES.get(language.casefold().replace("_", "-").partition("-")[0])

    def breaks(self, text: str, end: int) -> Iterator[int]:
        """The places in ``text[:end]`` where a later phrase is known to begin.

        Before each are at least ``FIRST_WORDS``. A word of ``leads`` is believed as soon as it is seen,
        unless it is a single letter; one of ``joins`` is, once another word follows.
        """
        if self._words is None:
            return
        spoken = 0
        for before, word in pairwise(re.finditer(r"\S+", text[:end])):
            spoken += count_words(before[0])
            following = text[word.end() : word.end() + 1]
            if spoken < FIRST_WORDS or following.strip():
                continue
            if self._opens(before[0], word[0], at_end=not following):
                yield word.start()

    def _opens(self, before: str, word: str, *, at_end: bool) -> bool:
        words = self._words
        assert words is not None, "breaks() has looked"
        word = _plain(word)
        stem, apostrophe, _ = word.partition("'")
        heads = (stem + apostrophe, stem) if apostrophe else (word,)
        before = _plain(before)
        if any(head in words.leads for head in heads):
            return (
                not (at_end and len(word) == 1) and not self._dangles(before) and before not in words.objects
            )
        return not at_end and any(head in words.joins for head in heads) and not self._dangles(before)

    def _dangles(self, before: str) -> bool:
        """Whether ``before`` belongs to what follows it."""
        words = self._words
        assert words is not None, "breaks() has looked"
        before = before.strip(_AROUND)
        if before.endswith(".") or _CONTRACTED.search(before):
            return True  # "Dr."
        before = before.rpartition("'")[2]
        return before in words.leads or before in words.joins or before in words.stays


def _plain(word: str) -> str:
    return word.lower().replace("’", "'")
