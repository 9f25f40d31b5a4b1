import re
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.chunker import Chunker
from voicepipe.speech.speakable import HELD_LIMIT, Speakable


def speak(tokens: Iterable[str]) -> str:
    speakable = Speakable()
    return "".join([speakable.push(token) for token in tokens]) + speakable.flush()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**bold**, *italic*, _this_ too, ***both***, ~~gone~~", "bold, italic, this too, both, gone"),
        ("**Sure**, done", "Sure, done"),
        ("un*believ*able", "un*believ*able"),
        ("2 * 3 and 4*5 and 2**8", "2 * 3 and 4*5 and 2**8"),
        ("the snake_case_name of __init__", "the snake_case_name of init"),
        ("about ~5 minutes", "about ~5 minutes"),
        ("# Title\n## Part two\n#5 and C# stay", "Title\nPart two\n#5 and C# stay"),
        ("- Eggs\n* Milk\n+ Tea\n• Oats\n  - Nuts", "Eggs\nMilk\nTea\nOats\n  Nuts"),
        ("1. Eggs\n2. **Milk**", "1. Eggs\n2. Milk"),
        ("- [ ] open\n- [x] done", "open\ndone"),
        ("-5 degrees\n+1 555 is it\n- yes", "-5 degrees\n+1 555 is it\nyes"),
        ("> Quoted\n>> twice\n>5 is more", "Quoted\ntwice\n>5 is more"),
        ("Title\n=====\nText\n---\nMore\n* * *\nEnd", "Title\n\nText\n\nMore\n\nEnd"),
        ("Use `a*b_c` or ``x`y``.", "Use a*b_c or xy."),
        ("```python\nx = a*b  # **no**\n```\nSo.", "\nx = a*b  # **no**\n\nSo."),
        ("~~~\n``` is text\n~~~\n*So*.", "\n``` is text\n\nSo."),
        ("```one line```", "one line"),
        ("See [the page](https://a.b/c_(d)?e=f#g) now.", "See the page now."),
        ('See [the page](<a b> "its title") now.', "See the page now."),
        ("![A cat](cat.png) and well![x](y)", "A cat and well!x"),
        ("See <https://example.com/a_b> now.", "See https://example.com/a_b now."),
        ("[sic] and [a](not a link)", "sic and a(not a link)"),
        ("Great 😀! It is 🌧️ and 👨‍👩‍👧🏽 here 🇩🇪 ✅", "Great ! It is and here "),
        ("😀 Hello 👍🏽 world", "Hello world"),
        ("Press 1️⃣ or 2️⃣.", "Press 1 or 2."),
        ("क्‍ष and می‌خواهم", "क्‍ष and می‌خواهم"),
        ("<b>bo</b>ld, <span class='x' id=y>in</span>", "bold, in"),
        ("one<br>two<br/>three<p>four</p>", "one\ntwo\nthree\nfour\n"),
        ("x < 5, a <b and c, I <3 you, a<", "x < 5, a <b and c, I <3 you, a<"),
        ("Really?!?! Yes!!! Wait..... so", "Really? Yes! Wait... so"),
        ("本当！？", "本当！"),
        (r"\*literal\* in C:\path", r"*literal* in C:\path"),
        ("| Name | Price |\n|------|:----:|\n| Tea | **2.50** |\n\nSo.", "Name, Price\n\nTea, 2.50\n\nSo."),
        ("this | that", "this | that"),
    ],
)  # fmt: skip
def test_markup_goes_and_words_stay(written: str, spoken: str) -> None:
    assert speak([written]) == spoken
    assert speak(written) == spoken


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        ("a **", "a "),
        ("a `b", "a b"),
        ("a <b", "a <b"),
        ("[a](http://x", "a(http://x"),
        ("![", ""),
        ("- ", ""),
        ("--", "--"),
        ("#", ""),
        ("|", ""),
        ("```hello you", "hello you"),
        ("a\\", "a\\"),
        ('<a href="x', '<a href="x'),
    ],
)
def test_markup_that_never_closes_loses_no_word(begun: str, told: str) -> None:
    assert speak([begun]) == told
    assert speak(begun) == told


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["Sure", ", **", "I", "** can"], ["Sure", ", ", "I", " can"]),
        (["a [", "link", "](http", "://b.c/d", ") is"], ["a ", "link", "", "", " is"]),
        (["# ", "Title", "\n", "-", " one"], ["", "Title", "\n", "", "one"]),
        (["x <", " 5 <", "b", ">y"], ["x ", "< 5 ", "", "y"]),
        (["-", "5"], ["", "-5"]),
        (["1", " *", " 2"], ["1", " ", "* 2"]),
        (["```", "python", "\nx"], ["", "", "\nx"]),
        (["[a](it", " was", " long"], ["a", "(it was", " long"]),
    ],
)
def test_only_what_may_be_markup_is_held_and_no_longer_than_needed(
    tokens: list[str], told: list[str]
) -> None:
    speakable = Speakable()
    assert [speakable.push(token) for token in tokens] == told


