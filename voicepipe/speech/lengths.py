"""How long words take to say, against each other: in letters, as they are spoken rather than written."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

from voicepipe.speech.phrases import FUNCTION_WORDS

STRETCH = 0.85
"""The power of its letters that a word's length goes with: long words are spoken faster. This and the other
numbers were fitted to what espeak makes of sentences in four languages."""

WEAK = 0.75
"""Of its letters, what a function word is worth: they are unstressed."""

LAST = 1.5
"""Letters by which the last word before a mark is drawn out."""

DIGIT = 5.0
"""Letters of a digit that is read out by itself; "zero" and "seven" are long ones."""

SIGN = 4.0
"""Letters of a sign that is read out: "dollars", "point", "per cent", "at"."""

SPELLED = 2.0
"""Letters of a letter that is spelled: "FBI" is "eff bee eye"."""

WIDE = 4.0
"""Letters of a character of Chinese or Japanese, which is a syllable or two."""

UNIT, TEEN, TENS, HUNDRED, THOUSAND = 4.0, 7.0, 6.0, 7.0, 8.0
"""Letters of "four", "thirteen", "twenty", "hundred", "thousand"."""

_SIGNS = re.compile(r"[$€£¥%@&+=#°]|(?<=\d)[.,/](?=\d)|(?<=\w)[./_](?=\w)")
_SPELLED = re.compile(r"(?:[A-Z]\.?){2,5}s?")
_DIGITS = re.compile(r"\d+")
_AROUND = "()[]{}\"'“”‘’«»"
_MARKS = ",;:!?…"
_SHORT = {
    "dr": "doctor",
    "mr": "mister",
    "mrs": "missis",
    "ms": "miss",
    "st": "street",
    "prof": "professor",
    "no": "number",
    "vs": "versus",
    "etc": "etcetera",
    "approx": "approximately",
    "dept": "department",
    "min": "minutes",
    "hr": "hours",
}
"""Abbreviations, with their dot, as they are spoken."""


def spoken_letters(word: str) -> float:
    """The length of ``word`` (no white space in it) when it is spoken; 0 if it holds nothing to be said."""
    word = word.strip(_AROUND)
    plain = word.rstrip(_MARKS)
    if not any(character.isalnum() for character in plain):
        return 0.0
    last = word != plain
    if plain.endswith("."):
        full = _SHORT.get(plain[:-1].lower())
        plain, last = full or plain, last or full is None
    signs = len(_SIGNS.findall(plain))
    numbers = sum(_number(digits) for digits in _DIGITS.findall(plain))
    letters = [character for character in plain if character.isalpha()]
    if _SPELLED.fullmatch(plain):
        return len(letters) * SPELLED + last * LAST
    if plain.lower() in FUNCTION_WORDS:
        said = WEAK * len(letters)
    else:
        wide = sum(east_asian_width(letter) == "W" for letter in letters)
        said = (len(letters) - wide) ** STRETCH + wide * WIDE
    return float(said + numbers + signs * SIGN + last * LAST)


def _number(digits: str) -> float:
    """Of up to six digits the number, else each by itself."""
    if len(digits) > 6 or (digits[0] == "0" and len(digits) > 1):
        return len(digits) * DIGIT
    if len(digits) > 3:
        return _number(digits[:-3]) + THOUSAND + _below_thousand(digits[-3:])
    return _below_thousand(digits) or DIGIT


def _below_thousand(digits: str) -> float:
    hundreds, tens, units = (int(digit) for digit in digits.zfill(3))
    said = (UNIT + HUNDRED) * bool(hundreds)
    if tens == 1:
        return said + TEEN
    return said + TENS * bool(tens) + UNIT * bool(units)
