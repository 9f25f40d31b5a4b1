from __future__ import annotations

import base64
import hashlib
import re

from voicepipe.compare.page.document import document, policy
from voicepipe.compare.page.html import tag

PAGE = document("a < b", [tag("p", "text")], contents=[("figures", "Figures & more")])


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_lets_in_nothing_but_its_own_style_and_script() -> None:
    (found,) = re.findall(r'Content-Security-Policy" content="(.*?)"', PAGE)
    (style,), (script,) = (
        re.findall(rf"<{name}>(.*?)</{name}>", PAGE, re.DOTALL) for name in ("style", "script")
    )
    rules = dict(rule.split(" ", 1) for rule in found.replace("&#x27;", "'").split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'{digest(script)}'",
        "style-src": f"'{digest(style)}'",
        "img-src": "data:",
        "media-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert policy(style, script) == found.replace("&#x27;", "'")


def test_nothing_in_it_leads_anywhere_else() -> None:
    assert not re.findall(r"https?:|//[a-z]|@import|url\((?!#)", PAGE)
    assert ' style="' not in PAGE
    assert not re.findall(r" on[a-z]+=", PAGE)
    assert '<meta name="referrer" content="no-referrer">' in PAGE


def test_title_and_contents_are_escaped() -> None:
    assert "<title>a &lt; b</title>" in PAGE
    assert '<a href="#figures">Figures &amp; more</a>' in PAGE


def test_our_script_is_short_and_closes_no_tag() -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", PAGE, re.DOTALL)
    assert len(script.splitlines()) < 200
    assert PAGE.count("</script>") == PAGE.count("</style>") == 1
