"""Tables, schemas and profiles for tests, shaped as the data room stores them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from storage import tables

TYPES = {"int64": "integer", "double": "number", "bool": "boolean", "string": "text", "date32[day]": "date"}


def schema_of(table: pa.Table) -> list[dict[str, Any]]:
    """{name, type, nullable} of each column."""
    return [
        {
            "name": field.name,
            "type": TYPES.get(str(field.type), "datetime"),
            "nullable": table.column(field.name).null_count > 0,
        }
        for field in table.schema
    ]


def profile_of(table: pa.Table) -> dict[str, Any]:
    """The parts of a profile that the experiments room reads."""
    columns = []
    for field in schema_of(table):
        column = table.column(field["name"])
        entry: dict[str, Any] = {"name": field["name"], "type": field["type"], "missing": column.null_count}
        entry["distinct"] = pc.count_distinct(column.drop_null()).as_py()
        if field["type"] in ("integer", "number"):
            ends = pc.min_max(column).as_py()
            entry |= {"min": ends["min"], "max": ends["max"]}
        if entry["distinct"] <= 20 and field["type"] not in ("date", "datetime"):
            counts = pc.value_counts(column.drop_null()).to_pylist()
            entry["top"] = [{"value": item["values"], "count": item["counts"]} for item in counts]
        columns.append(entry)
    return {"rows": table.num_rows, "columns": columns, "sample": []}


def telco(folder: Path) -> pa.Table:
    """The churn table; the blanks of TotalCharges are missing."""
    options = csv.ConvertOptions(
        column_types={"TotalCharges": pa.float64()}, null_values=["", " "], strings_can_be_null=True
    )
    return csv.read_csv(folder / "tabular" / "telco_churn.csv", convert_options=options)


def bikes(folder: Path) -> pa.Table:
    """The bike sharing table."""
    return csv.read_csv(folder / "timeseries" / "bike_sharing_hourly.csv")


def story(rows: int = 600, seed: int = 1) -> pa.Table:
    """A small churn-like table with every type, gaps, an identifier, a constant, an empty column and a twin."""
    chance = np.random.default_rng(seed)
    plan = chance.choice(["monthly", "yearly", "flex"], rows, p=[0.6, 0.3, 0.1])
    tenure = chance.integers(0, 72, rows)
    price = np.round(chance.normal(60, 20, rows), 2)
    push = 1.4 * (plan == "monthly") - 0.04 * tenure + 0.015 * price - 0.8
    left = chance.random(rows) < 1 / (1 + np.exp(-push))
    start = np.datetime64("2024-01-01") + chance.integers(0, 700, rows)
    gaps = chance.random(rows) < 0.1
    return pa.table(
        {
            "customer": [f"c{number:06d}" for number in range(rows)],
            "plan": pa.array(plan, mask=chance.random(rows) < 0.05),
            "tenure": pa.array(tenure, pa.int64()),
            "price": pa.array(price, mask=gaps),
            "price_again": pa.array(price, mask=gaps),
            "senior": pa.array(chance.random(rows) < 0.2),
            "since": pa.array(start.astype("datetime64[D]")),
            "seen": pa.array(start.astype("datetime64[us]") + chance.integers(0, 86_400, rows) * 1_000_000),
            "same": pa.array(["x"] * rows),
            "empty": pa.array([None] * rows, pa.float64()),
            "left": pa.array(np.where(left, "Yes", "No")),
            "spend": pa.array(np.round(20 + price * (1 + 0.3 * (plan == "flex")) + 0.5 * tenure, 2)),
        }
    )


def write(table: pa.Table, path: Path) -> Path:
    """The table as the platform stores it."""
    tables.write(path, table.schema, table.to_batches())
    return path
