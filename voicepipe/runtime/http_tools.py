"""Tools that are a request to a server: ``{http: https://crm.example/api/find, schema: find.json}``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from voicepipe.config.tool_models import HttpTool
from voicepipe.core.masking import mask_secrets
from voicepipe.errors import ToolError
from voicepipe.runtime.checked_transport import Reach, make_client
from voicepipe.runtime.tool_doors import DoorHost, readable, told_secrets
from voicepipe.speech.tools import RESULT_LIMIT

MOST_BYTES = 65_536
"""Of an answer that are read: eight times of what a model is shown, since JSON often comes indented."""

MOST_OF_ERROR = 500
"""Characters of what a server says to explain its refusal."""

LONGEST_URL = 8000
"""RFC 9110 asks servers to take this much."""

_CHARSETS = re.compile(
    r"us-ascii|utf-?(8|16|16le|16be)|(iso-?)?8859-?\d\d?|latin-?1|(windows-|cp)125\d|koi8-[ru]"
    r"|shift_?jis|iso-2022-jp|euc-?(jp|kr)|gb(k|2312|18030)|big5",
    re.IGNORECASE,
)
"""Those of text. Python knows more, some of which take quadratic time."""

_ACCEPT = "application/json, text/*;q=0.9, */*;q=0.1"


class HttpDoor:
    """The way to the server of one tool; an awaitable function of the arguments while it is open."""

    def __init__(self, tool: HttpTool) -> None:
        self._tool = tool
        self._client: Any = None
        self._http: Any = None
        self._headers = {name.lower(): value.get_secret_value() for name, value in tool.headers.items()}
        self._secrets = tuple(told_secrets(self._headers))

    async def open(self, host: DoorHost) -> None:
        """Make the client; the first call connects. Raises ``SetupError`` without the package."""
        body = {} if self._tool.query_only else {"content-type": "application/json"}
        make = partial(
            make_client,
            Reach(self._tool.allow_private),
            host.resolve,
            headers={"accept": _ACCEPT, **body, **self._headers},
            extra="tools",
            purpose=f"the tool '{self._tool.name}'",
        )
        self._client, self._http = await host.workers.call(make)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def __call__(self, /, **arguments: Any) -> Any:
        """Ask the server; its answer as text, or parsed where it is JSON. Raises ``ToolError``.

        How long that may take is the runner's business, which cancels it.
        """
        if self._client is None:
            raise ToolError("the way to its server is closed")
        url, body = self.address(arguments)
        request = self._client.build_request(self._tool.method, url, content=body)
        try:
            response = await self._client.send(request, stream=True)
            try:
                text, whole = await self._read(response)
            finally:
                await response.aclose()
        except self._http.TimeoutException:
            raise ToolError("its server didn't take the connection in time") from None
        except self._http.ConnectError:
            raise ToolError("its server can't be reached") from None
        except self._http.HTTPError as error:
            raise ToolError(f"its server broke the answer off ({type(error).__name__})") from None
        text = mask_secrets(text, self._secrets)
        if response.is_redirect:
            raise ToolError(
                f"its server answered {response.status_code}: it sends elsewhere, which isn't followed"
            )
        if not response.is_success:
            reason = " ".join(text.split())[:MOST_OF_ERROR]
            raise ToolError(f"its server answered {response.status_code}" + (f": {reason}" if reason else ""))
        return _result(text, whole)

    def address(self, arguments: Mapping[str, Any]) -> tuple[str, bytes | None]:
        """Where a call with ``arguments`` goes, and the body that goes along. Raises ``ToolError``."""
        url = self._tool.http
        left = dict(arguments)
        for name in self._tool.in_path:
            url = url.replace(f"{{{name}}}", _in_path(name, left.pop(name)))
        if any(part in (".", "..") for part in urlsplit(url).path.split("/")):
            raise ToolError("not called: with these arguments the address would lead elsewhere")
        body = None
        if not self._tool.query_only:
            body = json.dumps(left, ensure_ascii=False, separators=(",", ":")).encode()
        elif query := urlencode(list(_in_query(left)), quote_via=quote):
            url += ("&" if "?" in url else "?") + query
        if len(url) > LONGEST_URL:
            raise ToolError(
                f"not called: these arguments make an address of more than {LONGEST_URL} characters"
            )
        return url, body

    async def _read(self, response: Any) -> tuple[str, bool]:
        """The answer's text, at most ``MOST_BYTES`` of it, and whether that is all of it."""
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                break
        data = b"".join(parts)[:MOST_BYTES]
        if b"\0" in data:
            raise ToolError("its server answered with what isn't text")
        charset = response.charset_encoding or ""
        return data.decode(
            charset if _CHARSETS.fullmatch(charset) else "utf-8", "replace"
        ), size <= MOST_BYTES


def _in_path(name: str, value: Any) -> str:
    """``value`` as a part of a path, which it can't leave."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, dict | list) or value is None or not text.strip():
        raise ToolError(f"not called: argument '{name}' stands in an address: expected a text or a number")
    if any(char in "/\\" or not char.isprintable() for char in text):
        # Encoded they would pass here, but many a server decodes them before it looks where the path leads.
        raise ToolError(f"not called: argument '{name}' stands in an address, which can't hold a slash")
    return quote(text, safe="")


def _in_query(arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool):
                yield name, str(one).lower()
            elif isinstance(one, dict | list):
                yield name, json.dumps(one, ensure_ascii=False, separators=(",", ":"))
            elif one is not None:
                yield name, str(one)


def _result(text: str, whole: bool) -> Any:
    if not whole:
        note = f"... [cut: the answer is longer than {MOST_BYTES} bytes, only its beginning is shown]"
        return text.encode()[: RESULT_LIMIT - len(note)].decode("utf-8", "ignore") + note
    return readable(text)
