"""A suite that nobody here wrote gives, test by test, the outcomes of plain pytest in the same environment."""

from pathlib import Path

from maestro_client import Maestro

from tests.e2e.conftest import PlatformProcess
from tests.e2e.foreign import differences, fetch, maestro_outcomes, plain_outcomes


async def test_click_gives_the_outcomes_of_plain_pytest(platform: PlatformProcess, tmp_path: Path) -> None:
    suite = fetch("click==8.5.1", into=tmp_path)
    async with Maestro(platform.address, token=platform.token) as maestro:
        ours = await maestro_outcomes(maestro, suite)
    plain = plain_outcomes(suite, tmp_path / "plain.xml")
    assert len(plain) > 2000
    assert not differences(plain, ours)
