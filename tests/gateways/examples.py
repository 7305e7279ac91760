"""The worked examples of docs/gateways.md, read out of the page."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "gateways.md"


def example(name: str) -> str:
    """The TOML of one service, as it stands there."""
    blocks = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if f"[gateways.{name}]" in block)


def names() -> list[str]:
    """Of all that stand there."""
    return re.findall(r"^\[gateways\.([a-z]+)\]$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def at(text: str, origin: str) -> str:
    """The same, calling `origin` instead of the service itself; the path stays."""
    moved, count = re.subn(r'^url = "https://[^/"]+', f'url = "{origin}', text, flags=re.MULTILINE)
    assert count == 1
    return moved
