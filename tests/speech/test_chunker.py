import re
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicepipe.speech.chunker import CHUNK_LIMIT, Chunker, Mode, has_words

# The text that frameworks are compared with; see "Mocks" in the architecture.
MOCK = (
    "Sure, I can help you with that order right away for you. It left the warehouse this morning and it "
    "should arrive on Friday before noon. Please let me know if you would like me to change the delivery "
    "address."
)


def words(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def by_token(chunker: Chunker, tokens: Iterable[str]) -> list[tuple[int | str, str]]:
    """Each chunk with the number of the token (from 1) that released it."""
    chunks: list[tuple[int | str, str]] = []
    for number, token in enumerate(tokens, start=1):
        chunks += [(number, chunk) for chunk in chunker.push(token)]
    return chunks + [("flush", chunk) for chunk in chunker.flush()]


def chunks_of(text: str, split: Callable[[str], Iterable[str]] = words, **modes: Mode) -> list[str]:
    return [chunk for _, chunk in by_token(Chunker(**modes), split(text))]


def sentences_of(text: str, split: Callable[[str], Iterable[str]] = words) -> list[str]:
    return chunks_of(text, split, first="sentence")


def test_first_clause_of_the_mock_text_is_released_by_its_first_word_and_each_sentence_by_its_last() -> None:
    assert by_token(Chunker(), words(MOCK)) == [
        (1, "Sure,"),
        (12, "I can help you with that order right away for you."),
        (26, "It left the warehouse this morning and it should arrive on Friday before noon."),
        (40, "Please let me know if you would like me to change the delivery address."),
    ]


def test_without_the_first_clause_the_mock_text_begins_eleven_words_later() -> None:
    assert by_token(Chunker(first="sentence"), words(MOCK))[0] == (
        12,
        "Sure, I can help you with that order right away for you.",
    )


def test_a_sentence_is_released_by_its_own_mark() -> None:
    chunker = Chunker(first="sentence")
    assert chunker.push("It left") == []
    assert chunker.push(".") == ["It left."]
    assert chunker.push(" Is that fine") == []
    assert chunker.push("?") == ["Is that fine?"]
    assert chunker.push(" Great") == []
    assert chunker.push("!") == ["Great!"]
    assert chunker.flush() == []


@pytest.mark.parametrize("split", [words, list], ids=["words", "characters"])
@pytest.mark.parametrize(
    "text",
    [
        "Let's meet at 5 p.m. on Monday.",
        "Come at 5 p.m. Monday or at 9 a.m. sharp.",
        "Pi is 3.14 and not 3.2.",
        "Take fruit, e.g. this apple, i.e. the red one.",
        "I asked Dr. Smith and Mrs. J. R. Jones.",
        "Visit www.example.com/a.b today.",
        "Look at https://example.com/x?y=1.5&z=a.b.c for it.",
        "Go to example.com/a?b or stay.",
        "Write to john.smith@mail.example.com now.",
        "My e-mail is ann.lee@example.org today.",
        "Wait... what?",
        "Wait… what?",
        "That costs $1,250.50 in total.",
        "Take No. 5 from the shelf.",
        "That is U.S. law.",
        "The U.S. Senate met on Jan. 5 in St. Louis.",
        "See fig. 3 in vol. 2.",
        "Version 2.0.1 and 192.168.0.1 are fine.",
        "It is 10:30 or 9:15.",
        ".NET costs .5 of it.",
        "Booking.com has a room.",
        "Apples, pears etc. are out.",
        "Smith vs. The State.",
        'The motto is "Be kind."',
        "(That was it.)",
        "Really?!",
    ],
)
def test_what_looks_like_a_boundary_but_is_none_is_not_cut(
    text: str, split: Callable[[str], list[str]]
) -> None:
    expected = ["Really?", "!"] if text == "Really?!" and split is list else [text]
    assert sentences_of(text, split) == expected


@pytest.mark.parametrize("split", [words, list], ids=["words", "characters"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is 5 p.m. We close now.", ["It is 5 p.m.", "We close now."]),
        ("Made in the U.S. That is all.", ["Made in the U.S.", "That is all."]),
        ("No. We are closed.", ["No.", "We are closed."]),
        ("The total is 25. Anything else?", ["The total is 25.", "Anything else?"]),
        ("See example.com. It helps.", ["See example.com.", "It helps."]),
        ("Bring pens etc. The rest is here.", ["Bring pens etc.", "The rest is here."]),
        ('He said "Stop it!" and left.', ['He said "Stop it!"', "and left."]),
        ("(It left.) Then it came.", ["(It left.)", "Then it came."]),
        ("“It left.” Then it came.", ["“It left.”", "Then it came."]),
        ("Wait... The door is open.", ["Wait...", "The door is open."]),
        ("今日は晴れです。明日は？はい！", ["今日は晴れです。", "明日は？", "はい！"]),
        ("هل أنت بخير؟ نعم", ["هل أنت بخير؟", "نعم"]),
        ("क्या हाल है। ठीक", ["क्या हाल है।", "ठीक"]),
        ("Title\nText goes on\n\nEnd", ["Title", "Text goes on", "End"]),
        ("1. Eggs\n2. Milk\n- Bread", ["1. Eggs", "2. Milk", "- Bread"]),
        ("Open at 5 p.m.\nMonday only", ["Open at 5 p.m.", "Monday only"]),
    ],
)
def test_boundaries(text: str, expected: list[str], split: Callable[[str], list[str]]) -> None:
    assert sentences_of(text, split) == expected


@pytest.mark.parametrize(
    ("before", "doubt", "resolution", "released"),
    [
        ("It costs 3", ".", "1", []),
        ("It costs 3", ".", " ", ["It costs 3."]),
        ("We met Dr", ".", " The", []),
        ("He called (at night.", "", ")", ["He called (at night.)"]),
        ("She wrote to ann", ".", " ", ["She wrote to ann."]),
        ("Made in the U.S", ".", " We ", ["Made in the U.S."]),
    ],
)
def test_doubt_waits_for_the_next_characters_only(
    before: str, doubt: str, resolution: str, released: list[str]
) -> None:
    chunker = Chunker(first="sentence")
    assert chunker.push(before) == []
    assert chunker.push(doubt) == []
    assert chunker.push(resolution) == released


def test_an_ellipsis_that_comes_as_one_token_stays_with_its_sentence() -> None:
    assert sentences_of("I think... no.", lambda text: ["I", " think", "...", " no", "."]) == [
        "I think... no."
    ]


def test_a_full_stop_that_becomes_an_ellipsis_later_has_been_released_and_nothing_is_lost() -> None:
    assert sentences_of("I think... no.", list) == ["I think.", ".. no."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes, it is.", ["Yes, it is."]),
        ("No, I'm afraid we are closed.", ["No,", "I'm afraid we are closed."]),
        ("Oh, well, I can look.", ["Oh, well,", "I can look."]),
        ("Of course; one moment.", ["Of course;", "one moment."]),
        ("Here you are: three rooms.", ["Here you are:", "three rooms."]),
        ("Good morning – how are you?", ["Good morning –", "how are you?"]),
        ("Good morning—how are you?", ["Good morning—", "how are you?"]),
        ("Open 9–17 and at 10:30, daily.", ["Open 9–17 and at 10:30,", "daily."]),
        ("It is 1,250 or so, I think.", ["It is 1,250 or so,", "I think."]),
        ("See https://example.com/a,b;c today, please.", ["See https://example.com/a,b;c today,", "please."]),
        ("「はい」，明日です。", ["「はい」，明日です。"]),
    ],
)
def test_the_first_clause(text: str, expected: list[str]) -> None:
    assert chunks_of(text) == expected


