"""PURE: a share of the rows, by chance that can be repeated."""

from datasets.recipes.base import Learned, Params, Step, Tables
from datasets.recipes.fields import Field
from datasets.recipes.frame import Frame


class SampleRows(Step):
    """A row is taken by the MD5 of seed and place, as engines' own random and hash functions differ."""

    kind = "sample_rows"
    title = "Take a sample"
    help = "The same seed takes the same rows of the same data."
    changes_rows = True
    fields = (
        Field("percent", "number", "Percent of the rows", low=0.001, high=100),
        Field("seed", "integer", "Seed", default=1, low=0, high=2**31),
    )

    def sentence(self, p: Params) -> str:
        return f"Take {p['percent']:g} % of the rows by chance (seed {p['seed']})."

    def apply(self, frame: Frame, p: Params, learned: Learned, tables: Tables) -> Frame:
        drawn = (f"{p['seed']}:" + frame.place.cast("string")).hexdigest("md5").left(12)
        if p["percent"] >= 100:
            return frame
        return frame.where(drawn < f"{int(p['percent'] / 100 * 16**12):012x}")
