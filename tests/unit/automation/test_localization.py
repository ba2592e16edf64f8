"""Ochiai's coefficient over the spectra of tests."""

import pytest
from maestro_services.automation.search.localization import Suspicion

PATH = "f.py"


def test_a_line_of_failing_tests_alone_is_most_suspicious():
    suspicion = Suspicion([{PATH: {1, 2}}], [{PATH: {1}}, {PATH: {1, 3}}])
    assert suspicion.scores[PATH, 2] == 1
    assert suspicion.scores[PATH, 1] == pytest.approx(1 / 3**0.5)
    assert (PATH, 3) not in suspicion.scores
    assert [line for (_, line), _ in suspicion.ranked()] == [2, 1]


def test_without_passing_tests_all_executed_lines_are_alike():
    suspicion = Suspicion([{PATH: {1, 2}}, {PATH: {1, 2}}], [])
    assert set(suspicion.scores.values()) == {1.0}


def test_a_continuation_line_takes_most_of_the_line_above_in_its_statement():
    suspicion = Suspicion([{PATH: {4}}], [])
    assert suspicion.at(PATH, 5, first=4) == pytest.approx(0.9)
    assert suspicion.at(PATH, 6, first=6) == 0
