"""Versions from files that a client sends."""

import dataclasses
import hashlib
from collections.abc import Sequence

from maestro_services.runtime.context import current_call
from maestro_services.runtime.idempotency import RequestKey, request_key
from maestro_services.templates import convert
from maestro_services.templates.creation import Creation, Draft
from maestro_services.templates.domain.files import File, tree_hash
from maestro_services.templates.domain.limits import TemplateLimits
from maestro_services.templates.domain.template import Creator, TemplateVersion, Upload
from maestro_services.templates.transfer import Hello, Requests, receive_files, receive_hello


class Uploader:
    """Makes versions for CreateTemplateVersion."""

    def __init__(self, creation: Creation, limits: TemplateLimits) -> None:
        self._creation = creation
        self._limits = limits

    async def create(self, requests: Requests) -> TemplateVersion:
        """The version that the messages describe."""
        hello = await receive_hello(requests)
        draft = Draft(
            **convert.TEMPLATE.parse(hello.parent, "hello.parent"),
            source=Upload(),
            version=convert.semantic_version(hello.version, "hello.version"),
            labels=dict(hello.labels),
            creator=caller(),
            files=await receive_files(requests, self._limits),
        )
        if hello.validate_only:
            return await self._creation.validate(draft)
        return await self._creation.create(draft, _key(hello, draft.files))


def caller() -> Creator:
    """Who makes the current call."""
    call = current_call()
    if call is None:
        return Creator()
    principal = call.principal
    return Creator(int(principal.kind), principal.subject, principal.display_name)


def _key(hello: Hello, files: Sequence[File]) -> RequestKey | None:
    key = request_key(hello)
    if key is None:
        return None
    arguments = f"{key.digest} {tree_hash(files).digest().sha256}"
    return dataclasses.replace(key, digest=hashlib.sha256(arguments.encode()).hexdigest())
