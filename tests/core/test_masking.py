from __future__ import annotations

import pytest

from voicepipe.core.masking import MASK, is_secret_name, mask_secrets


def test_every_occurrence_of_a_secret_is_masked() -> None:
    assert mask_secrets("sk-1234 and sk-1234", {"sk-1234"}) == f"{MASK} and {MASK}"


def test_a_secret_that_holds_another_is_masked_whole() -> None:
    assert mask_secrets("secret-longer", ["secret", "secret-longer"]) == MASK


def test_what_is_too_short_to_be_a_secret_is_left() -> None:
    assert mask_secrets("port 80, key 8080", ["80", "8080"]) == f"port 80, key {MASK}"


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "X-Api-Key", "Authorization", "CRM_TOKEN", "client-secret", "Cookie", "password"),
        # these were written out by `voicepipe config`
        *("PGPASSWORD", "DB_PASS", "apikey", "X-Auth", "passphrase", "SMTP_PWD", "GOOGLE_CREDENTIALS"),
    ],
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["keyterms", "max_tokens", "author", "monkey", "compass", "PATH", "key_id"])
def test_a_name_that_only_looks_like_one_is_none(name: str) -> None:
    assert not is_secret_name(name)
