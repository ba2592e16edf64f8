"""Full-text search: FTS5 on SQLite, BM25 in plain SQL over postings on PostgreSQL.

PostgreSQL's own `ts_rank` knows neither how rare a word is nor how long a text is, and its queries demand every word;
so it only cuts texts into stems here, and the ranking is ours. Both stem English and rank any of the words.
"""

import re
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from maestro_services.templates.domain.template import BUILT_IN_PROJECT, TemplateVersion


@dataclass(frozen=True)
class Hit:
    """A template that matches, and how well: greater is better."""

    project: str
    template: str
    score: float


# A word in the name is worth four in the description, one in the keywords three.
_WEIGHTS = {"name": 4.0, "keywords": 3.0, "text": 1.0}

_FTS_CLEAR = text("DELETE FROM search WHERE project = :project AND template = :template")
_FTS_INSERT = text("INSERT INTO search VALUES (:project, :template, :name, :keywords, :text)")
_FTS_FIND = text(
    f"""SELECT project, template, -bm25(search, 0, 0, {", ".join(map(str, _WEIGHTS.values()))}) AS score
    FROM search WHERE search MATCH :query AND project IN (:project, :built_in)
    ORDER BY score DESC, template LIMIT :limit OFFSET :offset"""  # noqa: S608 - the weights are constants
)

_CLEAR = [
    text("DELETE FROM search_postings WHERE project = :project AND template = :template"),
    text("DELETE FROM search_documents WHERE project = :project AND template = :template"),
]
_POST = text(
    """INSERT INTO search_postings SELECT CAST(:project AS text), CAST(:template AS text), term, sum(weight) FROM (
        SELECT left(lexeme, 256) AS term, field.weight * coalesce(cardinality(positions), 1) AS weight
        FROM (VALUES (CAST(:name AS text), 4.0), (CAST(:keywords AS text), 3.0), (CAST(:text AS text), 1.0))
        AS field(content, weight), unnest(to_tsvector('english', field.content))) AS found GROUP BY term"""
)
_MEASURE = text(
    """INSERT INTO search_documents SELECT CAST(:project AS text), CAST(:template AS text), coalesce(sum(weight), 0)
    FROM search_postings WHERE project = CAST(:project AS text) AND template = CAST(:template AS text)"""
)
_FIND = text(
    """WITH visible AS (SELECT * FROM search_documents WHERE project IN (:project, :built_in)),
    corpus AS (SELECT count(*) AS size, greatest(avg(length), 1) AS mean FROM visible),
    asked AS (SELECT DISTINCT left(lexeme, 256) AS term FROM unnest(to_tsvector('english', CAST(:query AS text)))),
    found AS (SELECT p.*, v.length, count(*) OVER (PARTITION BY p.term) AS documents
        FROM search_postings p JOIN asked USING (term) JOIN visible v USING (project, template))
    SELECT project, template, sum(ln(1 + (size - documents + 0.5) / (documents + 0.5))
        * weight * 2.2 / (weight + 1.2 * (0.25 + 0.75 * length / mean))) AS score
    FROM found, corpus GROUP BY project, template ORDER BY score DESC, template LIMIT :limit OFFSET :offset"""
)


async def index(connection: AsyncConnection, version: TemplateVersion) -> None:
    """Makes a template found by the words of this version, and of no other."""
    key = {"project": version.project, "template": version.template}
    sqlite = connection.dialect.name == "sqlite"
    for statement in [_FTS_CLEAR] if sqlite else _CLEAR:
        await connection.execute(statement, key)
    await connection.execute(_FTS_INSERT if sqlite else _POST, key | _document(version))
    if not sqlite:
        await connection.execute(_MEASURE, key)


async def find(connection: AsyncConnection, project: str, query: str, offset: int, limit: int) -> list[Hit]:
    """The templates of a project and the built-in ones that have any of the words, best first."""
    sqlite = connection.dialect.name == "sqlite"
    words = _words(query)
    if not words:
        return []
    parameters = {
        "project": project,
        "built_in": BUILT_IN_PROJECT,
        "query": " OR ".join(f'"{word}"' for word in words) if sqlite else " ".join(words),
        "limit": limit,
        "offset": offset,
    }
    rows = (await connection.execute(_FTS_FIND if sqlite else _FIND, parameters)).all()
    return [Hit(row.project, row.template, float(row.score)) for row in rows]


def _document(version: TemplateVersion) -> dict[str, str]:
    manifest = version.manifest
    variables = [f"{one.name.replace('_', ' ')} {one.description}" for one in manifest.variables]
    return {
        "name": f"{version.template.replace('-', ' ')} {manifest.display_name}",
        "keywords": " ".join(manifest.keywords),
        "text": " ".join([manifest.description, *variables]),
    }


def _words(query: str) -> list[str]:
    # Only letters and digits reach the query languages, so that every text is a valid query.
    return re.findall(r"[^\W_]+", query)[:64]
