"""Calls of a model that serves: counted in windows, whoever makes them, and put beside the model."""

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from wsgiref.util import FileWrapper

import pytest
from fixtures.patience import wait_until

from modeldex import AsgiMiddleware, Recorder, WsgiMiddleware
from modeldex.serving import MAX_MODELS, Window, beside_model

HOUR = 3600.0
LIFETIME = 4e9
"""Seconds. Windows begin at multiples of their length: this one lasts from 1970 to 2096, and none ends while calls are made."""


def content(folder):
    return json.loads((folder / "modeldex.json").read_bytes())


@pytest.fixture
def told():
    return []


@pytest.fixture
def recorder(told):
    recorder = Recorder(window_seconds=LIFETIME, report=lambda model, window: told.append((model, window)))
    yield recorder
    recorder.close()


def counted(recorder, told):
    """Answered and failed calls by model."""
    recorder.flush()
    result = {model: (window.answered, window.failed) for model, window in told}
    told.clear()
    return result


def test_percentiles_are_within_a_step_of_those_of_the_list():
    rolls = random.Random(5)
    durations = sorted(rolls.lognormvariate(-4, 1.5) for _ in range(5_000))
    windows = []
    recorder = Recorder(window_seconds=LIFETIME, report=lambda _, window: windows.append(window))
    for seconds in durations:
        recorder.record("net", seconds)
    recorder.close()
    (window,) = windows
    for share in (0.5, 0.95, 0.99, 1.0):
        exact = durations[max(0, round(share * len(durations)) - 1)]
        assert window.percentile(share) == pytest.approx(exact, rel=0.023)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-9, 1e9], ids=["none", "negative", "nanosecond", "years"])
def test_durations_out_of_range_are_counted_at_its_ends(recorder, told, seconds):
    recorder.record("net", seconds)
    assert counted(recorder, told) == {"net": (1, 0)}


def test_what_is_measured_goes_beside_the_model_and_is_searched_like_any_metric(shop):
    shop.model("net/model.safetensors")
    recorder = Recorder(window_seconds=LIFETIME)

    @recorder.measures(shop.root / "net")
    def predict(value):
        """Doubles."""
        if value < 0:
            raise ValueError(value)
        return 2 * value

    assert (predict.__name__, predict.__doc__) == ("predict", "Doubles.")
    assert [predict(number) for number in range(3)] == [0, 2, 4]
    with pytest.raises(ValueError, match="-1"):
        predict(-1)
    recorder.close()
    shop.crawl()
    (document,) = shop.documents().values()
    assert document["metrics"]["failure_rate"] == 0.25
    assert 0 < document["metrics"]["latency_ms"] <= document["metrics"]["latency_p99_ms"] < 5_000
    assert {"latency_p95_ms", "throughput_per_second"} <= set(document["metrics"])
    assert document["extra"]["serving_answered"] == 3


def test_a_window_that_is_over_is_reported_without_anybody_waiting(tmp_path):
    recorder = Recorder(window_seconds=0.05)
    recorder.record(tmp_path, 0.01)
    wait_until((tmp_path / "modeldex.json").exists)
    assert content(tmp_path)["metrics"]["latency_ms"] == pytest.approx(10, rel=0.03)
    recorder.close()


def window(began, counts, *, failed=0):
    return Window(began=began, since=began, until=began + 10, counts=dict(counts), failed=failed)


def test_processes_of_one_window_are_counted_together_and_reported_again_without_being_doubled(
    tmp_path, monkeypatch
):
    for process, counts, failed in [
        ("a/1", {160: 5}, 0),
        ("b/2", {160: 4, 200: 1}, 10),
        ("a/1", {160: 90}, 0),
    ]:
        monkeypatch.setattr("modeldex.serving._process", lambda process=process: process)
        beside_model(tmp_path, window(HOUR, counts, failed=failed))
    serving = content(tmp_path)["extra"]["serving"]
    assert (serving["answered"], serving["failed"], len(serving["processes"])) == (95, 10, 2)
    assert content(tmp_path)["metrics"]["throughput_per_second"] == 9.5
    assert content(tmp_path)["metrics"]["failure_rate"] == pytest.approx(10 / 105, abs=1e-6)


def test_a_window_is_followed_by_the_next_and_never_by_an_earlier_one(tmp_path):
    for began, answered in [(2 * HOUR, 5), (3 * HOUR, 7), (2 * HOUR, 9)]:
        beside_model(tmp_path, window(began, {100: answered}))
    assert content(tmp_path)["extra"]["serving"]["answered"] == 7
    assert len(content(tmp_path)["extra"]["serving"]["processes"]) == 1


