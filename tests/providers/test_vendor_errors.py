from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicepipe.core.units import MS, SECOND
from voicepipe.providers.vendor_errors import one_line, refused, retry_after_ns

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2 * SECOND),
        ({"retry-after": " 1.5 "}, 1500 * MS),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 250 * MS),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1 * SECOND),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e308"}, None),
        ({"retry-after": "later"}, None),
        ({"retry-after": "Wed, 99 Nov 2026 12:00:00 GMT"}, None),
    ],
)
def test_the_time_to_wait_is_read_as_seconds_or_milliseconds(
    headers: dict[str, str], expected: int | None
) -> None:
    assert retry_after_ns(headers) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(7, 7 * SECOND), (0, 0), (-60, 0)])
def test_a_date_is_counted_from_the_servers_own_clock(seconds: int, expected: int) -> None:
    then = NOON + timedelta(seconds=seconds)
    headers = {"date": format_datetime(NOON, usegmt=True), "retry-after": format_datetime(then, usegmt=True)}
    assert retry_after_ns(headers) == expected


def test_a_date_without_the_servers_clock_is_counted_from_ours() -> None:
    passed = format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)
    assert retry_after_ns({"retry-after": passed}) == 0
    assert (retry_after_ns({"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}) or 0) > 3600 * SECOND


@given(st.text(), st.text(), st.text())
def test_whatever_stands_there_is_a_wait_or_none(milliseconds: str, seconds: str, date: str) -> None:
    found = retry_after_ns({"retry-after-ms": milliseconds, "retry-after": seconds, "date": date})
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "bad_request", False),
        (401, "authentication", False),
        (403, "authentication", False),
        (404, "bad_request", False),
        (408, "timeout", True),
        (409, "server", True),
        (429, "rate_limit", True),
        (500, "server", True),
        (529, "server", True),
    ],
)
def test_a_refusal_is_classed_by_its_status(status: int, kind: str, retryable: bool) -> None:
    error = refused("acme", status, "so it is", headers={"retry-after": "3"})
    assert (error.provider, error.kind, error.retryable, error.status) == ("acme", kind, retryable, status)
    assert error.retry_after_ns == (3 * SECOND if retryable else None)


def test_an_account_without_credit_is_not_asked_again() -> None:
    error = refused("acme", 402, "no money", headers={"retry-after": "3"}, spent=True)
    assert (error.kind, error.retryable, error.retry_after_ns) == ("rate_limit", False, None)
    assert error.hint is not None


def test_the_servers_words_come_on_one_line_cut_and_without_the_key() -> None:
    text = one_line("the key s3cret\n\tmay not " + "x" * 5000, "s3cret")
    assert text.startswith("the key *** may not xxx")
    assert len(text) == 300
