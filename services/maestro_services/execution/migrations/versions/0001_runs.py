"""Runs, actions, test cases, output and blobs."""

import sqlalchemy as sa
from alembic import op
from maestro_services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _big(name: str, *, key: bool = False, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, autoincrement=False, nullable=optional)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.SmallInteger, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _number() -> sa.Column[int]:
    return sa.Column("key", _NUMBER, sa.Identity(), primary_key=True)


def upgrade() -> None:
    """Creates the tables."""
    create_runtime_tables()
    _create_runs()
    _create_actions()
    _create_test_cases()
    _create_results()


def _create_runs() -> None:
    counts = ("total", "completed", "interrupted", "passed", "failed", "errors", "skipped", "xfailed", "xpassed")
    op.create_table(
        "runs",
        _number(),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        _bytes("spec"),
        sa.Column("suite", sa.Boolean, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        _text("display_name"),
        sa.Column("labels", sa.JSON, nullable=False),
        _small("creator_kind"),
        _text("creator_subject"),
        _text("creator_name"),
        _small("state"),
        _small("verdict"),
        _small("cause"),
        _text("status_message"),
        *[_big(name) for name in counts],
        _big("stdout_bytes"),
        _big("stderr_bytes"),
        _bytes("output_files"),
        _big("change_sequence"),
        _big("create_time"),
        _big("update_time"),
        _big("start_time", optional=True),
        _big("end_time", optional=True),
        sa.UniqueConstraint("project", "run_id", name="runs_by_name"),
        sqlite_autoincrement=True,
    )


def _create_actions() -> None:
    op.create_table(
        "actions",
        _number(),
        sa.Column("run", _NUMBER, sa.ForeignKey("runs.key"), nullable=False),
        sa.Column("project", sa.String(63), nullable=False),
        sa.Column("action_id", sa.String(63), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("attempt_number", sa.Integer, nullable=False),
        _small("state"),
        _small("verdict"),
        _small("cause"),
        _text("status_message"),
        _bytes("execution"),
        sa.Column("lease", sa.String(63), unique=True),
        sa.Column("worker_id", sa.String(63), nullable=False),
        _big("lease_expire_time", optional=True),
        _big("acknowledged"),
        _big("create_time"),
        _big("update_time"),
        _big("start_time", optional=True),
        _big("end_time", optional=True),
        sqlite_autoincrement=True,
    )
    op.create_index("actions_by_run", "actions", ["run", "key"])
    op.create_index("actions_by_state", "actions", ["state", "project", "key"])


def _create_test_cases() -> None:
    op.create_table(
        "test_cases",
        _big("run", key=True),
        _big("position", key=True),
        sa.Column("test_key", sa.String(20), nullable=False),
        _big("change_sequence"),
        _text("test_id"),
        _text("suite_path"),
        _text("case_name"),
        _text("parameters"),
        _text("file"),
        sa.Column("line", sa.Integer, nullable=False),
        _small("disposition"),
        _small("outcome"),
        _small("cause"),
        _text("reason"),
        _big("start_time_us"),
        _big("duration_ns"),
        sa.Column("order_index", sa.Integer, nullable=False),
        sa.Column("attempt_number", sa.Integer, nullable=False),
        _big("stdout_bytes"),
        _big("stderr_bytes"),
        sa.UniqueConstraint("run", "test_key", name="test_cases_by_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("test_cases_by_change", "test_cases", ["run", "change_sequence", "position"])


def _create_results() -> None:
    op.create_table("test_failures", _big("run", key=True), _big("position", key=True), _bytes("failures"))
    op.create_table(
        "interrupted_attempts",
        _big("run", key=True),
        _big("position", key=True),
        sa.Column("attempt_number", sa.Integer, primary_key=True, autoincrement=False),
        _small("cause"),
        _big("start_time_us"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_chunks",
        _big("run", key=True),
        sa.Column("test_key", sa.String(20), primary_key=True),
        _big("offset", key=True),
        _small("stream"),
        _big("stream_offset"),
        _big("action"),
        _bytes("data"),
    )
    op.create_table(
        "blobs",
        sa.Column("project", sa.String(63), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        _big("size_bytes"),
        _big("create_time"),
    )