@pytest.mark.parametrize(
    "rubbish",
    [
        3,
        {"window": 3},
        {"window": "9999-01-01"},
        {"window": "1970-01-01T01:00:00.000Z", "processes": ["y", 1]},
    ],
    ids=["number", "numbers", "future", "processes"],
)
def test_what_somebody_else_wrote_there_costs_no_window(tmp_path, rubbish):
    (tmp_path / "modeldex.json").write_text(json.dumps({"extra": {"serving": rubbish, "team": "risk"}}))
    beside_model(tmp_path, window(HOUR, {100: 2}))
    assert content(tmp_path)["extra"]["serving"]["answered"] == 2
    assert content(tmp_path)["extra"]["team"] == "risk"


def test_a_report_that_fails_is_logged_and_reaches_no_call(caplog):
    def refuse(*_):
        raise RuntimeError("disk full")

    recorder = Recorder(window_seconds=LIFETIME, report=refuse)
    recorder.record("net", 0.1)
    recorder.close()
    assert "model=net reason=disk full" in caplog.text


def test_threads_count_every_call(recorder, told):
    def call():
        for _ in range(2_000):
            recorder.record("net", 0.001)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(recorder, told) == {"net": (8_000, 0)}


def test_models_beyond_the_bound_cost_no_memory(recorder, told):
    for number in range(MAX_MODELS + 5):
        recorder.record(f"net{number}", 0.1)
    assert len(counted(recorder, told)) == MAX_MODELS


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_was_forked_counts_for_itself(tmp_path):
    recorder = Recorder(window_seconds=LIFETIME)
    recorder.record(tmp_path, 0.1)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            recorder.record(tmp_path, 0.1)
            recorder.record(tmp_path, 0.1)
            recorder.close()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert content(tmp_path)["extra"]["serving"]["answered"] == 2
    recorder.close()
    assert content(tmp_path)["extra"]["serving"]["answered"] == 3


def test_asynchronous_functions_are_measured_to_their_end(recorder, told):
    @recorder.measures("net")
    async def predict(value):
        await asyncio.sleep(0.02)
        return 1 / value

    async def calls():
        assert await predict(1) == 1
        with pytest.raises(ZeroDivisionError):
            await predict(0)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(predict(1), 0.001)

    asyncio.run(calls())
    recorder.flush()
    ((_, window),) = told
    assert (window.answered, window.failed) == (1, 1), (
        "who does not wait for an answer says nothing of the model"
    )
    assert window.percentile(1) >= 0.019


def tokens(step=0.01, fails=False):
    for _ in range(3):
        time.sleep(step)
        yield "x"
    if fails:
        raise ValueError


async def tokens_later(**options):
    for token in tokens(**options):
        yield token


class Streaming:
    def __call__(self, **options):
        yield from tokens(**options)


async def all_of(stream):
    return [part async for part in stream] if hasattr(stream, "__aiter__") else list(stream)


async def one_of(stream):
    if hasattr(stream, "__aiter__"):
        await anext(stream)
        await stream.aclose()
    else:
        next(stream)
        stream.close()


@pytest.mark.parametrize("predict", [tokens, tokens_later, Streaming()], ids=["yield", "async", "object"])
def test_a_function_that_yields_is_measured_to_its_last_word(recorder, told, predict):
    """It counted as answered when it had only been called, in a millionth of a second, and never as failed."""
    measured = recorder.measures("net")(predict)
    assert asyncio.run(all_of(measured())) == ["x"] * 3
    with pytest.raises(ValueError):
        asyncio.run(all_of(measured(fails=True, step=0)))
    asyncio.run(one_of(measured()))
    recorder.flush()
    ((_, window),) = told
    assert (window.answered, window.failed) == (1, 1), "who does not read on says nothing of the model"
    assert window.percentile(1) >= 0.029


class Body:
    """An answer in parts, which knows whether it was closed."""

    def __init__(self, *parts):
        self.parts = iter(parts)
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self):
        part = next(self.parts)
        if isinstance(part, Exception):
            raise part
        return part

    def close(self):
        self.closed = True


def wsgi(recorder, body, status="200 OK", model="net", environ=None):
    def app(environ, start_response):
        if isinstance(body, Exception):
            raise body
        start_response(status, [])
        return body

    started = []
    answer = WsgiMiddleware(app, recorder, model)(
        environ or {"PATH_INFO": "/"}, lambda status, headers: started.append(status)
    )
    return started, answer


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ([b"x"], "200 OK", (1, 0)),
        ([b"x"], "404 NOT FOUND", (1, 0)),
        ([b"x"], "503 BUSY", (0, 1)),
        (Body(b"x", b"y"), "200 OK", (1, 0)),
        (Body(b"x", OSError("gone")), "200 OK", (0, 1)),
        (OSError("at once"), "200 OK", (0, 1)),
    ],
    ids=["list", "not-found", "busy", "parts", "breaks-off", "raises"],
)
def test_a_wsgi_request_is_one_call(recorder, told, body, status, expected):
    try:
        started, answer = wsgi(recorder, body, status)
        assert started == [status]
        list(answer)
        if isinstance(body, Body):
            assert counted(recorder, told) == ({"net": expected} if answer else {})
            answer.close()
            assert body.closed
            assert counted(recorder, told) == {"net": expected}
            return
    except OSError:
        if isinstance(body, Body):
            answer.close()
    assert counted(recorder, told) == {"net": expected}