def test_flush_ends_the_reply_and_its_state() -> None:
    speakable = Speakable()
    assert speakable.push("```\n**a** [b](c") == "\n**a** [b](c"
    assert speakable.flush() == ""
    assert speakable.push("- **a** b") == "a b"


def test_what_is_held_is_bounded() -> None:
    speakable = Speakable()
    address = "x" * (HELD_LIMIT + 10)
    assert speakable.push("[a](") == "a"
    assert speakable.push(address) == "(" + address
    assert Speakable().push("*" * (3 * HELD_LIMIT)) == ""


def test_markdown_from_a_model_becomes_chunks_that_can_be_spoken() -> None:
    speakable, chunker = Speakable(), Chunker()
    text = "**Sure**, here are your _options_:\n\n1. **Monday** at 9:30 😀\n2. [Friday](a.b/c) at noon!!!"
    chunks = [chunk for token in re.findall(r"\s*\S+", text) for chunk in chunker.push(speakable.push(token))]
    chunks += chunker.push(speakable.flush()) + chunker.flush()
    assert [chunk.text for chunk in chunks] == [
        "Sure, here are your options:",
        "1. Monday at 9:30",
        "2. Friday at noon!",
    ]


words = st.from_regex(r"[a-zäß]{1,8}|\d{1,3}|日本", fullmatch=True)
signs = st.sampled_from(
    [
        *re.findall(
            r"\S+", "* ** _ ~~ ` ``` ~~~ # - + > | [ ] ]( ) ( < </ > /> = \" ' \\ ! ? . ... --- | |- :-"
        ),
        *["<b>", "<br>", "![", "http://", "😀", "\u200d", "\ufe0f", "\n", "\n\n", " ", "  ", "\t", "\n- "],
        *["\n# ", "\n|", "\n```\n", "](u) ", " \n"],
    ]
)
written_texts = st.lists(words | signs, max_size=40).map("".join)


@given(written_texts, st.lists(st.integers(0, 10_000)))
def test_the_result_does_not_depend_on_how_the_text_is_split_into_tokens(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    assert speak(text[start:end] for start, end in pairwise(places)) == speak([text])


plain_signs = st.sampled_from(
    [", ", ". ", "; ", ": ", " - ", "'", ' "', " (", ") ", "$", "%", " & ", "/", " "]
)


@given(st.lists(words | plain_signs))
def test_plain_text_passes_unchanged_and_at_once(tokens: list[str]) -> None:
    speakable = Speakable()
    assert [speakable.push(token) for token in ["Well", *tokens]] == ["Well", *tokens]
    assert speakable.flush() == ""


decorations = st.sampled_from(
    [
        *[
            "{}",
            "**{}**",
            "*{}*",
            "_{}_",
            "`{}`",
            "~~{}~~",
            "[{}](http://x.y/z_(1))",
            "<b>{}</b>",
            "<{}",
            "{}>",
        ],
        *[
            "[{}]",
            "({})",
            "{}!!!",
            "{} 😀",
            "**{}",
            "{}_",
            "\n# {}",
            "\n- {}",
            "\n1. {}",
            "\n> {}",
            "\\{}",
            "*{}",
        ],
        *["\n| {} | {} |", "\n```\n{}\n```\n", "`{}", "[{}](", "[{}](a b", "| {}", "- {}", "<br>{}"],
        *["![{}](p.png)", "\n---\n{}"],
    ]
)


@given(st.lists(st.tuples(st.from_regex(r"wo[a-z]{2,6}rd", fullmatch=True), decorations), max_size=20))
def test_no_word_is_ever_lost(parts: list[tuple[str, str]]) -> None:
    text = " ".join(decoration.replace("{}", word) for word, decoration in parts)
    assert re.findall("wo[a-z]{2,6}?rd", speak([text])) == re.findall("wo[a-z]{2,6}?rd", text)
