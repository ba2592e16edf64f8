"""Semantic versions (semver.org 2.0.0) without build metadata, which has no place in an order."""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Self

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<prerelease>{_IDENTIFIER}(?:\.{_IDENTIFIER})*))?",
    re.ASCII,
)
MAX_LENGTH = 64


@total_ordering
@dataclass(frozen=True)
class SemanticVersion:
    """A version; `<` is the precedence of the specification."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that the text writes; ValueError says what is wrong with it."""
        if len(text) > MAX_LENGTH:
            raise ValueError(f"a version has at most {MAX_LENGTH} characters")
        if "+" in text:
            raise ValueError("a version has no build metadata (`+…`): it would not be ordered")
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(
                "a version is MAJOR.MINOR.PATCH or MAJOR.MINOR.PATCH-PRERELEASE, such as 1.4.0 or 2.0.0-rc.1"
            )
        prerelease = tuple((match["prerelease"] or "").split(".")) if match["prerelease"] else ()
        return cls(int(match["major"]), int(match["minor"]), int(match["patch"]), prerelease)

    @property
    def sort_key(self) -> str:
        """A text whose order, character by character, is the precedence: for indexes and page tokens."""
        core = "".join(_number_key(number) for number in (self.major, self.minor, self.patch))
        if not self.prerelease:
            return core + "~"
        return core + "-" + " ".join(map(_identifier_key, self.prerelease))

    def __lt__(self, other: "SemanticVersion") -> bool:
        return self.sort_key < other.sort_key

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        return f"{core}-{'.'.join(self.prerelease)}" if self.prerelease else core


def _number_key(number: int) -> str:
    # The count of digits before the digits makes texts of any length compare as the numbers do.
    digits = str(number)
    return f"{len(digits):02d}{digits}"


def _identifier_key(identifier: str) -> str:
    return "0" + _number_key(int(identifier)) if identifier.isdigit() else "1" + identifier


def latest(versions: list[SemanticVersion]) -> SemanticVersion:
    """The highest version without a pre-release part, or else the highest. The list is not empty."""
    return max(versions, key=lambda version: (not version.prerelease, version))
