"""A channel whose destination can be changed while stubs hold on to it."""

from typing import Any

import grpc
import grpc.aio

from ._errors import Unavailable


class SwitchingChannel(grpc.aio.Channel):
    """Hands every call to the current channel. Calls that run stay on the one they began on."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._channel: grpc.aio.Channel | None = None
        self._generation = 0

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel that calls go to now. Raises Unavailable before there is one."""
        if self._channel is None:
            message = f"the registry lists no instance of {self._service} that is ready"
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, message)
        return self._channel

    @property
    def generation(self) -> int:
        """Changes with every switch."""
        return self._generation

    def switch(self, channel: grpc.aio.Channel) -> None:
        """Send calls to another channel from now on. The old one closes when its last call has ended."""
        self._channel = channel
        self._generation += 1

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """Return a method that calls on the current channel; likewise the other three."""
        return _Method(self, "unary_unary", args, kwargs)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "unary_stream", args, kwargs)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "stream_unary", args, kwargs)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _Method(self, "stream_stream", args, kwargs)

    async def close(self, grace: float | None = None) -> None:
        """Close the current channel."""
        if self._channel:
            await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the current channel."""
        return self.current.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the current channel leaves a state."""
        await self.current.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the current channel is connected."""
        await self.current.channel_ready()

    async def __aenter__(self) -> "SwitchingChannel":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class _Method:
    """One RPC, bound to the current channel when it is called."""

    def __init__(self, switching: SwitchingChannel, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._switching = switching
        self._kind = kind
        self._args = args
        self._kwargs = kwargs
        self._bound: tuple[int, Any] = (-1, None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        generation, method = self._bound
        if generation != self._switching.generation:
            method = getattr(self._switching.current, self._kind)(*self._args, **self._kwargs)
            self._bound = (self._switching.generation, method)
        return method(*args, **kwargs)
