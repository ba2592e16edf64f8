"""The search itself: baseline, suspicion, candidates, trials."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .baseline import Baseline, Case, did_fail, did_pass, failing_order
from .candidates import Candidate, candidates
from .cases import TIMEOUT, CaseRunner, Verdicts
from .configuration import SearchConfiguration, SearchResult
from .forks import Forks, Send
from .installing import LoadedCode, loaded_files
from .localization import Suspicion
from .ranking import ranked
from .sources import SourceFile
from .tracing import FileSelection
from .trials import Laboratory, Trial

_BASELINE_SHARE = 0.4
_RETRY_COUNT = 40
_EXTRA_SECONDS = 2.0
_EXTRA_SHARE = 0.5
_MOST_EXTRA_SECONDS = 8.0
"""So long the search goes on behind the first plausible candidate, to see whether there are others."""


class Engine:
    """Searches for single edits that make the failing tests of a collected session pass."""

    def __init__(
        self,
        configuration: SearchConfiguration,
        items: Sequence[pytest.Item],
        files: FileSelection,
        verdicts: Verdicts,
        started: float,
    ) -> None:
        self._configuration = configuration
        self._items = items
        self._files = files
        self._verdicts = verdicts
        self._started = started
        self._deadline = started + configuration.wall_seconds
        self._forks = Forks(configuration.process_count, configuration.memory_bytes)
        self.result = SearchResult()

    def run(self) -> SearchResult:
        """Runs the whole search; the result says why it ended."""
        self._prepare_forks()
        failing, passing = self._baseline()
        self.result.failing_count, self.result.passing_count = len(failing), len(passing)
        self.result.baseline_seconds = time.monotonic() - self._started
        if not failing:
            self.result.stop = "not-reproduced"
            return self.result
        suspicion = Suspicion([case.lines for case in failing], [case.lines for case in passing])
        sources = self._sources(suspicion)
        if not sources:
            self.result.stop = "no-product-code"
            return self.result
        self._report_lines(sources, suspicion)
        self._search(failing, passing, sources, suspicion)
        self.result.search_seconds = time.monotonic() - self._started - self.result.baseline_seconds
        return self.result

    def _prepare_forks(self) -> None:
        """Does once what every child would do, and keeps the collector from copying the pages that they share."""
        for item in self._items:
            _ = item.location
        gc.collect()
        gc.freeze()

    def _runner(self, send: Send) -> CaseRunner:
        return CaseRunner(self._verdicts, self._files, send)

    def _baseline(self) -> tuple[list[Case], list[Case]]:
        expected = set(self._configuration.failing)
        numbers = range(len(self._items))
        baseline = Baseline(self._items, self._forks, self._runner)
        suspects = baseline.failing((n for n in numbers if self._items[n].nodeid in expected), self._deadline)
        failing = failing_order(case for case in suspects if did_fail(case))
        self.result.not_reproduced = [case.item.nodeid for case in suspects if did_pass(case)]
        if not failing:
            return [], []
        until = time.monotonic() + _BASELINE_SHARE * (self._deadline - time.monotonic())
        others = baseline.passing((n for n in numbers if self._items[n].nodeid not in expected), until)
        passing = [case for case in others if did_pass(case)]
        self.result.skipped_count = len(self._items) - len(failing) - len(passing)
        return failing, passing

    def _sources(self, suspicion: Suspicion) -> list[SourceFile]:
        filenames = loaded_files(self._files, sorted({path for path, _ in suspicion.scores}))
        return [SourceFile(path, filename, Path(filename).read_bytes()) for path, filename in filenames.items()]

    def _report_lines(self, sources: Sequence[SourceFile], suspicion: Suspicion) -> None:
        by_path = {source.path: source for source in sources}
        for (path, line), score in suspicion.ranked()[: self._configuration.line_count]:
            source = by_path[path]
            function = source.qualified_name(source.function_at(line))
            self.result.lines.append({"path": path, "line": line, "function": function, "score": round(score, 4)})

    def _search(
        self, failing: list[Case], passing: list[Case], sources: Sequence[SourceFile], suspicion: Suspicion
    ) -> None:
        laboratory = Laboratory(failing, passing, LoadedCode(sources), self._runner)
        generated = self._counted(candidates(sources, suspicion, self._configuration.function_count))
        plausible, slow = self._try(laboratory, generated, self._configuration.case_seconds)
        if not plausible and slow and time.monotonic() < self._deadline:
            retried = (trial.candidate for trial in slow)
            plausible, _ = self._try(laboratory, retried, self._configuration.retry_seconds)
        self.result.candidates = ranked(plausible)

    def _counted(self, found: Iterator[Candidate]) -> Iterator[Candidate]:
        for candidate in itertools.islice(found, self._configuration.candidate_count):
            self.result.generated_count += 1
            yield candidate

    def _try(self, laboratory: Laboratory, found: Iterator[Candidate], limit: float) -> tuple[list[Trial], list[Trial]]:
        """The plausible trials, and the most promising of those that only ran out of time."""
        plausible: list[Trial] = []
        slow: list[Trial] = []
        deadline = self._deadline
        begun = time.monotonic()
        trials = laboratory.run(found, self._forks, limit, deadline)
        for trial in trials:
            self.result.tried_count += 1
            if trial.plausible:
                plausible.append(trial)
                if len(plausible) == 1:
                    deadline = min(deadline, time.monotonic() + _extra(time.monotonic() - begun))
            elif trial.verdict == TIMEOUT:
                slow.append(trial)
            if len(plausible) >= self._configuration.plausible_count or time.monotonic() > deadline:
                break
        trials.close()  # type: ignore[attr-defined]  # a generator
        self.result.stop = self._stop(plausible)
        slow.sort(key=lambda trial: (-trial.passed_count, trial.candidate.priority))
        return plausible, slow[:_RETRY_COUNT]

    def _stop(self, plausible: Sequence[Trial]) -> str:
        if plausible:
            return "enough"
        if time.monotonic() > self._deadline:
            return "time"
        if self.result.generated_count >= self._configuration.candidate_count:
            return "candidates"
        return "exhausted"


def _extra(seconds: float) -> float:
    """How much longer to search when the first plausible candidate took so long."""
    return min(max(_EXTRA_SECONDS, _EXTRA_SHARE * seconds), _MOST_EXTRA_SECONDS)
