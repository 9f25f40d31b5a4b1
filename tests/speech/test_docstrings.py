import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.speech.docstrings import parse_docstring

GOOGLE = """Find a free slot.

    Looks at this week
    only.

    Args:
        day (str): The day of the week,
            in English.
        count: How many: at most three.
        **options: The rest.

    Returns:
        The slots.

    Not for emergencies.
    """

NUMPY = """Find a free slot.

    Looks at this week
    only.

    Parameters
    ----------
    day : str
        The day of the week,
        in English.
    count, options : int, optional
        How many.

    Returns
    -------
    list
        The slots.
    """

SPHINX = """
    Find a free slot.

    Looks at this week
    only.

    :param str day: The day of the week,
        in English.
    :param count: How many: at most three.
    :type count: int
    :returns: The slots.
    """


def test_google_style() -> None:
    assert parse_docstring(GOOGLE) == (
        "Find a free slot.\nLooks at this week only.\nNot for emergencies.",
        {
            "day": "The day of the week, in English.",
            "count": "How many: at most three.",
            "options": "The rest.",
        },
    )


def test_numpy_style() -> None:
    assert parse_docstring(NUMPY) == (
        "Find a free slot.\nLooks at this week only.",
        {"day": "The day of the week, in English.", "count": "How many.", "options": "How many."},
    )


def test_sphinx_style() -> None:
    assert parse_docstring(SPHINX) == (
        "Find a free slot.\nLooks at this week only.",
        {"day": "The day of the week, in English.", "count": "How many: at most three."},
    )


@pytest.mark.parametrize("docstring", [None, "", "   \n  "])
def test_a_missing_docstring_is_an_empty_description(docstring: str | None) -> None:
    assert parse_docstring(docstring) == ("", {})


@pytest.mark.parametrize(
    "docstring",
    ["Parameters matter here.", "Note: this is said", "Args are none", "Ratio: a:b:c", "Parameters"],
)
def test_text_that_only_resembles_a_section_is_description(docstring: str) -> None:
    assert parse_docstring(docstring) == (docstring, {})


@given(
    st.lists(
        st.sampled_from(
            [
                "Args:",
                "Parameters",
                "-----",
                "  x: text",
                "x : int",
                ":param x: y",
                ":",
                "",
                "    deep",
                "Returns:",
                "word",
            ]
        )
    )
)
def test_any_mixture_of_lines_is_read(lines: list[str]) -> None:
    description, parameters = parse_docstring("\n".join(lines))
    assert all(part in "\n".join(lines) for part in description.split())
    assert set(parameters) <= {"x", "deep", "word", "text"} | {line.strip(":") for line in lines}
