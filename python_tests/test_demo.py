"""The demo, small: what a newcomer sees first must be true."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.run import main


def test_the_demo_ends_with_tables_equal_to_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`main` gives 0 only if removals, GMV and both curated tables are those of the labels."""
    code = main(["--events", "4000", "--seed", "11", "--folder", str(tmp_path)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "payments: 0 rows differ from the truth" in printed
    assert "fraud_features: 0 rows differ from the truth" in printed
    assert "[10/10]" in printed


def test_the_demo_refuses_an_impossible_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad argument is one clear error, before anything is written."""
    with pytest.raises(SystemExit):
        main(["--events", "0", "--folder", str(tmp_path / "demo")])
    assert "events" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
