"""Markdown, tags and emoji → text that can be spoken, while it is being written.

What stays: every word, numbers, punctuation, line ends (they are boundaries for the chunker), code as it is.
What goes: ``**bold**``, ``_italics_``, ``~~struck~~``, ``# headings``, bullets, task boxes, quote marks,
rules, backticks and fences with their language, square brackets, the addresses of ``[links](u)`` and
``![images](u)``, tags, emoji, ``!!!`` beyond the first mark and dots beyond three. A table row becomes its
cells with commas between them; ``<br>`` and the like become line ends.

Plain text passes at once. A sign that may be markup is held until the text shows whether it is: mostly one
character, for a link's address or a tag until it closes or can't be one any more. The result doesn't depend
on how the text is split into tokens.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HELD_LIMIT = 4096
"""Characters that are held at most; longer addresses are hardly meant, and memory has to be bounded."""

_PICTOGRAPHS = (
    "\U0001f000-\U0001faff\U000e0020-\U000e007f\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\ufe0e\ufe0f\u20e3"  # which look a character takes, and the frame of a keycap
)
_PICTOGRAPH = re.compile(f"[{_PICTOGRAPHS}]")
_JOINER = "\u200d"  # joins emoji, but letters of some scripts as well
_SPECIAL = re.compile(rf"[*_~`\[\]<\\!?！？.\n{_JOINER}{_PICTOGRAPHS}]")
_SPECIAL_IN_ROW = re.compile(rf"[|\s*_~`\[\]<\\!?！？.{_JOINER}{_PICTOGRAPHS}]")
_SPECIAL_IN_CODE = re.compile(r"[`\n]")
_NEW_LINE = re.compile(r"\n")

_RULE = re.compile(r"([-*_=])(?:[ \t]*\1)*[ \t]*")
_TASK_BOX = re.compile(r"\[[ xX]\](?=[ \t])")
_TABLE_LINE = re.compile(r"[|:\- \t]*")

_DESTINATION = r"\((?:<[^<>\n]*>|(?:[^\s()]|\([^\s()]*\))*)"
_LINK_END = re.compile(rf"""\]{_DESTINATION}(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)""")
_LINK_END_BEGUN = re.compile(
    rf"""\](?:\(<[^<>\n]*|{_DESTINATION}(?:\([^\s()]*)?|{_DESTINATION}\s+(?:"[^"\n]*(?:"\s*)?|'[^'\n]*(?:'\s*)?)?)?"""
)
_NAME = r"[A-Za-z][\w:.-]*"
_ATTRIBUTES = rf"""(?:[ \t]+{_NAME}[ \t]*=[ \t]*(?:"[^"<>\n]*"|'[^'<>\n]*'|[^\s"'<>=]+))*"""
_ATTRIBUTE_BEGUN = rf"""{_NAME}[ \t]*(?:=[ \t]*(?:"[^"<>\n]*|'[^'<>\n]*|[^\s"'<>=]*))?"""
_TAG = re.compile(rf"</?({_NAME}){_ATTRIBUTES}[ \t]*/?>")
_TAG_BEGUN = re.compile(rf"</?(?:{_NAME}{_ATTRIBUTES}(?:[ \t]+(?:{_ATTRIBUTE_BEGUN})?)?[ \t]*/?)?")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]*)>")
_AUTOLINK_BEGUN = re.compile(r"<(?:https?:?/?|https?://[^\s<>]*|mailto:?|mailto:[^\s<>]*)")
_BLOCK_TAG = re.compile(r"(?i:br|p|div|li|[uo]l|tr|td|th|table|h[1-6]|hr|pre|blockquote)")
_ESCAPED = re.compile(r"\\[!-/:-@\[-`{-~]")


class _Step(NamedTuple):
    consumed: int
    output: str = ""
    line_start: bool = False
    """Whether what follows still stands at the beginning of its line."""


class Speakable:
    """Cleans one reply after another."""

    def __init__(self) -> None:
        self._begin()

    def push(self, token: str) -> str:
        """Take the next piece of text, of any length; returns all that can be told by now."""
        self._held += token
        return self._advance(final=False)

    def flush(self) -> str:
        """The reply is complete: returns what was held. The next ``push`` begins a new one."""
        rest = self._advance(final=True)
        self._begin()
        return rest

    def _begin(self) -> None:
        self._held = ""
        self._before = ""  # the character in front of self._held
        self._told = ""  # the last three characters that were returned
        self._line_start = True
        self._squeeze = False  # something was removed, so that two spaces may meet
        self._in_row = False
        self._in_code = False
        self._fence = ""  # the sign of the fence of a block of code

    def _advance(self, *, final: bool) -> str:
        text, place, output = self._held, 0, []
        while place < len(text):
            window = text[place : place + HELD_LIMIT]
            step = self._step(window, final=final or len(window) == HELD_LIMIT)
            if step is None:
                break
            output.append(self._tell(step))
            place += step.consumed
            self._before = text[place - 1]
            self._line_start = step.line_start
        self._held = text[place:]
        return "".join(output)

    def _tell(self, step: _Step) -> str:
        told = step.output
        if self._squeeze and (not self._told or self._told[-1].isspace()):
            told = told.lstrip(" \t")
        if told:
            self._told = (self._told + told)[-3:]
            self._squeeze = False
        elif not step.output:
            self._squeeze = True
        return told

    def _step(self, window: str, *, final: bool) -> _Step | None:
        """What to do with the beginning of ``window``; None: that depends on what follows."""
        sign = window[0]
        if sign == "\n":
            self._in_row = self._in_code = False
            return _Step(1, "\n", line_start=True)
        if self._line_start and sign in " \t":
            return _Step(1, sign, line_start=True)
        if self._line_start and sign in "`~" and self._fence in ("", sign):
            step = self._fence_line(window, final=final)
            if step is None or step.consumed:
                return step
        if self._fence:
            return _plain(window, _NEW_LINE)
        if self._line_start:
            step = self._line_beginning(window, final=final)
            if step is None or step.consumed:
                return step
        if self._in_code:
            return self._ticks(window, final=final) if sign == "`" else _plain(window, _SPECIAL_IN_CODE)
        special = _SPECIAL_IN_ROW if self._in_row else _SPECIAL
        return self._inline(window, final=final) if special.match(sign) else _plain(window, special)

    # ── at the beginning of a line; a step that consumes nothing: nothing special ───────────────────

    def _line_beginning(self, window: str, *, final: bool) -> _Step | None:
        sign = window[0]
        following = window[1:2]
        if sign in "-*_=":
            line, ended = _line(window, final=final)
            rule = _RULE.match(line)
            if rule and rule.end() == len(line):
                if not ended:
                    return None
                if line.count(sign) >= 3:
                    return _Step(len(line))
        if sign in "-*+•◦‣":
            if not following and not final:
                return None
            return _Step(2, line_start=True) if following in (" ", "\t") else _Step(0)
        if sign == "#":
            run = _run(window)
            if run == len(window) and not final:
                return None
            is_heading = run <= 6 and not window[run : run + 1].strip()
            return _Step(run, line_start=True) if is_heading else _Step(run, window[:run])
        if sign == ">":
            if not following and not final:
                return None
            return _Step(0) if following.isdigit() or following == "=" else _Step(1, line_start=True)
        if sign == "[":
            if box := _TASK_BOX.match(window):
                return _Step(box.end(), line_start=True)
            return None if re.fullmatch(r"\[(?:[ xX]\]?)?", window) and not final else _Step(0)
        return self._row_beginning(window, final=final) if sign == "|" else _Step(0)

    def _row_beginning(self, window: str, *, final: bool) -> _Step | None:
        line, ended = _line(window, final=final)
        if _TABLE_LINE.fullmatch(line):  # |---|:--:|
            return _Step(len(line)) if ended else None
        self._in_row = True
        return _Step(len(line) - len(line.lstrip("| \t")))

    def _fence_line(self, window: str, *, final: bool) -> _Step | None:
        run = _run(window)
        if run < 3:
            return None if run == len(window) and not final else _Step(0)
        line, ended = _line(window, final=final)
        rest = line[run:].strip()
        if self._fence:
            if rest:
                return _Step(0)
        elif window[0] in rest:
            return _Step(0)  # ```inline```
        if not ended:
            return None
        self._fence = "" if self._fence else window[0]
        is_language = len(line) < len(window) and " " not in rest
        return _Step(len(line), "" if is_language else rest)

    # ── within a line ───────────────────────────────────────────────────────────────────────────────

    def _inline(self, window: str, *, final: bool) -> _Step | None:
        sign = window[0]
        if sign in "*_~":
            return self._emphasis(window, final=final)
        if sign == "`":
            return self._ticks(window, final=final)
        if sign == "[":
            return _Step(1)
        if sign == "]":
            link = _LINK_END.match(window)
            may_be = not final and not link and _LINK_END_BEGUN.fullmatch(window)
            return None if may_be else _Step(link.end() if link else 1)
        if sign == "<":
            return self._tag(window, final=final)
        if sign == "\\":
            if len(window) == 1 and not final:
                return None
            return _Step(2, window[1]) if _ESCAPED.match(window) else _Step(1, sign)
        if sign in "!?！？":
            return self._exclamation(window, final=final)
        if sign == ".":
            return _Step(1, "" if self._told == "..." else sign)
        if sign == _JOINER:
            return _Step(1, "" if _PICTOGRAPH.match(self._before) else sign)
        return _Step(1) if _PICTOGRAPH.match(sign) else self._cell_end(window, final=final)

    def _emphasis(self, window: str, *, final: bool) -> _Step | None:
        sign, run = window[0], _run(window)
        if run == len(window) and not final:
            return None
        before, after = self._before, window[run : run + 1]
        if sign == "~":
            keep = run == 1  # ~5 minutes
        elif before.isalnum() and after.isalnum():  # snake_case, a*b, 2**3
            keep = sign == "_" or run == 1 or (before.isdigit() and after.isdigit())
        else:
            keep = run == 1 and not before.strip() and not after.strip()  # 2 * 3
        return _Step(run, window[:run] if keep else "")

    def _ticks(self, window: str, *, final: bool) -> _Step | None:
        run = _run(window)
        if run == len(window) and not final:
            return None
        self._in_code = not self._in_code
        return _Step(run)

    def _tag(self, window: str, *, final: bool) -> _Step | None:
        if link := _AUTOLINK.match(window):
            return _Step(link.end(), link[1])
        if tag := _TAG.match(window):
            if not _BLOCK_TAG.fullmatch(tag[1]):
                return _Step(tag.end())
            self._in_row = False
            return _Step(tag.end(), "\n" if self._told[-1:].strip() else "", line_start=True)
        if not final and (_TAG_BEGUN.fullmatch(window) or _AUTOLINK_BEGUN.fullmatch(window)):
            return None
        return _Step(1, "<")

    def _exclamation(self, window: str, *, final: bool) -> _Step | None:
        if window[0] == "!" and not self._before.strip():  # ![image](u)
            if len(window) == 1 and not final:
                return None
            if window[1:2] == "[":
                return _Step(1)
        return _Step(1, "" if self._told[-1:] in ("!", "?", "！", "？") else window[0])

    def _cell_end(self, window: str, *, final: bool) -> _Step | None:
        rest = window.lstrip("| \t")
        if not rest and not final:
            return None
        gap = window[: len(window) - len(rest)]
        if "|" not in gap:
            return _Step(len(gap) or 1, gap or window[0])
        return _Step(len(gap), "" if not rest or rest[0] == "\n" else ", ")


def _plain(window: str, special: re.Pattern[str]) -> _Step:
    found = special.search(window, 1)
    end = found.start() if found else len(window)
    return _Step(end, window[:end])


def _run(window: str) -> int:
    """How often the first character is repeated."""
    return len(window) - len(window.lstrip(window[0]))


def _line(window: str, *, final: bool) -> tuple[str, bool]:
    """The rest of the line, and whether it has ended."""
    line, new_line, _ = window.partition("\n")
    return line, bool(new_line) or final
