"""Compile the requirement lists into hash-locked files and write each reason beside its pin."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LISTS = {
    HERE / "core.in": HERE.parent / "requirements.txt",
    HERE / "dev.in": HERE / "dev.txt",
    HERE / "boost.in": HERE / "boost.txt",
    HERE / "tune.in": HERE / "tune.txt",
    HERE / "onnx.in": HERE / "onnx.txt",
}


def reasons(source: Path) -> dict[str, str]:
    """Package name -> the comment that stands behind its pin."""
    found = {}
    for line in source.read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9_.-]+)(?:\[.*\])?==\S+\s+#\s*(.+)", line):
            found[match[1].lower().replace("_", "-")] = match[2]
    return found


def with_reasons(text: str, why: dict[str, str], source: Path) -> str:
    """Replace uv's `# via` notes: a direct pin carries its reason, the others the package that needs them."""
    lines = [f"# Made by `make lock` from requirements/{source.name}. Hash-locked; do not edit by hand."]
    for line in text.splitlines():
        if match := re.match(r"([a-z0-9.-]+)(?:\[.*\])?==", line):
            lines += [f"# {why[match[1]]}"] if match[1] in why else []
        if not line.lstrip().startswith("# via -r") and not line.lstrip().startswith("#   -r"):
            lines.append(line.replace(f"{HERE.resolve()}/", "requirements/"))  # of no machine
    return "\n".join(lines) + "\n"


def main() -> None:
    """Lock all lists, the others under the core's constraints."""
    for source, target in LISTS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-emit-index-url", "--no-emit-find-links", str(source)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        target.write_text(with_reasons(text, reasons(source), source))


if __name__ == "__main__":
    main()
