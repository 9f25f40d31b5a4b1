"""Verdicts as JUnit XML, which continuous integration shows test by test.

The elements are those of the format's common core (``testsuites``, ``testsuite``, ``testcase``, ``failure``,
``error``, ``system-out``); ``file`` and ``line`` are what most readers take besides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class TestCase:
    """``failures`` are sentences; ``error`` is what kept the test from coming to a verdict."""

    __test__ = False  # it isn't one of pytest's

    name: str
    file: str
    line: int
    seconds: float
    failures: Sequence[str]
    error: str | None
    output: str


def junit(suite: str, cases: Sequence[TestCase]) -> str:
    """The document. Characters that XML 1.0 doesn't have are replaced."""
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(bool(case.failures) and case.error is None for case in cases)),
        "errors": str(sum(case.error is not None for case in cases)),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    root = Element("testsuites", counts)
    group = SubElement(root, "testsuite", {"name": _clean(suite), **counts})
    for case in cases:
        element = SubElement(
            group,
            "testcase",
            {
                "name": _clean(case.name),
                "classname": _clean(case.file),
                "file": _clean(case.file),
                "line": str(case.line),
                "time": f"{case.seconds:.3f}",
            },
        )
        if case.error is not None:
            _told(element, "error", [case.error, *case.failures])
        elif case.failures:
            _told(element, "failure", case.failures)
        if case.output:
            SubElement(element, "system-out").text = _clean(case.output)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _told(element: Element, kind: str, sentences: Sequence[str]) -> None:
    told = SubElement(element, kind, {"message": _clean(sentences[0])})
    told.text = _clean("\n".join(sentences))


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
