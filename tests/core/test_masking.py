from __future__ import annotations

from voicepipe.core.masking import MASK, mask_secrets


def test_every_occurrence_of_a_secret_is_masked() -> None:
    assert mask_secrets("sk-1234 and sk-1234", {"sk-1234"}) == f"{MASK} and {MASK}"


def test_a_secret_that_holds_another_is_masked_whole() -> None:
    assert mask_secrets("secret-longer", ["secret", "secret-longer"]) == MASK


def test_what_is_too_short_to_be_a_secret_is_left() -> None:
    assert mask_secrets("port 80, key 8080", ["80", "8080"]) == f"port 80, key {MASK}"
