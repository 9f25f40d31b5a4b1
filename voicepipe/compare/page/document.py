"""The frame around every page: a policy that lets nothing in, one style, one script, and the way around.

The policy (Content Security Policy Level 3, https://www.w3.org/TR/CSP3/) names our style and our script by
their hashes. So neither a ``style`` attribute nor an event handler nor any address works, whatever a caller
has said; pictures and sound come from ``data:`` only.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from voicepipe.compare.page.html import Html, Node, join, tag

_HERE = Path(__file__).parent


def document(
    title: str, body: Sequence[Node], *, contents: Sequence[tuple[str, str]] = (), lang: str = "en"
) -> str:
    """The whole file. ``contents``: ids of sections and what they are called."""
    style, script = _text("style.css"), _text("script.js")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    )
    links = [tag("li", tag("a", name, href=f"#{target}")) for target, name in contents]
    bar = tag(
        "header",
        tag("nav", tag("ul", links), aria_label="On this page") if links else None,
        tag(
            "div",
            tag("button", "Open all", type="button", id="open-all", hidden=True, aria_pressed="false"),
            tag("button", "Dark", type="button", id="theme", hidden=True, aria_pressed="false"),
            class_="tools",
        ),
        class_="bar",
    )
    page = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        bar,
        tag("main", *body, id="content", tabindex=-1),
        Html(f"<script>{script}</script>"),
    )
    return f"<!doctype html>\n{tag('html', join(head, page), lang=lang)}\n"


def policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
