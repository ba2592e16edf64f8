"""Published template-injection and sandbox-escape payloads: none reads, writes or runs anything."""

import pytest
from maestro_services.runtime.errors import Reason, ServiceError
from maestro_services.templates.children.parent import Children
from maestro_services.templates.domain.files import File
from maestro_services.templates.domain.limits import RenderLimits
from maestro_services.templates.domain.rendering import Piece
from maestro_services.templates.domain.semver import SemanticVersion
from maestro_services.templates.domain.template import Manifest
from maestro_services.templates.domain.variables import Value, Variable, VariableType
from maestro_services.templates.rendering.renderer import Renderer

# From the collections that testers use (PayloadsAllTheThings, HackTricks, CVE-2024-56326, CVE-2025-27516, copier's
# advisories), each of which reads a file, runs a command or reaches Python in some Jinja.
INJECTIONS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__']['__mro__'] }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ().__class__.__bases__[0].__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os.popen('id').read() }}",
    "{{ namespace.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}",
    "{{ request.application.__globals__.__builtins__.__import__('os') }}",
    "{{ config.items() }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ ('a'|attr('format'))('{0.__class__.__init__.__globals__}') }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '%s'.format.__self__.__class__ }}",
    "{% set f = 'x'.format %}{{ f.__globals__ }}",
    "{{ ['__class__']|map('attr') | list }}",
    "{{ name|map(attribute='__class__')|list }}",
    "{{ dict.mro() }}",
    "{{ range.__class__ }}",
    "{{ debug.__globals__ }}",
    "{{ name.encode().__class__ }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ __import__('os').system('id') }}",
    "{{ eval('1') }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../../../etc/passwd' %}",
    "{% import '/etc/passwd' as p %}{{ p }}",
    "{% extends '/etc/passwd' %}",
    "{% from 'os' import system %}{{ system('id') }}",
    "{{ name.__init__.__globals__ }}",
    "{{ (name|string).__reduce_ex__(2) }}",
    "{{ loop.__class__ }}",
    "{% for key in name.__dict__ %}{{ key }}{% endfor %}",
    "{{ caller.__globals__ }}",
    "{{ varargs }}{{ kwargs.__class__ }}",
    "{% do name.__class__ %}",
    "{{ name.__getattribute__('__class__') }}",
]

REFUSALS = {Reason.TEMPLATE_INVALID, Reason.RENDER_FAILED, Reason.RENDER_LIMIT}
MANIFEST = Manifest(
    "x",
    SemanticVersion(1, 0, 0),
    variables=(Variable("name", VariableType.STRING, default="world"), Variable("many", VariableType.STRING_LIST)),
)


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(Children(1), RenderLimits())


async def render(renderer: Renderer, text: str, **given: Value) -> str:
    files = [File("file.txt", text.encode())]
    pieces = [one async for one in renderer.render(MANIFEST, files, given)]
    return b"".join(piece.data for piece in pieces if isinstance(piece, Piece)).decode()


@pytest.mark.parametrize("payload", INJECTIONS)
async def test_no_injection_reaches_python_files_or_processes(renderer: Renderer, payload: str) -> None:
    try:
        text = await render(renderer, payload)
    except ServiceError as refused:
        assert refused.reason in REFUSALS  # noqa: PT017 - being refused is one of two good ends
        text = refused.message
    for leaked in ("root:", "uid=", "<class", "<module", "<built-in", "object at 0x"):
        assert leaked not in text


async def test_a_value_is_data_and_never_a_template(renderer: Renderer) -> None:
    text = await render(renderer, "{% for one in many %}{{ one }}\n{% endfor %}", many=tuple(INJECTIONS))
    assert text.splitlines() == INJECTIONS
