"""PURE: groups and unusual rows in numbers that people read: how large, what is typical, what is most unlike the rest.

A group is unlike the rest in a number by how many of the column's own spreads its average lies off that of the other
rows, in a word by how much more often it is there. A row is unusual because of a column by how much less unusual it
were with the column's typical value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from experiments.columns import days_of, numbers_of, words_of
from experiments.matrices import GAP, Layout
from experiments.references import is_text, plain
from experiments.unlabelled.asking import oddness, placed, spaced

Array = np.ndarray[Any, Any]
Row = Mapping[str, Any]
MOST_UNLIKE, MOST_ROWS, MOST_WHY, MOST_POINTS = 6, 12, 5, 400


def groups(table: pa.Table, inputs: Sequence[Row], places: Array, names: Sequence[str]) -> list[dict[str, Any]]:
    """Each group: rows, share of all, and the columns in which it is most unlike the rest, the most unlike first."""
    found = []
    columns = [(field, _column(table, field)) for field in inputs if not is_text(field)]
    for place, name in enumerate(names):
        mine = places == place
        told = {"called": name, "rows": int(mine.sum()), "share": float(mine.mean()) if mine.size else 0.0}
        unlike = [one for field, values in columns if (one := _unlike(field, values, mine))]
        unlike.sort(key=lambda one: (-abs(one["off"]), one["name"]))
        found.append(told | {"unlike": unlike})
    return found


def _column(table: pa.Table, field: Row) -> Array:
    column = table.column(field["name"])
    if field["type"] in ("text", "boolean"):
        return words_of(column)
    if field["type"] in ("date", "datetime"):
        return np.asarray(days_of(column), dtype=np.float64)
    return numbers_of(column)


def _unlike(field: Row, values: Array, mine: Array) -> dict[str, Any] | None:
    """One column of a group against the other rows; None where there is nothing to compare."""
    if not mine.any() or mine.all():
        return None
    if field["type"] in ("text", "boolean"):
        return _word(field["name"], values, mine)
    here, rest = values[mine], values[~mine]
    here, rest = here[~np.isnan(here)], rest[~np.isnan(rest)]
    spread = float(np.nanstd(values))
    if not here.size or not rest.size or spread == 0:
        return None
    kind = "moment" if field["type"] in ("date", "datetime") else "number"
    off = float(here.mean() - rest.mean()) / spread
    middle = {"here": _said(kind, np.median(here)), "elsewhere": _said(kind, np.median(rest))}
    return {"name": field["name"], "what": kind, "off": off, **middle}


def _said(kind: str, value: Any) -> Any:
    return str(np.datetime64("1970-01-01") + int(value)) if kind == "moment" else float(value)


def _word(name: str, values: Array, mine: Array) -> dict[str, Any] | None:
    """The word by whose share a group differs most; only more often counts, as “mostly” says more than “rarely”."""
    words, codes = np.unique(values.astype(str), return_inverse=True)
    here = np.bincount(codes[mine], minlength=len(words)) / mine.sum()
    rest = np.bincount(codes[~mine], minlength=len(words)) / (~mine).sum()
    best = int(np.argmax(here - rest))
    share = np.bincount(codes, minlength=len(words))[best] / len(codes)
    spread = float(np.sqrt(share * (1 - share)))
    if spread == 0:
        return None
    word = "" if words[best] == GAP else str(words[best])
    shares = {"here": float(here[best]), "elsewhere": float(rest[best])}
    return {"name": name, "what": "word", "word": word, "off": float(here[best] - rest[best]) / spread, **shares}


def flat(ready: Array, places: Array, names: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Some rows on the plane in which rows are most spread (principal components), with their groups."""
    from sklearn.decomposition import PCA

    if ready.shape[1] < 2 or len(ready) < 3:
        return []
    some = np.arange(len(ready))
    if some.size > MOST_POINTS:
        some = np.sort(np.random.default_rng(seed).choice(some, MOST_POINTS, replace=False))
    plane = PCA(2, random_state=seed, svd_solver="full").fit(ready).transform(ready[some])
    return [
        {"called": name, "x": np.round(mine[:, 0], 3).tolist(), "y": np.round(mine[:, 1], 3).tolist()}
        for place, name in enumerate(names)
        if len(mine := plane[places[some] == place])
    ]


