"""Frames survive whatever way they are cut into reads."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st
from maestro_services.worker.adapters.frames import read_frames
from maestro_services.worker.adapters.pytest_events import clean, finished, name


def encoded(number: int, data: bytes) -> bytes:
    text = json.dumps({"n": number}).encode()
    return struct.pack(">II", len(text), len(data)) + text + data


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 97), st.integers(0, 20))
def test_frames_come_whole_and_in_order(datas: list[bytes], step: int, missing: int) -> None:
    stream = b"".join(encoded(number, data) for number, data in enumerate(datas))
    stream = stream[: len(stream) - missing] if len(stream) > missing else b""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(stream), step):
            yield stream[start : start + step]

    async def read() -> list[tuple[dict[str, int], bytes]]:
        return [frame async for frames in read_frames(chunks()) for frame in frames]

    frames = asyncio.run(read())
    assert frames == [({"n": number}, data) for number, data in enumerate(datas)][: len(frames)]
    lost = len(datas) - len(frames)
    assert lost <= missing
    assert missing or not lost


@given(st.text(alphabet=st.characters()))
def test_any_text_becomes_utf_8(text: str) -> None:
    clean(text).encode()


def test_an_event_fits_into_a_message_whatever_a_project_comes_up_with() -> None:
    failure = {"message": "m" * 16000, "trace": "t" * 200_000, "phase": "call", "cause": "ASSERTION"}
    test_id = "test_a.py::test_a[" + "x" * 5_000_000 + "]"
    frame = {"id": test_id, "outcome": "FAIL", "start": 1.0, "duration": 0.5, "order": 1, "failures": [failure] * 1000}
    frame["test"] = [test_id, ["test_a.py"], "test_a", "x" * 5_000_000, "test_a.py", 1]
    event = finished(frame)
    assert event.ByteSize() < 4_000_000 + 1000
    assert "1000 failures" in event.test_finished.failures[-1].message


def test_long_names_stay_apart() -> None:
    assert name("short") == "short"
    one, two = name("x" * 5000 + "1"), name("x" * 5000 + "2")
    assert one != two
    assert max(len(one.encode()), len(name("é" * 5000).encode())) <= 4096
