"""ArtifactService: missing, upload, download."""

import asyncio
import os

import pytest
from maestro.common.v1 import digest_pb2
from maestro.execution.v1 import artifact_service_pb2 as pb
from maestro_client import errors

from tests.contract.execution.messages import PROJECT, digest_of, stream_of, upload_messages


async def download(maestro, blob: bytes, **fields):
    request = pb.DownloadBlobRequest(parent=PROJECT, digest=digest_of(blob), **fields)
    return [response.data async for response in maestro.artifacts.download_blob(request)]


async def missing(maestro, *blobs: bytes, parent: str = PROJECT):
    request = pb.FindMissingBlobsRequest(parent=parent, digests=[digest_of(blob) for blob in blobs])
    return list((await maestro.artifacts.find_missing_blobs(request)).missing_digests)


async def test_what_is_uploaded_is_no_longer_missing_and_reads_the_same(maestro, upload):
    large = os.urandom(2_500_000)

    answer = await upload(b"hello", b"")
    chunks = [large[start : start + 1_000_000] for start in range(0, len(large), 1_000_000)]
    messages = [pb.UploadBlobsRequest(parent=PROJECT, digest=digest_of(large))]
    messages += [pb.UploadBlobsRequest(data=chunk) for chunk in chunks]
    await maestro.artifacts.upload_blobs(stream_of(messages))

    assert (answer.blob_count, answer.size_bytes) == (2, 5)
    assert await missing(maestro, b"hello", b"", large, b"never", b"never") == [digest_of(b"never")]
    assert b"".join(await download(maestro, large)) == large
    assert b"".join(await download(maestro, large, offset=2_000_000)) == large[2_000_000:]
    assert await download(maestro, b"") == [b""]


async def test_a_blob_is_missing_in_a_project_that_did_not_upload_it(maestro, upload):
    await upload(b"secret")

    assert await missing(maestro, b"secret", parent="projects/other") == [digest_of(b"secret")]
    request = pb.DownloadBlobRequest(parent="projects/other", digest=digest_of(b"secret"))
    with pytest.raises(errors.NotFound):
        await anext(maestro.artifacts.download_blob(request))


async def test_a_size_that_is_not_the_blobs_names_no_blob(maestro, upload):
    await upload(b"hello")
    digest = digest_pb2.Digest(sha256=digest_of(b"hello").sha256, size_bytes=4)

    request = pb.FindMissingBlobsRequest(parent=PROJECT, digests=[digest])

    assert len((await maestro.artifacts.find_missing_blobs(request)).missing_digests) == 1


@pytest.mark.parametrize("data", [b"hellO", b"hell", b"hello!"])
async def test_bytes_that_are_not_the_digests_are_refused_and_not_kept(maestro, upload, data):
    messages = [
        *upload_messages(b"good"),
        pb.UploadBlobsRequest(parent=PROJECT, digest=digest_of(b"hello"), data=data),
    ]

    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.artifacts.upload_blobs(stream_of(messages))

    assert caught.value.reason == "DIGEST_MISMATCH"
    assert caught.value.metadata["digest"] == digest_of(b"hello").sha256
    assert await missing(maestro, b"good", b"hello") == [digest_of(b"hello")]


async def test_data_before_a_digest_is_refused(maestro):
    with pytest.raises(errors.InvalidArgument) as caught:
        await maestro.artifacts.upload_blobs(stream_of([pb.UploadBlobsRequest(parent=PROJECT, data=b"x")]))

    assert caught.value.reason == "FIELD_INVALID"


async def test_a_blob_above_the_limit_is_refused(maestro, settings):
    digest = digest_pb2.Digest(sha256="0" * 64, size_bytes=settings.max_blob_bytes + 1)

    with pytest.raises(errors.ResourceExhausted) as caught:
        await maestro.artifacts.upload_blobs(stream_of([pb.UploadBlobsRequest(parent=PROJECT, digest=digest)]))

    assert caught.value.metadata == {"limit": "blob_bytes", "value": str(settings.max_blob_bytes)}


async def test_a_malformed_digest_is_refused(maestro):
    digest = digest_pb2.Digest(sha256="short")

    with pytest.raises(errors.InvalidArgument):
        await maestro.artifacts.find_missing_blobs(pb.FindMissingBlobsRequest(parent=PROJECT, digests=[digest]))
    with pytest.raises(errors.InvalidArgument):
        await maestro.artifacts.upload_blobs(stream_of([pb.UploadBlobsRequest(parent=PROJECT, digest=digest)]))


async def test_an_offset_beyond_the_end_is_refused(maestro, upload):
    await upload(b"hello")

    assert await download(maestro, b"hello", offset=5) == [b""]
    with pytest.raises(errors.InvalidArgument) as caught:
        await download(maestro, b"hello", offset=6)
    assert caught.value.metadata == {"field": "offset"}


async def test_a_full_disk_keeps_earlier_blobs_and_nothing_of_this_one(maestro, running, monkeypatch):
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if bytes(data) == b"too much":
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("maestro_services.execution.blobs.os.write", full)

    with pytest.raises(errors.Unavailable) as caught:
        await maestro.artifacts.upload_blobs(stream_of(upload_messages(b"fits", b"too much")))

    assert caught.value.reason == "STORAGE_UNAVAILABLE"
    assert await missing(maestro, b"fits", b"too much") == [digest_of(b"too much")]
    assert not list((running.platform.state_directory / "blobs").glob("upload-*"))


async def test_an_upload_that_breaks_off_keeps_what_was_whole(maestro, running):
    class BrokenError(Exception):
        pass

    whole = digest_of(b"whole").sha256

    async def broken():
        for message in upload_messages(b"whole"):
            yield message
        yield pb.UploadBlobsRequest(digest=digest_of(b"half of it"), data=b"half")
        stored = running.platform.state_directory / "blobs" / whole[:2] / whole
        await eventually(lambda: asyncio.to_thread(stored.exists))
        raise BrokenError

    with pytest.raises(BrokenError):
        await maestro.artifacts.upload_blobs(broken())

    async def kept() -> bool:
        return await missing(maestro, b"whole", b"half of it") == [digest_of(b"half of it")]

    await eventually(kept)


async def eventually(holds) -> None:
    """Waits for what no event tells of."""
    async with asyncio.timeout(5):
        while not await holds():
            await asyncio.sleep(0.01)
