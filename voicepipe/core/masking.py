"""Keeping secrets out of whatever people and models read."""

from __future__ import annotations

import re
from collections.abc import Collection

MASK = "****"
MIN_SECRET = 4
"""Shorter values (a port, a 1) aren't searched for: they would be found everywhere."""

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:(?:api)?key|token|secret|(?:pg)?pass(?:word|wd|phrase)?|pwd|auth(?:orization)?|credentials?"
    r"|cookie)$",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether what is called ``name`` (a key of a file, a header) is likely to be a secret."""
    return _SECRET_NAME.search(name) is not None


def mask_secrets(text: str, secrets: Collection[str]) -> str:
    """``text`` with every one of ``secrets`` replaced, longer ones first, since one may hold another."""
    if not any(secret in text for secret in secrets if len(secret) >= MIN_SECRET):
        return text
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET:
            text = text.replace(secret, MASK)
    return text
