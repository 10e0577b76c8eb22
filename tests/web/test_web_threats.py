"""What docs/security.md says of hostile clients and foreign pages, each against a server that really listens."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from fixtures.patience import PATIENCE_SECONDS, wait_until, within
from fixtures.warm_python import warm_python
from fixtures.web import services_over

from catalog.errors import UserError
from catalog.settings import Settings
from webui.commands import bounded_server
from webui.commands.bounded_server import MOST_CONNECTIONS, listening_server
from webui.security import OwnNames

ROOT = Path(__file__).parents[2]
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "


@contextlib.contextmanager
def served(home, *arguments, environment=None):
    """A `modeldex serve` of its own: the process, what it said at its start, and where it is."""
    process = subprocess.Popen(
        [
            *warm_python(),
            "-m",
            "catalog",
            "--home",
            str(home),
            "serve",
            "--port",
            "0",
            "--no-worker",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    try:
        told = ""
        for line in process.stderr:
            told += line
            if "http://" in line:
                break
        place = told.split("http://")[1].split("/")[0]
        host, _, port = place.rpartition(":")
        yield process, told, (host.strip("[]"), int(port))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)


def asked(place, path, *, method="GET", headers=None, body=None):
    """Status, headers and body of one answer on a connection of its own."""
    connection = http.client.HTTPConnection(*place, timeout=PATIENCE_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    home = tmp_path_factory.mktemp("threats")
    with served(home, "--allow-host", "models.example") as (_, _, address):
        yield address


@contextlib.contextmanager
def half_requests(place, number):
    """So many connections that never end their request, each kept busy byte by byte."""
    connections = [socket.create_connection(place, timeout=PATIENCE_SECONDS) for _ in range(number)]
    for connection in connections:
        connection.sendall(HALF)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def test_more_half_sent_requests_than_connections_silence_nobody(place):
    with half_requests(place, MOST_CONNECTIONS + 55) as connections:
        for _ in range(3):
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
            with within(bounded_server.REQUEST_SECONDS * 0.75):  # after which half requests are ended
                assert asked(place, "/healthz")[0] == 200


def is_ended(connection, seconds):
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@contextlib.contextmanager
def listening(app):
    server = listening_server(app, host="127.0.0.1", port=0)

    def run():
        with contextlib.suppress(OSError, ValueError):
            server.run()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield ("127.0.0.1", int(server.effective_port))
    finally:
        server.close()
        thread.join(PATIENCE_SECONDS)


def turn(server):
    """One turn of the server's loop."""
    server.asyncore.loop(timeout=1, use_poll=True, map=server._map, count=1)


@pytest.fixture
def large_app(tmp_path):
    """An application whose export is far more than a server keeps for one client."""
    from webui.app import create_app

    text = "x" * 1_000_000
    rows = [
        {"id": f"{number:064x}", "name": f"net-{number}", "path": str(number), "description": text}
        for number in range(30)
    ]
    return create_app(Settings(home=tmp_path), services_over(rows))


def test_requests_that_stay_incomplete_are_ended_and_idle_connections_are_not(web_app, monkeypatch):
    monkeypatch.setattr(bounded_server, "REQUEST_SECONDS", 0.3)
    with listening(web_app) as place, half_requests(place, 1) as (half,):
        idle = http.client.HTTPConnection(*place, timeout=PATIENCE_SECONDS)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        assert is_ended(half, PATIENCE_SECONDS)
        idle.request("GET", "/healthz")  # on the same connection
        assert idle.getresponse().status == 200
        idle.close()


def test_eight_clients_that_do_not_read_their_export_hold_neither_page_nor_health(large_app, monkeypatch):
    """Exports have places of their own, and a client that takes nothing of its answer loses its place."""
    monkeypatch.setattr(bounded_server, "WRITE_SECONDS", 1.0)
    with listening(large_app) as place, contextlib.ExitStack() as connections:
        for _ in range(8):
            deaf = connections.enter_context(socket.create_connection(place, timeout=PATIENCE_SECONDS))
            deaf.sendall(b"GET /api/export.ndjson HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert asked(place, "/healthz")[0] == 200
        assert asked(place, "/")[0] == 200
        answers = []

        def is_exported():
            answers.append(asked(place, "/api/export.ndjson"))
            return answers[-1][0] != 503

        wait_until(is_exported)
        assert answers[-1][0] == 200
        assert answers[-1][2].count("\n") == 30


def test_a_client_that_comes_as_another_is_cut_off_is_answered(web_app):
    """Whoever was cut off lost the number of its file before the loop waited for it: what was then said of that number
    ended the connection that had just been accepted with it.
    """
    server = listening_server(web_app, host="127.0.0.1", port=0)
    place = ("127.0.0.1", int(server.effective_port))
    with contextlib.closing(server), socket.create_connection(place) as deaf:
        turn(server)
        (channel,) = server.active_channels.values()
        channel.is_overdue = channel.will_close = True
        with socket.create_connection(place) as polite:
            turn(server)
            assert polite.getsockname() in {other.addr for other in server.active_channels.values()}
            turn(server)
            assert is_ended(deaf, PATIENCE_SECONDS)
            (channel,) = server.active_channels.values()
            channel.handle_close()


def test_requests_sent_ahead_without_reading_any_answer_are_cut_off(web_app):
    with listening(web_app) as place, socket.create_connection(place, timeout=PATIENCE_SECONDS) as greedy:
        greedy.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100)
        received = b""
        with contextlib.suppress(ConnectionError):
            while part := greedy.recv(1 << 16):
                received += part
        assert received.count(b"HTTP/1.1 200") < 100
        assert asked(place, "/healthz")[0] == 200


