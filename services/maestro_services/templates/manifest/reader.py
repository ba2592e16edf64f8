"""Reads fields of a mapping, gathering faults instead of stopping at the first."""

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

from maestro_services.templates.manifest.document import Entries, Items, Node, Scalar
from maestro_services.templates.manifest.faults import Fault

T = TypeVar("T")


class Reader:
    """Reads one mapping field by field; `finish` tells of the keys that nobody asked for."""

    def __init__(self, node: Node, path: str, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults
        self.node = node
        self._entries = node.entries if isinstance(node, Entries) else {}
        self._asked: dict[str, None] = {}
        if not isinstance(node, Entries):
            self.fault(node, path, f"a mapping, not {_describe(node)}")

    def fault(self, node: Node, path: str, rule: str) -> None:
        """Notes a fault at the place of a node."""
        self.faults.append(Fault(node.place, path, f"expected {rule}"))

    def node_of(self, key: str) -> Node | None:
        """The value of a key, if it is there."""
        self._asked[key] = None
        return self._entries.get(key)

    def path_of(self, key: str) -> str:
        """The path of a key from the document's root."""
        return f"{self.path}.{key}" if self.path else key

    def require(self, key: str) -> None:
        """Notes a fault if the key is missing."""
        if isinstance(self.node, Entries) and key not in self._entries:
            self.fault(self.node, self.path_of(key), "this key, which is missing")

    def text(self, key: str, *, longest: int, default: str = "") -> str:
        """A text of bounded length."""
        node = self.node_of(key)
        if node is None:
            return default
        return self.text_at(node, self.path_of(key), longest)

    def text_at(self, node: Node, path: str, longest: int) -> str:
        """The text that a node is."""
        if not (isinstance(node, Scalar) and isinstance(node.value, str)):
            self.fault(node, path, f"a text, not {_describe(node)}")
            return ""
        if len(node.value) > longest:
            self.fault(node, path, f"at most {longest} characters")
        if "\0" in node.value:
            self.fault(node, path, "a text without NUL, which no database keeps")
        return node.value

    def texts(self, key: str, *, longest: int, most: int) -> tuple[str, ...]:
        """A list of texts."""
        node = self.node_of(key)
        return () if node is None else self.texts_at(node, self.path_of(key), longest, most)

    def texts_at(self, node: Node, path: str, longest: int, most: int) -> tuple[str, ...]:
        """The list of texts that a node is."""
        if not isinstance(node, Items):
            self.fault(node, path, f"a list of texts, not {_describe(node)}")
            return ()
        if len(node.items) > most:
            self.fault(node, path, f"at most {most} items")
        return tuple(self.text_at(item, f"{path}[{index}]", longest) for index, item in enumerate(node.items))

    def boolean(self, key: str) -> bool:
        """True or false; false if it is missing."""
        node = self.node_of(key)
        if node is None:
            return False
        if not (isinstance(node, Scalar) and isinstance(node.value, bool)):
            self.fault(node, self.path_of(key), f"true or false, not {_describe(node)}")
            return False
        return node.value

    def integer(self, key: str, allowed: range) -> int | None:
        """A whole number; None if it is missing or wrong."""
        node = self.node_of(key)
        if node is None:
            return None
        if not (isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool)):
            self.fault(node, self.path_of(key), f"a whole number, not {_describe(node)}")
            return None
        if node.value not in allowed:
            self.fault(node, self.path_of(key), f"a number from {allowed.start} to {allowed.stop - 1}")
            return None
        return node.value

    def parsed(self, key: str, parse: Callable[[str], T], default: T, *, longest: int) -> T:
        """What a parser makes of a text; its ValueError is the fault."""
        node = self.node_of(key)
        if node is None:
            return default
        text = self.text_at(node, self.path_of(key), longest)
        try:
            return parse(text) if text else default
        except ValueError as error:
            self.fault(node, self.path_of(key), str(error))
            return default

    def finish(self) -> None:
        """Notes a fault for each unknown key, with the known one that was probably meant."""
        if isinstance(self.node, Entries):
            for key, place in self.node.keys.items():
                if key not in self._asked:
                    self.faults.append(Fault(place, self.path_of(key), _unknown(key, self._asked)))


def _unknown(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    if near:
        return f"unknown key; did you mean `{near[0]}`?"
    return f"unknown key; expected one of {', '.join(known)}"


def _describe(node: Node) -> str:
    match node:
        case Items():
            return "a list"
        case Entries():
            return "a mapping"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool() as value):
            return str(value).lower()
        case Scalar(value=value):
            return repr(value)
