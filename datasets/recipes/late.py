"""PURE: Ibis, loaded when something is first compiled: pages list steps and rules without it, and start sooner."""

from typing import Any


class _Late:
    """Stands for the module until it is needed."""

    def __getattr__(self, name: str) -> Any:
        import ibis

        return getattr(ibis, name)


ibis: Any = _Late()