@pytest.mark.parametrize("keys", ["analyst:", "good:sesame,analyst: ", ":sesame", "a:sesame,:"])
def test_a_key_without_a_secret_or_an_id_is_no_setting(tmp_path, keys):
    with pytest.raises(UserError, match=r"api\.keys") as refusal:
        Settings(home=tmp_path, api_keys=keys)
    assert "sesame" not in str(refusal.value)


def test_a_server_with_a_key_without_a_secret_does_not_start(tmp_path):
    done = subprocess.run(
        [*warm_python(), "-m", "catalog", "--home", str(tmp_path), "serve", "--port", "0"],
        env={**os.environ, "MODELDEX_API_KEYS": "analyst:"},  # noqa: TID251 - of the server that is started
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},  # another port of this machine is another origin
)
CHANGING = (
    ("/es/models/_pit?keep_alive=1m", "POST"),
    ("/es/models/_search?scroll=1m", "POST"),
    ("/es/_pit", "DELETE"),
    ("/saved", "POST"),
    ("/saved/1", "POST"),
    ("/health/crawl", "POST"),
    ("/api/v1/events", "POST"),
    ("/api/v1/events/mlflow/lab", "POST"),
    ("/nowhere", "POST"),
)


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda one: next(iter(one)) + "=" + next(iter(one.values())))
def test_a_foreign_page_can_change_nothing(place, headers):
    for path, method in CHANGING:
        assert asked(place, path, method=method, headers=headers, body="x=1")[0] == 403, path


def test_a_foreign_page_may_link_here_and_nothing_else(place):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert asked(place, "/", headers=link)[0] == 200
    assert asked(place, "/?q=a", headers={**link, "Sec-Fetch-Dest": "iframe"})[0] == 403
    for path in ("/", "/api/search", "/api/export.ndjson", "/es/models/_search"):
        assert (
            asked(place, path, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0]
            == 403
        )
    # A scroll is held open by a GET, so not even a link leads to the doors of programs.
    assert asked(place, "/es/models/_search?scroll=1m", headers=link)[0] == 403


def test_our_own_pages_and_programs_are_answered(place):
    host = f"{place[0]}:{place[1]}"
    own = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"}
    for headers in (own, {"Sec-Fetch-Site": "none"}, {}):
        status, _, body = asked(place, "/es/models/_count", method="POST", headers=headers)
        assert (status, json.loads(body)["count"]) == (200, 0)


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("[::1]:8080", True),
        ("models.example", True),
        ("10.1.2.3:80", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example:8080", False),
        ("localhost.evil", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_the_server_answers_to_its_own_names_alone(place, host, is_own):
    for path in ("/", "/api/search", "/static/modeldex.css", "/es/", "/nowhere"):
        status, _, body = asked(place, path, headers={"Host": host})
        assert (status != 400) is is_own, path
        assert is_own or "--allow-host" in body


def test_a_server_that_others_reach_says_so_and_answers_to_no_foreign_name(tmp_path):
    with served(tmp_path, "--host", "0.0.0.0") as (process, _, address):
        told = process.stderr.readline() + process.stderr.readline()
        assert "everybody who reaches this address can read" in told
        assert socket.gethostname().casefold() in told
        for name, status in ((socket.gethostname(), 200), ("127.0.0.1", 200), ("evil.example", 400)):
            assert asked(address, "/", headers={"Host": f"{name}:{address[1]}"})[0] == status


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_the_printed_address_of_an_ipv6_server_answers(tmp_path):
    with served(tmp_path, "--host", "::1") as (_, told, address):
        assert "http://[::1]:" in told
        assert asked(address, "/")[0] == 200


def test_names_are_those_that_were_given_and_the_machines_own():
    loopback = OwnNames.of("127.0.0.1", ("Models.Example", ""))
    assert loopback.names == {"localhost", "models.example"}
    assert OwnNames.of("0.0.0.0", ()).has(socket.gethostname())
    assert not loopback.has("models.example.evil")


def test_a_lost_postgresql_is_503_and_says_nothing_of_where_it_is(tmp_path):
    """Nothing listens at this port; user, host, port, database and folder stay at home."""
    from catalog.access.opening import open_catalogs
    from webui.app import create_app
    from webui.contracts import Services

    settings = Settings(
        home=tmp_path / "sekrithome", database_url="postgresql://sekrituser:sekritword@127.0.0.1:9/sekritdb"
    )
    catalogs = open_catalogs(settings)
    app = create_app(settings, Services(catalogs=catalogs))
    with listening(app) as place:
        for path in (
            "/models/abcdef",
            "/api/models/abcdef",
            "/es/models/_search",
            "/runs",
            "/api/runs",
            "/readyz",
        ):
            status, headers, body = asked(place, path)
            told = f"{headers} {body}"
            assert status == (200 if "runs" in path else 503), path
            for secret in ("sekrit", "127.0.0.1:9", "port 9", "psycopg", "sqlite", str(tmp_path)):
                assert secret not in told, (path, secret)
            assert "store" in body
    catalogs.close()
    app.extensions["modeldex-es"].close()


@pytest.mark.parametrize(
    "text",
    ["(" * 5000, "()" * 2500, '"' * 5000, "[1 TO " * 1000, "\N{FIRE}" * 5000, "(a " * 2500],
    ids=["open", "pairs", "quotes", "ranges", "emoji", "words"],
)
def test_a_text_of_five_thousand_brackets_makes_no_page_of_two_megabytes(web, text):
    answer = web.get("/", query_string={"q": text})
    assert answer.status_code == 200
    assert len(answer.data) < 1_000_000
    assert "characters are read" in answer.text
    assert web.get("/api/search", query_string={"q": text}).status_code == 400
    lenient = web.get("/api/search", query_string={"q": text, "lenient": "true"})
    assert (lenient.status_code, len(lenient.data) < 1_200_000) == (200, True)