def test_a_short_opener_goes_alone_only_when_its_sentence_goes_on() -> None:
    chunker = Chunker()
    assert chunker.push("No, I'm afra") == []
    assert chunker.push("id we are") == ["No,"]


def test_only_the_first_chunk_of_a_reply_is_a_clause() -> None:
    assert chunks_of("Well now, this is it. If so, let's go.")[1:] == ["this is it.", "If so, let's go."]


def test_later_clauses_are_long_enough_to_have_a_melody() -> None:
    text = "Right now, there are apples, pears, plums and quinces, if I remember, and that is all."
    assert chunks_of(text, then="clause") == [
        "Right now,",
        "there are apples, pears, plums and quinces,",
        "if I remember, and that is all.",
    ]


def test_text_without_punctuation_is_cut_at_a_space() -> None:
    text = "word " * 200
    chunks = chunks_of(text)
    assert [len(chunk) for chunk in chunks[:-1]] == [CHUNK_LIMIT - 1] * (len(chunks) - 1)
    assert set(" ".join(chunks).split()) == {"word"}


def test_a_sentence_that_is_too_long_is_cut_behind_its_last_clause() -> None:
    text = "so it went on and on " * 8 + "until it stopped, " + "and then on again " * 8 + "."
    assert sentences_of(text)[0].endswith("until it stopped,")


