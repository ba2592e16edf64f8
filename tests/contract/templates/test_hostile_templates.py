"""Published template-injection, sandbox-escape and path-traversal payloads: none reads, writes or runs anything."""

from typing import Any

import pytest
from maestro_client.errors import FailedPrecondition, InvalidArgument, ResourceExhausted

from .conftest import MANIFEST, PARENT

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

TRAVERSALS = [
    "../../../../tmp/escape",
    "..",
    "a/../../escape",
    "/etc/cron.d/escape",
    "//escape",
    "C:\\escape",
    "C:/escape",
    "..\\..\\escape",
    "\\\\host\\share",
    "a/./b",
    "a\x00b",
    "a\nb",
    ".git/hooks/post-checkout",
    "x/.git/config",
    ".GIT/config",
    ".g\u200cit/config",
    "git~1/config",
    "CON",
    "aux.txt",
    "a. ",
    " a",
    "a/b/",
    "\u202egnp.exe",
    "x" * 300,
    "a/" * 600 + "b",
]


async def rendered(templates: Any, payload: str, version: str) -> str:
    """What becomes of a payload: its text, or what is said against it."""
    refusals = (InvalidArgument, FailedPrecondition, ResourceExhausted)
    try:
        await templates.create_text(payload, MANIFEST.replace("1.0.0", version))
        project = await templates.render(f"{PARENT}/versions/{version}")
    except refusals as refused:
        return str(refused)
    return str(project.files["file.txt"].decode())


async def test_no_injection_reaches_python_files_or_processes(templates: Any) -> None:
    for number, payload in enumerate(INJECTIONS):
        text = await rendered(templates, payload, f"1.{number}.0")
        for leaked in ("root:", "uid=", "<class", "<module", "<built-in", "object at 0x"):
            assert leaked not in text, payload


async def test_a_value_is_data_and_never_a_template(templates: Any) -> None:
    await templates.create_text("{{ title }}", MANIFEST + "  title: {}\n")
    for payload in INJECTIONS:
        assert (await templates.render(title=payload, validate_only=False)).files["file.txt"].decode() == payload


async def test_no_path_leaves_the_target(templates: Any) -> None:
    manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  where: {required: true}\n"
    await templates.create({"maestro-template.yaml": manifest, "{{ where }}": "x", "safe.txt": "y"})
    for path in TRAVERSALS:
        with pytest.raises(FailedPrecondition) as refused:
            await templates.render(where=path)
        assert refused.value.reason == "RENDER_FAILED", path
        assert refused.value.metadata["file"] == "{{ where }}"


@pytest.mark.parametrize("where", ["SAFE.txt", "safe.txt", "safe.txt/below", "Safe.TXT"])
async def test_paths_do_not_collide(templates: Any, where: str) -> None:
    manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  where: {required: true}\n"
    await templates.create({"maestro-template.yaml": manifest, "{{ where }}": "x", "safe.txt": "y"})
    with pytest.raises(FailedPrecondition) as refused:
        await templates.render(where=where)
    assert refused.value.reason == "RENDER_FAILED"


async def test_a_file_that_renders_to_nothing_in_its_name_is_left_out(templates: Any) -> None:
    manifest = "display_name: x\nversion: 1.0.0\nvariables:\n  where: {}\n"
    await templates.create({"maestro-template.yaml": manifest, "a/{{ where }}/b": "x", "safe.txt": "y"})
    assert set((await templates.render()).files) == {"safe.txt"}


@pytest.mark.parametrize(
    "manifest",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "display_name: !!python/object/apply:os.system ['id']\n",
        "display_name: !!python/name:os.system\n",
        "<<: *base\n",
        "[" * 10_000,
        "{a: " * 5_000,
        "- " * 5_000,
        "? " * 5_000,
        "display_name: x\n" * 3,
        "\ufeff\x85\u2028",
    ],
)
async def test_a_hostile_manifest_is_refused_with_its_place(templates: Any, manifest: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await templates.create_text("x", manifest)
    assert refused.value.reason == "TEMPLATE_INVALID"
    assert int(refused.value.metadata["line"]) >= 1
    assert int(refused.value.metadata["column"]) >= 1
