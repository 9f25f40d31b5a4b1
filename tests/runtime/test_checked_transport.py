"""Names are resolved by a function of the tests' own; what it leads to is real, and on this computer."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_tools import asking, bench_of, http_tool
from tests.support.toolbench import ToolBench, error_of
from tests.support.workers import make_workers
from voicepipe.runtime.checked_transport import Reach, make_client, resolver
from voicepipe.testing.tool_server import Answer, ToolServer

pytest.importorskip("httpx2", reason="needs the extra 'tools'")

FOUND = Answer(content="found", content_type="text/plain")
REFUSED = "the server was not asked: its address isn't one that may be asked this way"


class Names:
    """A name server: what it says of any name, one answer after the other; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def ask(origin: str, names: Names, *, times: int = 1, **fields: Any) -> list[str]:
    async def main() -> list[str]:
        async with bench_of(http_tool(origin, **fields), resolve=names) as bench:
            return [await bench.ask("find") for _ in range(times)]

    return asyncio.run(main())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "fe80::1%eth0",
    ],
)
def test_a_public_name_that_leads_to_a_private_address_is_not_followed_there(address: str) -> None:
    names = Names([address])
    (text,) = ask("https://crm.example", names, allow_private=False)
    assert error_of(text) == REFUSED
    assert names.asked == [("crm.example", 443)]


def test_of_several_addresses_only_those_that_are_permitted_are_asked() -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        assert await bench.ask("find") == "found"

    # Over http a public address isn't permitted: it would be asked first, and nobody answers there.
    asking(test, FOUND, resolve=Names(["8.8.8.8", "224.0.0.1", "127.0.0.1"]))


def test_http_is_not_sent_to_a_public_address_even_where_private_ones_are_allowed() -> None:
    (text,) = ask("http://crm.example", Names(["8.8.8.8"]))
    assert error_of(text) == REFUSED


def test_the_connection_goes_to_the_address_that_was_checked_whatever_is_said_of_the_name_later() -> None:
    async def main() -> None:
        names = Names(["127.0.0.1"], ["8.8.8.8"])
        async with ToolServer(FOUND, FOUND) as server:
            port = server.origin.rpartition(":")[2]
            async with bench_of(http_tool(f"http://crm.example:{port}"), resolve=names) as bench:
                assert await bench.ask("find") == "found"
                assert await bench.ask("find") == "found"
        assert names.asked == [("crm.example", int(port))]
        assert [request.headers["host"] for request in server.requests] == [f"crm.example:{port}"] * 2

    asyncio.run(main())


def test_an_address_that_nobody_answers_at_gives_way_to_the_next() -> None:
    async def test(server: ToolServer, bench: ToolBench) -> None:
        assert await bench.ask("find") == "found"

    asking(test, FOUND, resolve=Names(["127.0.0.2", "127.0.0.1"]))


def test_after_a_failure_the_name_is_looked_up_again() -> None:
    async def main() -> None:
        async with ToolServer(FOUND) as server:
            port = server.origin.rpartition(":")[2]
            names = Names(["127.0.0.2"], ["127.0.0.1"])
            async with bench_of(http_tool(f"http://crm.example:{port}"), resolve=names) as bench:
                assert error_of(await bench.ask("find")) == "its server can't be reached"
                assert await bench.ask("find") == "found"

    asyncio.run(main())


@pytest.mark.parametrize("answer", [[], OSError("no such name"), TimeoutError()])
def test_a_name_without_an_address_is_a_server_that_can_not_be_reached(answer: Any) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    async def main() -> str:
        async with bench_of(http_tool("https://crm.example"), resolve=resolve) as bench:
            return await bench.ask("find")

    assert error_of(asyncio.run(main())) == "its server can't be reached"


def test_the_computer_s_own_look_up_knows_numbers_in_all_their_forms() -> None:
    async def main() -> list[list[str]]:
        workers = make_workers()
        try:
            resolve = resolver(workers)
            return [await resolve(host, 80) for host in ("2130706433", "127.1", "::1", "localhost")]
        finally:
            workers.close()

    number, short, six, name = asyncio.run(main())
    assert number == short == ["127.0.0.1"]
    assert six == ["::1"]
    assert set(name) <= {"127.0.0.1", "::1"}


def test_a_private_address_in_disguise_passes_the_file_and_not_the_connection() -> None:
    async def main() -> str:
        async with bench_of(http_tool("https://2130706433", allow_private=False)) as bench:
            return await bench.ask("find")

    assert error_of(asyncio.run(main())) == REFUSED


def test_a_whole_answer_is_bounded_where_its_reader_does_not_bound_it() -> None:
    async def main() -> None:
        workers = make_workers()
        async with ToolServer(Answer(pieces=[b"x" * 100] * 20), Answer(pieces=[b"x" * 100])) as server:
            client, http = make_client(
                Reach(allow_private=True),
                resolver(workers),
                headers={},
                extra="tools",
                purpose="a test",
                most_bytes=1000,
            )
            async with client:
                with pytest.raises(http.StreamError, match="longer than 1000 bytes"):
                    await client.get(server.origin)
                assert len((await client.get(server.origin)).content) == 100
        workers.close()

    asyncio.run(main())


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for crm.example that signs itself, and its key."""
    x509 = pytest.importorskip("cryptography.x509", reason="the extra 'mcp' brings it")
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - only where it is installed
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - only where it is installed

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "crm.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("crm.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.mark.parametrize(("host", "answered"), [("crm.example", True), ("other.example", False)])
def test_over_tls_the_certificate_has_to_be_the_name_s_not_the_address_s(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, host: str, answered: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    names: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfound")
        await writer.drain()
        writer.close()

    async def main() -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        context.sni_callback = lambda sock, name, context: names.append(name)  # type: ignore[assignment]
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with (
            server,
            bench_of(http_tool(f"https://{host}:{port}"), resolve=Names(["127.0.0.1"])) as bench,
        ):
            return await bench.ask("find")

    text = asyncio.run(main())
    assert names == [host]
    assert text == "found" if answered else error_of(text) == "its server can't be reached"


def test_reach_is_decided_by_the_address_alone() -> None:
    assert Reach().permits("8.8.8.8", "https")
    assert not Reach().permits("8.8.8.8", "http")
    assert not Reach().permits("10.0.0.1", "https")
    assert Reach(allow_private=True).permits("10.0.0.1", "http")
    assert not Reach(allow_private=True).permits("8.8.8.8", "http")
    assert not any(
        Reach(allow_private=True).permits(str(ipaddress.ip_address(0)), s) for s in ("http", "https")
    )
