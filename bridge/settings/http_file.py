"""The file of `BRIDGE_HTTP_GATEWAYS`, as text, and the values of the `${NAME}`s in it. What it says, others read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.domain.errors import SettingsError

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
MOST_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpFile:
    """`values`: by name, of those in it that are set; all of them are secrets. `names`: of all that is set anywhere."""

    path: str
    text: str
    values: Mapping[str, str] = field(repr=False)
    names: frozenset[str] = field(default=frozenset(), repr=False)


def read_http_file(path: str, environment: Mapping[str, str]) -> HttpFile:
    """Raises `SettingsError` for a file that cannot be read. A value may also stand in the file of `NAME_FILE`."""
    text = _text("BRIDGE_HTTP_GATEWAYS", path)
    values = {}
    for name in dict.fromkeys(NAME.findall(text)):
        value = environment.get(name, "").strip()
        if not value and (file := environment.get(f"{name}_FILE", "").strip()):
            value = _text(f"{name}_FILE", file).strip()
        if value:
            values[name] = value
    names = frozenset(name.removesuffix("_FILE") for name in environment)
    return HttpFile(path=path, text=text, values=values, names=names)


def _text(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            found = file.read(MOST_BYTES + 1)
        if len(found) > MOST_BYTES:
            raise SettingsError(f"{name}: {path} is larger than {MOST_BYTES} bytes")
        return found.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: cannot read {path}: it is not UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise SettingsError(f"{name}: cannot read {path}: {getattr(error, 'strerror', error)}") from None
