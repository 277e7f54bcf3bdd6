"""What a child is told of the processor it runs on."""

from pathlib import Path

import pytest

from jobs import limits

ZEN4 = {"vendor_id": "AuthenticAMD", "cpu family": "25", "flags": "fpu avx2 avx512f avx512bw"}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (ZEN4, True),
        (ZEN4 | {"cpu family": "26"}, False),
        (ZEN4 | {"flags": "fpu avx2"}, False),
        (ZEN4 | {"vendor_id": "GenuineIntel"}, False),
        ({"Processor": "ARMv8"}, False),
    ],
)
def test_numpy_sorts_without_avx512_only_where_that_is_quicker(
    facts: dict[str, str], told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "cpuinfo"
    monkeypatch.setattr(limits, "PROCESSORS", place)
    assert limits.quick_sorting() == {}
    core = "".join(f"{name}\t: {value}\n" for name, value in facts.items())
    place.write_text(f"processor\t: 0\n{core}\nprocessor\t: 1\n{core}\n")
    assert bool(limits.quick_sorting()) is told
