"""PURE: keeps a prediction server free of libraries and of work that answers nobody."""

import gc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class Without:
    """An import finder that says: not here."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse the names; everything else is for the next finder."""
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is not loaded in this process", name=name)
        return None


_FRAMES = Without("pandas")


def stay_lean() -> None:
    """scikit-learn looks for pandas only to recognise frames. Few models are given one, and it weighs 60 MB."""
    sys.meta_path[:0] = [_FRAMES, Without("pyarrow")]


def let_frames_in() -> None:
    """For a model that was made elsewhere and takes nothing but a frame."""
    if _FRAMES in sys.meta_path:
        sys.meta_path.remove(_FRAMES)


def tidy_seldom() -> None:
    """Look for rings of objects after 50,000 new ones, not after 700, and never among those that are here to stay.

    A request of many rows makes thousands of objects and no ring. Without this, each look walks the whole process.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
