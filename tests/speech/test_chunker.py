import re
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicepipe.speech.chunker import CHUNK_LIMIT, Chunker, Mode, has_words
from voicepipe.speech.phrases import FIRST_WORDS

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
        chunks += [(number, text) for text in pushed(chunker, token)]
    return chunks + [("flush", chunk.text) for chunk in chunker.flush()]


def pushed(chunker: Chunker, token: str) -> list[str]:
    return [chunk.text for chunk in chunker.push(token)]


def chunks_of(
    text: str, split: Callable[[str], Iterable[str]] = words, *, language: str = "en", **modes: Mode
) -> list[str]:
    return [chunk for _, chunk in by_token(Chunker(**modes, language=language), split(text))]


def sentences_of(text: str, split: Callable[[str], Iterable[str]] = words) -> list[str]:
    return chunks_of(text, split, first="sentence")


def test_the_mock_texts_first_phrase_takes_five_words_and_each_sentence_ends_with_its_last() -> None:
    assert by_token(Chunker(), words(MOCK)) == [
        (5, "Sure, I can help"),
        (12, "you with that order right away for you."),
        (26, "It left the warehouse this morning and it should arrive on Friday before noon."),
        (40, "Please let me know if you would like me to change the delivery address."),
    ]


def test_without_the_first_phrase_the_mock_text_begins_seven_words_later() -> None:
    assert by_token(Chunker(first="sentence"), words(MOCK))[0] == (
        12,
        "Sure, I can help you with that order right away for you.",
    )


def test_a_sentence_is_released_by_its_own_mark() -> None:
    chunker = Chunker(first="sentence")
    assert pushed(chunker, "It left") == []
    assert pushed(chunker, ".") == ["It left."]
    assert pushed(chunker, " Is that fine") == []
    assert pushed(chunker, "?") == ["Is that fine?"]
    assert pushed(chunker, " Great") == []
    assert pushed(chunker, "!") == ["Great!"]
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
    assert pushed(chunker, before) == []
    assert pushed(chunker, doubt) == []
    assert pushed(chunker, resolution) == released


def test_an_ellipsis_that_comes_as_one_token_stays_with_its_sentence() -> None:
    assert sentences_of("I think... no.", lambda text: ["I", " think", "...", " no", "."]) == [
        "I think... no."
    ]


def test_a_full_stop_that_becomes_an_ellipsis_later_has_been_released_and_nothing_is_lost() -> None:
    assert sentences_of("I think... no.", list) == ["I think.", ".. no."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Here you are: three rooms.", ["Here you are:", "three rooms."]),
        ("That is fine; one moment.", ["That is fine;", "one moment."]),
        ("A good morning – how are you?", ["A good morning –", "how are you?"]),
        ("A good morning—how are you?", ["A good morning—", "how are you?"]),
        ("Open 9–17 and at 10:30, daily.", ["Open 9–17 and at 10:30,", "daily."]),
        ("It is 1,250 or so, I think.", ["It is 1,250 or so,", "I think."]),
        (
            "See https://example.com/a,b;c right here, please.",
            ["See https://example.com/a,b;c right here,", "please."],
        ),
        ("かしこまりました、少々お待ちください。", ["かしこまりました、", "少々お待ちください。"]),
    ],
)
def test_the_first_clause(text: str, expected: list[str]) -> None:
    assert chunks_of(text, language="ja") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "It is noon.",
        "Yes, it is.",
        "Certainly, madam, right now.",
        "Of course; one moment.",
        "Oh, well, so be it.",
        "「はい」，明日です。",
    ],
)
def test_less_than_three_words_go_alone_only_as_a_sentence(text: str) -> None:
    assert chunks_of(text) == [text]
    assert chunks_of(f"{text} And so on.")[0] == text


def test_a_phrase_is_cut_as_soon_as_the_next_one_begins() -> None:
    chunker = Chunker()
    assert pushed(chunker, "No, I'm") == []
    assert pushed(chunker, " afraid") == []
    assert pushed(chunker, " we") == ["No, I'm afraid"]
    assert pushed(chunker, " are closed.") == ["we are closed."]


def test_a_phrase_is_not_cut_where_a_mark_releases_more() -> None:
    assert chunks_of("No, I'm afraid we are closed.", lambda text: [text]) == [
        "No, I'm afraid we are closed."
    ]
    assert chunks_of("I'm glad you called, sir.", lambda text: [text]) == ["I'm glad you called,", "sir."]


