from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.compare.page.html import Html, clean, join, said, tag


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(st.characters(codec=None)))
def test_any_text_in_a_tag_stays_the_text_that_it_was(text: str) -> None:
    read = Reader(tag("p", text))
    assert read.tags == [("p", [])]
    assert read.text == clean(text)
    read.text.encode()


@given(st.text(st.characters(codec=None)))
def test_any_text_in_an_attribute_stays_within_it(text: str) -> None:
    ((name, attributes),) = Reader(tag("p", title=text)).tags
    assert (name, [key for key, _ in attributes]) == ("p", ["title"])


def test_markup_of_ours_is_kept_and_everything_else_escaped() -> None:
    assert (
        tag("p", tag("b", "<i>"), " & ", None, [Html("<br>"), "x"]) == "<p><b>&lt;i&gt;</b> &amp; <br>x</p>"
    )
    assert join() == ""


def test_attributes_are_written_as_html_has_them() -> None:
    written = tag(
        "input", class_="a", data_at=1.5, hidden=True, disabled=False, title=None, for_="x", step=2.0
    )
    assert written == '<input class="a" data-at="1.5" hidden for="x" step="2">'
    assert tag("rect", width=1) == '<rect width="1"/>'


def test_what_could_turn_the_text_around_it_is_isolated_or_left_out() -> None:
    assert said("\u202eabc") == "<bdi>\u202eabc</bdi>"
    assert tag("p", title="\u202eabc") == '<p title="abc"></p>'


def test_what_has_no_place_in_a_document_is_replaced_and_too_much_is_cut() -> None:
    assert clean("a\ud800\x00\x1bb\n\tc") == "a\ufffd\ufffd\ufffdb\n\tc"
    assert said("abcdef", 3) == "<bdi>abc… [cut]</bdi>"
