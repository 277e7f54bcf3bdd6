"""PURE: every kind of step, in the order in which pages offer them. A new one is one file and one line here."""

from datasets.recipes.base import Step
from datasets.recipes.steps.agree import Agree
from datasets.recipes.steps.bins import Bins
from datasets.recipes.steps.change_type import ChangeType
from datasets.recipes.steps.choose_columns import ChooseColumns
from datasets.recipes.steps.clean_text import CleanText
from datasets.recipes.steps.convert_units import ConvertUnits
from datasets.recipes.steps.derive import Derive
from datasets.recipes.steps.drop_duplicates import DropDuplicates
from datasets.recipes.steps.drop_missing import DropMissing
from datasets.recipes.steps.fill_missing import FillMissing
from datasets.recipes.steps.group_rows import GroupRows
from datasets.recipes.steps.join_dataset import JoinDataset
from datasets.recipes.steps.keep_rows import KeepRows
from datasets.recipes.steps.map_values import MapValues
from datasets.recipes.steps.outliers import Outliers
from datasets.recipes.steps.pivot import Pivot
from datasets.recipes.steps.read_dates import ReadDates
from datasets.recipes.steps.read_numbers import ReadNumbers
from datasets.recipes.steps.rename_columns import RenameColumns
from datasets.recipes.steps.replace_text import ReplaceText
from datasets.recipes.steps.sample_rows import SampleRows
from datasets.recipes.steps.sort_rows import SortRows
from datasets.recipes.steps.split_address import SplitAddress
from datasets.recipes.steps.union_rows import UnionRows
from datasets.recipes.steps.window import Window

GROUPS: dict[str, tuple[Step, ...]] = {
    "Mend cells": (FillMissing(), MapValues(), CleanText(), ReplaceText(), Agree(), Outliers()),
    "Read cells": (ReadNumbers(), ReadDates(), ConvertUnits(), ChangeType(), SplitAddress()),
    "Columns": (Derive(), Bins(), RenameColumns(), ChooseColumns()),
    "Rows": (KeepRows(), DropMissing(), DropDuplicates(), SampleRows(), SortRows()),
    "Tables": (JoinDataset(), UnionRows(), GroupRows(), Window(), Pivot()),
}
STEPS: dict[str, Step] = {step.kind: step for group in GROUPS.values() for step in group}
