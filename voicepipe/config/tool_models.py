"""What ``agent.tools`` may say: one model for each kind of tool. Its first key names the kind."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from voicepipe.core.addresses import is_private_host
from voicepipe.core.units import SECOND, Duration, RelativeToFile
from voicepipe.speech.meanwhile import words_meanwhile

TOOL_FILE = r"^[^:]+\.py(:[A-Za-z_][A-Za-z0-9_]*)?$"
TOOL_NAME = r"^[A-Za-z0-9_-]{1,64}$"
LONGEST_DESCRIPTION = 4096
"""Characters: the model pays for them with each turn."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]*)?(?:\?(?P<query>[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*))?"
)
"""RFC 3986 without a user and a fragment, and with nothing that two URL parsers could read differently."""

_ARGUMENT = re.compile(r"\{([A-Za-z0-9_-]+)\}")
_FOUR_NUMBERS = re.compile(r"\d+(?:\.\d+){3}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_NOT_YOURS = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "expect", "host"),
        *("keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that say how a message is framed and where it goes."""


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Timeout = Annotated[
    Duration | None,
    Field(gt=0, le=3600 * SECOND, description="how long a call may take, all in all; 10s if nothing is said"),
]
SideEffect = Annotated[
    bool | None,
    Field(description="whether a call changes anything; true unless it is said here (or at @tool)"),
]
Cancellable = Annotated[
    bool | None,
    Field(description="whether an interruption ends a call; by default if it has no side effect"),
]
Meanwhile = Annotated[
    Annotated[str, AfterValidator(words_meanwhile)] | None,
    Field(description="said if a call isn't answered at once; {{name}} inserts a variable"),
]
Name = Annotated[str | None, Field(pattern=TOOL_NAME, description="what the model calls it")]
Description = Annotated[
    str | None,
    Field(max_length=LONGEST_DESCRIPTION, description="what the model is told that it is for"),
]
JsonSchema = Annotated[
    # As it is written: the loader reads the file.
    dict[str, Any], WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})
]
AllowPrivate = Annotated[
    bool,
    Field(description="whether it may be on this computer or in a private network; http only there"),
]


class PythonTool(Model):
    """One function of a Python file, or all its functions that are marked ``@tool``."""

    python: Annotated[str, RelativeToFile()] = Field(
        pattern=TOOL_FILE, description="./tools.py, or ./tools.py:function"
    )
    timeout: Timeout = None
    side_effect: SideEffect = None
    cancellable: Cancellable = None
    say_while_running: Meanwhile = None

    @property
    def file(self) -> Path:
        """Absolute."""
        return Path(self.python.rpartition(".py")[0] + ".py")

    @property
    def function(self) -> str | None:
        """The function's name, or None for all that are marked."""
        return self.python.rpartition(".py")[2].lstrip(":") or None


Builtin = Literal["end_call", "current_time"]


class BuiltinTool(Model):
    """A tool that needs no code."""

    builtin: Builtin = Field(
        description="end_call hangs up once the goodbye is said; current_time tells the date and the time"
    )


class HttpTool(Model):
    """A request to a server."""

    http: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^https?://"})] = Field(
        description="the address; {argument} in its path inserts an argument"
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "GET", description="GET and DELETE send the arguments as the query, the others as a JSON object"
    )
    schema_: JsonSchema = Field(
        default_factory=dict, alias="schema", description="JSON schema of the arguments: a file, or a map"
    )
    name: Name = None
    description: Description = None
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description='sent along, such as Authorization: "Bearer ${env:CRM_TOKEN}"'
    )
    allow_private: AllowPrivate = False
    timeout: Timeout = None
    side_effect: SideEffect = None
    cancellable: Cancellable = None
    say_while_running: Meanwhile = None

    @field_validator("http")
    @classmethod
    def _address(cls, url: str) -> str:
        return checked_url(url, arguments=True)

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        return checked_headers(headers)

    @model_validator(mode="after")
    def _fits_together(self) -> HttpTool:
        check_reachable(self.http, self.allow_private)
        properties = self.schema_.get("properties", {})
        required = self.schema_.get("required", ())
        for name in self.in_path:
            if name not in properties or name not in required:
                raise ValueError(
                    f"the address inserts '{{{name}}}', which has to be a required property of the schema"
                )
        if self.query_only:
            for name, schema in properties.items():
                if isinstance(schema, dict) and schema.get("type") == "object":
                    raise ValueError(f"'{name}' is an object, which a {self.method} request can't send")
        return self

    @model_validator(mode="after")
    def _described(self) -> HttpTool:
        check_described(self.name, self.description)
        return self

    @property
    def in_path(self) -> tuple[str, ...]:
        """The arguments that the address inserts."""
        return tuple(_ARGUMENT.findall(self.http))

    @property
    def query_only(self) -> bool:
        """Whether arguments are sent as the query, not as a body."""
        return self.method in ("GET", "DELETE")


