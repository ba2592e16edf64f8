"""Lists that are longer than a page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import Message

__all__ = ["pages"]


class _Page(Protocol):
    @property
    def next_page_token(self) -> str: ...


_RequestT = TypeVar("_RequestT", bound=Message)
_PageT = TypeVar("_PageT", bound=_Page)


async def pages(method: Callable[[_RequestT], Awaitable[_PageT]], request: _RequestT) -> AsyncIterator[_PageT]:
    """Yield the pages of a list, from the one that the request asks for to the last. Leaves the request as it is."""
    current = type(request)()
    current.CopyFrom(request)
    while True:
        page = await method(current)
        yield page
        if not page.next_page_token:
            return
        current.MergeFrom(type(request)(page_token=page.next_page_token))