def test_a_word_longer_than_a_chunk_is_cut_anywhere() -> None:
    assert [len(chunk) for chunk in chunks_of("x" * 600)] == [CHUNK_LIMIT, CHUNK_LIMIT, 120]


def test_flush_ends_the_reply_so_that_the_next_one_begins_with_its_first_clause() -> None:
    chunker = Chunker()
    assert chunker.push("Certainly, it is. So be") == ["Certainly,", "it is."]
    assert chunker.flush() == ["So be"]
    assert chunker.flush() == []
    assert chunker.push("Certainly, it") == ["Certainly,"]


def test_a_mark_alone_is_no_chunk_before_the_flush_and_is_told_from_words() -> None:
    chunker = Chunker()
    assert chunker.push("... !\n — ") == []
    (rest,) = chunker.flush()
    assert rest == "... !\n —"
    assert not has_words(rest)
    assert has_words("5")


pieces = st.sampled_from(
    [
        *re.findall(
            r"\S+", "Sure it left Dr p.m U.S e.g No 3 14 We The www.a.com/b ann@b.org https 今日 は ... ?!"
        ),
        *".,;:!?…。？،—–\"'()“”$ \n",
        *[" ", " ", ". ", ", ", " (", ") ", "x" * 50, " word" * 20],
    ]
)
texts = st.lists(pieces, max_size=60).map("".join)
modes: st.SearchStrategy[Mode] = st.sampled_from(["clause", "sentence"])
MARKS = frozenset(".!?…。？,;:،—–\"')”")


def split_at(text: str, cuts: Iterable[int]) -> list[str]:
    places = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def is_seam(text: str, place: int) -> bool:
    """Whether a mark stands before ``place`` and something that isn't a space behind it."""
    return 0 < place < len(text) and text[place - 1] in MARKS and not text[place].isspace()


@given(texts, st.lists(st.integers(0, 10_000)), modes, modes)
@example("I think... no. What?!Yes", list(range(30)), "clause", "sentence")
def test_the_chunks_joined_are_the_text_and_each_is_bounded(
    text: str, cuts: list[int], first: Mode, then: Mode
) -> None:
    rest = text
    for chunk in chunks_of(text, lambda whole: split_at(whole, cuts), first=first, then=then):
        assert chunk.strip() == chunk
        assert 0 < len(chunk) <= CHUNK_LIMIT
        rest = rest.lstrip()
        assert rest.startswith(chunk)
        rest = rest[len(chunk) :]
    assert not rest.strip()


@given(texts, st.lists(st.integers(0, 10_000)), modes, modes)
def test_the_chunks_do_not_depend_on_how_the_text_is_split_into_tokens(
    text: str, cuts: list[int], first: Mode, then: Mode
) -> None:
    allowed = [cut for cut in cuts if not is_seam(text, cut % (len(text) + 1))]
    split = chunks_of(text, lambda whole: split_at(whole, allowed), first=first, then=then)
    assert split == chunks_of(text, lambda whole: [whole], first=first, then=then)


@given(st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=2, max_size=12), st.sampled_from("!?"))
def test_every_sentence_of_plain_words_is_released_with_its_last_character(
    said: list[str], mark: str
) -> None:
    sentence = " ".join(said)
    assert by_token(Chunker(first="sentence"), [*sentence, mark]) == [(len(sentence) + 1, sentence + mark)]