class McpServer(Model):
    """A server that speaks the Model Context Protocol: at an address, or a command that is started."""

    url: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^https?://"})] | None = Field(
        None, description="its address (streamable HTTP)"
    )
    command: tuple[str, ...] | None = Field(
        None, min_length=1, description="a program and its arguments, run in the file's folder; this is code"
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="sent along with each request")
    allow_private: AllowPrivate = False
    env: dict[str, SecretStr] = Field(
        default_factory=dict, description="the environment of the command, besides PATH, HOME and the like"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return None if url is None else checked_url(url)

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        return checked_headers(headers)

    @model_validator(mode="after")
    def _one_of_two(self) -> McpServer:
        if (self.url is None) == (self.command is None):
            raise ValueError("expected either 'url' or 'command'")
        if self.url is None and (self.headers or self.allow_private):
            raise ValueError("'headers' and 'allow_private' are for a 'url'; a command has 'env'")
        if self.url is not None:
            if self.env:
                raise ValueError("'env' is for a 'command'; a url has 'headers'")
            check_reachable(self.url, self.allow_private)
        return self


class McpTool(Model):
    """Tools of a server that speaks the Model Context Protocol."""

    mcp: McpServer = Field(description="the server")
    allow: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        min_length=1, description="the names of the tools that the model may call; there is no 'all'"
    )
    prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]{0,32}$",
        description="put before their names, where two servers share one",
    )
    timeout: Timeout = None
    side_effect: SideEffect = None
    cancellable: Cancellable = None
    say_while_running: Meanwhile = None

    @field_validator("allow")
    @classmethod
    def _once_each(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        if twice := next((name for name in allow if allow.count(name) > 1), None):
            raise ValueError(f"'{twice}' is there twice")
        return allow

    def name_of(self, tool: str) -> str:
        """What the model calls the server's ``tool``: servers may use dots and slashes, models may not."""
        return re.sub(r"[^A-Za-z0-9_-]", "_", self.prefix + tool)[:64]


class SchemaTool(Model):
    """A tool that the program which holds the call answers."""

    schema_: JsonSchema = Field(alias="schema", description="JSON schema of the arguments: a file, or a map")
    name: Name = None
    description: Description = None
    timeout: Timeout = None
    side_effect: SideEffect = None
    cancellable: Cancellable = None
    say_while_running: Meanwhile = None

    @model_validator(mode="after")
    def _described(self) -> SchemaTool:
        check_described(self.name, self.description)
        return self


_KINDS = ("python", "builtin", "http", "mcp", "schema")
"""In this order: an http tool has a schema, too."""


def _kind_of_tool(data: Any) -> str | None:
    for kind in _KINDS:
        if (
            kind in data
            if isinstance(data, dict)
            else hasattr(data, f"{kind}_" if kind == "schema" else kind)
        ):
            return f"<{kind}>"  # stands in error locations, where it must differ from every key
    return None


Tool = Annotated[
    Annotated[PythonTool, Tag("<python>")]
    | Annotated[BuiltinTool, Tag("<builtin>")]
    | Annotated[HttpTool, Tag("<http>")]
    | Annotated[McpTool, Tag("<mcp>")]
    | Annotated[SchemaTool, Tag("<schema>")],
    Discriminator(_kind_of_tool),
]


def checked_url(url: str, *, arguments: bool = False) -> str:
    """``url`` if it can be used; a ``ValueError`` says why not, without repeating it."""
    if "{{" in url:
        raise ValueError("an address can't insert a variable: have the model give it as an argument")
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("expected an address such as https://crm.example/api/find, without a user or '#'")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("expected a port from 1 to 65535 in the address") from None
    if _FOUR_NUMBERS.fullmatch(match["host"]) and not _is_ipv4(match["host"]):
        raise ValueError("expected four numbers from 0 to 255, without zeros before them, in the address")
    left = _ARGUMENT.sub("", match["path"] or "") if arguments else match["path"] or ""
    if "{" in left or "}" in left:
        raise ValueError(
            "expected '{argument}' in the path" if arguments else "the address can't hold braces"
        )
    if any(part in (".", "..") for part in (match["path"] or "").split("/")):
        raise ValueError("the address can't hold '.' or '..' as a part of its path")
    return url


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def check_reachable(url: str, allow_private: bool) -> None:
    """A ``ValueError`` for what would be refused at each call, as far as the address tells."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not allow_private:
        raise ValueError(
            "http sends all in the clear: expected https; 'allow_private: true' is for your own network"
        )
    if not allow_private and is_private_host(parts.hostname or ""):
        raise ValueError("the address is private: if that is meant, say 'allow_private: true'")


def checked_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """``headers`` if they can be sent; a ``ValueError`` says which can't, and not its value."""
    seen: set[str] = set()
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise ValueError(f"'{name[:80]}' can't be the name of a header")
        if name.lower() in _NOT_YOURS or name.lower() in seen:
            raise ValueError(
                f"the header '{name}' can't be set here"
                if name.lower() not in seen
                else f"the header '{name}' is there twice"
            )
        seen.add(name.lower())
        if not _HEADER_VALUE.fullmatch(value.get_secret_value()):
            raise ValueError(
                f"the header '{name}' holds a character that can't be sent: expected ASCII, one line"
            )
    return headers


def check_described(name: str | None, description: str | None) -> None:
    """A ``ValueError`` if the model wouldn't know how to call it, or what for."""
    if name is None:
        raise ValueError("the tool needs a name for the model: name: …")
    if not (description or "").strip():
        raise ValueError("the model has to be told what the tool is for: description: …")