def test_a_wsgi_answer_lasts_until_its_last_byte_is_taken(recorder, told):
    _, answer = wsgi(recorder, Body(b"x", b"y"))
    assert next(answer) == b"x"
    time.sleep(0.03)
    assert list(answer) == [b"y"]
    answer.close()
    recorder.flush()
    ((_, window),) = told
    assert window.percentile(1) >= 0.029


def test_what_a_server_can_do_better_is_left_to_it(recorder, told, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    with (tmp_path / "x").open("rb") as file:
        body = FileWrapper(file)
        _, answer = wsgi(recorder, body, environ={"wsgi.file_wrapper": FileWrapper})
        assert answer is body
    whole = [b"x"]
    assert wsgi(recorder, whole)[1] is whole
    assert counted(recorder, told) == {"net": (2, 0)}


def test_each_request_may_be_of_another_model_or_of_none(recorder, told):
    chosen = {"/a": "net-a", "/b": "net-b"}
    for path in ("/a", "/b", "/b", "/health"):
        wsgi(
            recorder,
            [b"x"],
            model=lambda environ: chosen.get(environ["PATH_INFO"]),
            environ={"PATH_INFO": path},
        )
    assert counted(recorder, told) == {"net-a": (1, 0), "net-b": (2, 0)}


def asgi(recorder, messages, *, scope=None, send=None, **options):
    sent = []

    async def app(_scope, _receive, send):
        for message in messages:
            if isinstance(message, Exception):
                raise message
            if isinstance(message, float):
                await asyncio.sleep(message)
                continue
            await send(message)

    async def to_server(message):
        sent.append(message)

    middleware = AsgiMiddleware(app, recorder, "net", **options)
    asyncio.run(middleware(scope or {"type": "http"}, None, send or to_server))
    return sent


def start(status=200):
    return {"type": "http.response.start", "status": status, "headers": []}


def body(more=False):
    return {"type": "http.response.body", "body": b"x", "more_body": more}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([start(), body()], {"net": (1, 0)}),
        ([start(500), body()], {"net": (0, 1)}),
        ([start(), body(more=True), ValueError("broke off")], {"net": (0, 1)}),
        ([ValueError("at once")], {"net": (0, 1)}),
        ([], {"net": (0, 1)}),
        ([start(), body(more=True)], {"net": (0, 1)}),
        ([{"type": "http.response.early_hint"}, start(500), body()], {"net": (0, 1)}),
    ],
    ids=["answered", "failed", "breaks-off", "raises", "says-nothing", "has-no-end", "hints-before"],
)
def test_an_asgi_request_is_one_call(recorder, told, messages, expected):
    try:
        assert asgi(recorder, messages) == messages
    except ValueError:
        assert isinstance(messages[-1], ValueError)
    assert counted(recorder, told) == expected


@pytest.mark.parametrize(
    ("first_byte", "low", "high"), [(False, 0.04, 1.0), (True, 0.0, 0.039)], ids=["last", "first"]
)
def test_a_stream_lasts_to_its_last_byte_or_to_its_first(recorder, told, first_byte, low, high):
    asgi(recorder, [start(), body(more=True), 0.04, body()], first_byte=first_byte)
    recorder.flush()
    ((_, window),) = told
    assert low <= window.percentile(1) * 1.023 <= high


def test_a_client_that_went_away_is_no_failure_of_the_model(recorder, told):
    async def gone(message):
        raise OSError("client disconnected")

    with pytest.raises(OSError, match="disconnected"):
        asgi(recorder, [start(), body()], send=gone)
    assert counted(recorder, told) == {}


def test_a_client_that_is_heard_to_go_away_is_no_failure_either(recorder, told):
    async def app(scope, receive, send):
        await send(start())
        assert (await receive())["type"] == "http.disconnect"

    async def to_server(message): ...

    async def from_server():
        return {"type": "http.disconnect"}

    asyncio.run(AsgiMiddleware(app, recorder, "net")({"type": "http"}, from_server, to_server))
    assert counted(recorder, told) == {}


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_what_is_no_request_passes_by(recorder, told, kind):
    message = {"type": f"{kind}.x"}
    assert asgi(recorder, [message], scope={"type": kind}) == [message]
    assert counted(recorder, told) == {}


PROGRAM = """
import sys
from modeldex import Recorder
recorder = Recorder(window_seconds=3600)
recorder.record(sys.argv[1], 0.1)
"""


def test_a_process_that_ends_reports_what_it_counted(tmp_path):
    subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], check=True)
    assert content(tmp_path)["extra"]["serving"]["answered"] == 1
