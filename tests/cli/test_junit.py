from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from voicepipe.cli.junit import TestCase, junit

PASSED = TestCase("answers", "a.yaml", 3, 1.5, (), None, "")
MISSED = TestCase("interrupts", "a.yaml", 9, 2, ("a.yaml:12: expected <x>, found &",), None, "caller Hi")
BROKEN = TestCase("breaks", "b.yaml", 1, 0, (), "there is no stub", "")


def root(*cases: TestCase) -> Element:
    return fromstring(junit("p.yaml", cases))


def test_verdicts_are_counted() -> None:
    suites = root(PASSED, MISSED, BROKEN)
    assert suites.attrib == {"tests": "3", "failures": "1", "errors": "1", "time": "3.500"}
    (suite,) = suites
    assert suite.get("name") == "p.yaml"
    assert [case.get("name") for case in suite] == ["answers", "interrupts", "breaks"]


def test_a_failure_says_where_and_what_and_shows_the_conversation() -> None:
    ((case,),) = root(MISSED)
    assert (case.get("file"), case.get("line"), case.get("time")) == ("a.yaml", "9", "2.000")
    failure, output = case
    assert (failure.tag, failure.get("message")) == ("failure", MISSED.failures[0])
    assert (output.tag, output.text) == ("system-out", "caller Hi")


def test_a_test_that_broke_is_an_error() -> None:
    ((case,),) = root(BROKEN)
    assert [(child.tag, child.get("message")) for child in case] == [("error", "there is no stub")]


@given(st.text(), st.text(), st.text())
def test_whatever_was_said_is_well_formed_xml(name: str, sentence: str, output: str) -> None:
    ((case,),) = root(TestCase(name, name, 1, 0, (sentence,), None, output))
    assert case.tag == "testcase"