def test_a_phrase_is_not_cut_within_a_quote_that_is_still_open() -> None:
    assert chunks_of('He said "I know they left" to me then.') == [
        'He said "I know they left"',
        "to me then.",
    ]


def test_a_phrase_is_not_looked_for_behind_a_mark_in_doubt() -> None:
    chunker = Chunker()
    assert pushed(chunker, "It is 5 p.m. W") == []
    assert pushed(chunker, "e") == []
    assert pushed(chunker, " close") == ["It is 5 p.m."]


def test_without_knowledge_of_the_language_only_marks_end_a_chunk() -> None:
    assert chunks_of("Your parcel will arrive on Friday.", language="pl") == [
        "Your parcel will arrive on Friday."
    ]


def test_a_voice_is_told_by_a_comma_that_the_sentence_goes_on() -> None:
    chunker = Chunker()
    chunks = [
        chunk for word in words("Your parcel will arrive on Friday morning.") for chunk in chunker.push(word)
    ]
    assert [chunk.text for chunk in chunks] == ["Your parcel will arrive", "on Friday morning."]
    assert [chunk.to_speak for chunk in chunks] == ["Your parcel will arrive,", "on Friday morning."]


def test_what_ends_without_a_mark_since_nothing_follows_gets_none() -> None:
    assert [chunk.to_speak for chunk in Chunker().push("Title\nText\n")] == ["Title", "Text"]
    chunker = Chunker()
    chunker.push("That is all")
    assert [chunk.to_speak for chunk in chunker.flush()] == ["That is all"]


def test_only_the_first_chunk_of_a_reply_is_a_clause() -> None:
    assert chunks_of("Well now, this is it. If so, let's go on and see.")[1:] == [
        "If so, let's go on and see."
    ]


def test_later_clauses_are_long_enough_to_have_a_melody() -> None:
    text = (
        "We have here, if I may say so, some apples, pears, plums and quinces, I remember, and that is all."
    )
    assert chunks_of(text, then="clause") == [
        "We have here,",
        "if I may say so, some apples, pears,",
        "plums and quinces, I remember,",
        "and that is all.",
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
    assert pushed(chunker, "Most certainly so, it is. So be") == ["Most certainly so,", "it is."]
    assert [chunk.text for chunk in chunker.flush()] == ["So be"]
    assert chunker.flush() == []
    assert pushed(chunker, "Most certainly so, it") == ["Most certainly so,"]


def test_a_mark_alone_is_no_chunk_before_the_flush_and_is_told_from_words() -> None:
    chunker = Chunker()
    assert pushed(chunker, "... !\n — ") == []
    ((rest, _),) = chunker.flush()
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
def test_chunks_that_end_with_marks_do_not_depend_on_how_the_text_is_split_into_tokens(
    text: str, cuts: list[int], first: Mode, then: Mode
) -> None:
    language = "en" if first == "sentence" else "ja"
    allowed = [cut for cut in cuts if not is_seam(text, cut % (len(text) + 1))]
    split = chunks_of(text, lambda whole: split_at(whole, allowed), first=first, then=then, language=language)
    assert split == chunks_of(text, lambda whole: [whole], first=first, then=then, language=language)


plain_words = st.sampled_from(
    re.findall(r"\w+", f"{MOCK} yes because who at now young then a")
) | st.from_regex(r"[a-z]{2,9}", fullmatch=True)
plain_sentences = st.lists(
    st.tuples(st.lists(plain_words, min_size=1, max_size=12).map(" ".join), st.sampled_from("!?")), max_size=4
).map(lambda said: " ".join(f"{sentence}{mark}" for sentence, mark in said))


@given(plain_sentences, st.lists(st.integers(0, 10_000)))
def test_a_phrase_has_three_words_at_least_and_delays_nothing_that_follows(
    text: str, cuts: list[int]
) -> None:
    sentences = sentences_of(text)
    chunks = chunks_of(text, lambda whole: split_at(whole, cuts))
    assert " ".join(chunks) == text
    if len(chunks) > len(sentences):
        assert len(chunks[0].split()) >= FIRST_WORDS
        chunks[:2] = [" ".join(chunks[:2])]
    assert chunks == sentences


@given(st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), min_size=2, max_size=12), st.sampled_from("!?"))
def test_every_sentence_of_plain_words_is_released_with_its_last_character(
    said: list[str], mark: str
) -> None:
    sentence = " ".join(said)
    assert by_token(Chunker(first="sentence"), [*sentence, mark]) == [(len(sentence) + 1, sentence + mark)]
