"""YAML as a tree with places, by the core schema of YAML 1.2: `no` is a text, `012` is twelve, a key stands once.

Nothing in the tree is constructed by the document: tags, anchors and aliases are refused before anything is composed,
so that neither objects nor aliases of aliases of aliases can be made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import yaml

from maestro_services.templates.manifest.faults import Fault, Place, invalid

MAX_BYTES = 256 << 10
MAX_DEPTH = 12

_Loader: type[yaml.Loader] = getattr(yaml, "CLoader", yaml.Loader)
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Scalar:
    """A text, number, boolean or null."""

    value: str | int | float | bool | None
    place: Place


@dataclass(frozen=True)
class Items:
    """A sequence."""

    items: Sequence["Node"]
    place: Place


@dataclass(frozen=True)
class Entries:
    """A mapping, in the order of the document, with the place of each key."""

    entries: Mapping[str, "Node"]
    keys: Mapping[str, Place]
    place: Place


Node = Scalar | Items | Entries


def compose(content: bytes, file: str) -> Node:
    """The tree of a document, or TEMPLATE_INVALID with its faults."""
    if len(content) > MAX_BYTES:
        raise invalid(file, [Fault(Place(), "", f"the manifest has at most {MAX_BYTES} bytes")])
    try:
        text = content.decode("utf-8-sig")
        _check_events(text, file)
        root = yaml.compose(text, Loader=_Loader)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise invalid(file, [Fault(Place(line), "", "the manifest is UTF-8")]) from None
    except yaml.MarkedYAMLError as error:
        raise invalid(file, [Fault(_place(error.problem_mark), "", f"valid YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        rule = f"valid YAML: {str(error).splitlines()[0]}"
        raise invalid(file, [Fault(Place(), "", rule)]) from None
    if root is None:
        raise invalid(file, [Fault(Place(), "", "the manifest is not empty")])
    return _node(root, file)


def find(node: Node, *keys: str) -> Node:
    """The node at a path of keys, or the deepest one on the way to it."""
    for key in keys:
        if not isinstance(node, Entries) or key not in node.entries:
            return node
        node = node.entries[key]
    return node


def _check_events(text: str, file: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if fault := _event_fault(event):
            raise invalid(file, [Fault(_place(event.start_mark), "", fault)])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            rule = f"collections nest at most {MAX_DEPTH} deep"
            raise invalid(file, [Fault(_place(event.start_mark), "", rule)])


def _event_fault(event: yaml.Event) -> str | None:
    if isinstance(event, yaml.AliasEvent):
        return "no aliases (`*name`)"
    if getattr(event, "anchor", None) is not None:
        return "no anchors (`&name`)"
    if getattr(event, "tag", None) is not None:
        return "no tags (`!name`)"
    return None


class _Mark(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _place(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place()


def _node(node: yaml.Node, file: str) -> Node:
    place = _place(node.start_mark)
    match node:
        case yaml.ScalarNode():
            plain = not node.style
            return Scalar(_scalar(node.value) if plain else node.value, place)
        case yaml.SequenceNode():
            return Items([_node(item, file) for item in node.value], place)
        case _:
            return _entries(node, file, place)


def _entries(node: yaml.Node, file: str, place: Place) -> Entries:
    entries: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for key, value in node.value:
        at = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise invalid(file, [Fault(at, "", "a key is a text")])
        if key.value in keys:
            rule = f"key `{key.value}` stands once; it stood in line {keys[key.value].line} already"
            raise invalid(file, [Fault(at, key.value, rule)])
        keys[key.value] = at
        entries[key.value] = _node(value, file)
    return Entries(entries, keys, place)


def _scalar(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= 40 and _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    if len(text) <= 40 and _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
