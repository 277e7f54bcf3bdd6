"""Real streams as windows through the engine: a kept reference first, then one report for each window in order."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

from experiments.references import reference_inputs
from monitoring import rules
from monitoring.drift.report import of_table
from tests.conftest import DATA

STREAMS = DATA / "timeseries"
LOAN = ["car_value", "salary_range", "debt_to_income_ratio", "loan_length"]
LOAN += ["repaid_loan_on_prev_car", "size_of_downpayment", "driver_tenure"]
ELEC = ["nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]


def read(name: str, columns: list[str]) -> pd.DataFrame:
    """Some columns of a stream."""
    frame: pd.DataFrame = pd.read_csv(STREAMS / name)[columns]
    return frame


def loans() -> pd.DataFrame:
    """50,000 loans of the reference, then 50,000 of the analysis."""
    parts = [f"nannyml_car_loan/synthetic_car_loan_{part}.csv.gz" for part in ("reference", "analysis")]
    return pd.concat([read(part, LOAN) for part in parts], ignore_index=True)


def rides() -> pd.DataFrame:
    """Boardings by day, without the days that stand there twice."""
    frame = pd.read_csv(STREAMS / "cta_ridership_daily.csv").drop_duplicates("service_date")
    frame["service_date"] = pd.to_datetime(frame["service_date"])
    return frame.sort_values("service_date").reset_index(drop=True)


def replay(frame: pd.DataFrame, kept: int, size: int, first: int | None = None) -> Iterator[tuple[int, list[str]]]:
    """Where each window starts, and the names of the inputs that moved, the most moved one first."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    kinds = [{"name": field.name, "type": _kind(field.type)} for field in table.schema]
    reference = reference_inputs(table.slice(0, kept), kinds)
    for start in range(kept if first is None else first, table.num_rows - size + 1, size):
        entries = of_table(table.slice(start, size).to_batches(), reference, kept)
        moved = [entry for entry in entries if rules.moved(entry, rules.Limits())]
        yield start, [entry["name"] for entry in sorted(moved, key=lambda entry: -entry["psi"])]


def _kind(stored: Any) -> str:
    if pa.types.is_boolean(stored):
        return "boolean"
    return "number" if pa.types.is_floating(stored) or pa.types.is_integer(stored) else "text"
