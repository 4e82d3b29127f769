"""The demo, small: what a newcomer sees first must be true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.run import main


@pytest.mark.slow
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
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        _alerts_are_those_of_the_two_tables(warehouse)
        _dimensions_are_those_of_the_removed_copies(warehouse)


def _alerts_are_those_of_the_two_tables(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Hours without a copy to remove are equal in both, so that they add nothing."""
    told = _alerts(warehouse)
    assert [feature for feature, *_ in told] == ["captures_per_authorization", "chargeback_rate"]
    assert sum(false_alerts for *_, false_alerts, _ in told) > 0
    for feature, threshold, false_alerts, missed_alerts in told:
        before, after = (
            {
                (merchant, hour)
                for merchant, hour, value in warehouse.execute(
                    f"select merchant_id, event_hour, {feature} from main_analytics.{table}"
                ).fetchall()
                if value is not None and value >= threshold
            }
            for table in ("fraud_features__replaced_strays_2026_03_01", "fraud_features")
        )
        assert (len(before - after), len(after - before)) == (false_alerts, missed_alerts)


def _alerts(warehouse: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return warehouse.execute(
        "select feature, threshold, false_alerts, missed_alerts "
        "from main_incident.incident_impact_on_alerts order by feature"
    ).fetchall()


def _dimensions_are_those_of_the_removed_copies(warehouse: duckdb.DuckDBPyConnection) -> None:
    told = warehouse.execute(
        "select dimension, value, sum(removed_count) as removed_count "
        "from main_incident.incident_impact_by_dimension "
        "group by all having removed_count > 0 order by all"
    ).fetchall()
    quarantined = warehouse.execute(
        """
        select
            dimension,
            coalesce(json_extract_string(payload, '$.' || dimension), '(none)') as value,
            count(*)
        from main_audit.quarantined_events, unnest(['channel', 'country']) as paths (dimension)
        group by all order by all"""
    ).fetchall()
    assert told == quarantined
    assert len(told) > 10


def test_the_demo_refuses_an_impossible_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad argument is one clear error, before anything is written."""
    with pytest.raises(SystemExit):
        main(["--events", "0", "--folder", str(tmp_path / "demo")])
    assert "events" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
