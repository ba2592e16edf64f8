"""Small programs with one planted defect each, written by hand and not from the search's own families."""

from tests.integration.automation.corpus import behaviour, expressions, pieces
from tests.integration.automation.corpus.bug import Bug

BUGS: tuple[Bug, ...] = (*expressions.BUGS, *pieces.BUGS, *behaviour.BUGS)

__all__ = ["BUGS", "Bug"]