def typical(matrix: Array, layout: Layout) -> Array:
    """One row of the typical value of every column: the middle of numbers, the most frequent word."""
    row = np.empty(matrix.shape[1], dtype=object)
    for place in range(matrix.shape[1]):
        if place in layout.words:
            words, counts = np.unique(matrix[:, place].astype(str), return_counts=True)
            row[place] = str(words[np.argmax(counts)])
        else:
            known = matrix[:, place].astype(np.float64)
            row[place] = float(np.median(known[~np.isnan(known)])) if (~np.isnan(known)).any() else np.nan
    return row


def reasons(model: Any, row: Array, usual: Array, layout: Layout) -> list[dict[str, Any]]:
    """Which inputs make one row unusual: how much less unusual it were with the typical value, largest first."""
    changed = np.repeat(row[None, :], len(layout.inputs) + 1, axis=0)
    for number, (name, _) in enumerate(layout.inputs, start=1):
        for place in layout.places[name]:
            changed[number, place] = usual[place]
    scores = oddness(model, changed)
    drops = [
        {"name": name, "drop": float(scores[0] - scores[number]), "usually": _usually(usual, layout, name)}
        for number, (name, _) in enumerate(layout.inputs, start=1)
    ]
    drops = [one for one in drops if one["drop"] > 0]
    return sorted(drops, key=lambda one: (-one["drop"], one["name"]))[:MOST_WHY]


def _usually(usual: Array, layout: Layout, name: str) -> Any:
    """The typical value of an input as people read it; dates stand in the matrix in parts, so theirs is left out."""
    places = layout.places[name]
    if len(places) > 1:
        return None
    value = usual[places[0]]
    return (None if value == GAP else value) if isinstance(value, str) else (None if np.isnan(value) else float(value))


def most_unusual(
    model: Any, table: pa.Table, matrix: Array, layout: Layout, usual: Array, places: Array, edge: float
) -> list[dict[str, Any]]:
    """The rows with the highest scores, each with its values and reasons. `places` are theirs in the stored table."""
    score = oddness(model, matrix)
    names = [name for name, _ in layout.inputs]
    found = []
    for place in np.argsort(-score, kind="stable")[:MOST_ROWS]:
        values = table.select(names).slice(int(place), 1).to_pylist()[0]
        cells = [{"name": name, "what": "cell", "value": plain(value)} for name, value in values.items()]
        why = reasons(model, matrix[place], usual, layout)
        one = {"row": int(places[place]), "score": float(score[place]), "flagged": bool(score[place] > edge)}
        found.append(one | {"cells": cells, "why": why})
    return found


def scores(score: Array, edge: float, truth: Array) -> dict[str, Any]:
    """How the scores of held-back rows lie: counts in forty bins, those of known cases beside."""
    ends = np.linspace(float(score.min()), float(score.max()) or 1.0, 41) if score.size else np.linspace(0, 1, 41)
    counts = np.histogram(score, ends)[0]
    cases = np.histogram(score[truth == 1], ends)[0]
    return {"ends": ends.tolist(), "counts": counts.tolist(), "cases": cases.tolist(), "edge": edge}


def told(
    signature: Row,
    model: Any,
    parts: tuple[pa.Table, Array, Array],
    inputs: Sequence[Row],
    layout: Layout,
    train: Array,
    truth: Array,
    seed: int,
) -> dict[str, Any]:
    """What a run keeps of its groups or of its most unusual rows. `parts`: held-back table, its matrix, its places."""
    table, matrix, places = parts
    if signature["kind"] == "anomaly":
        edge, score = signature["edge"], oddness(model, matrix)
        usual = typical(train, layout)
        rows = most_unusual(model, table, matrix, layout, usual, places, edge)
        return {"unusual": rows, "scores": scores(score, edge, truth), "share": signature["share"]}
    own, away = placed(model, matrix, signature["order"])
    found = groups(table, inputs, own, signature["classes"])
    for place, one in enumerate(found):
        one["unlike"] = one["unlike"][:MOST_UNLIKE]
        one["away"] = float(np.median(away[own == place])) if (own == place).any() else None
    points = flat(spaced(model, matrix), own, signature["classes"], seed)
    return {"groups": found, "plane": {"drawn_from": [field["name"] for field in inputs], "points": points}}
