"""PURE: keeps a prediction server free of libraries that others would take along without need."""

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
