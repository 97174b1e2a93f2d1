"""The faults that the typed model finds, each with the setting's name and in words that say what to do."""

from pydantic import BaseModel, ValidationError

from substation.settings.bounds import OUT_OF_BOUNDS, outside
from substation.settings.messages import PLAIN_FIELDS


def told(error: ValidationError, root: type[BaseModel]) -> list[tuple[str, str]]:
    """Return (setting as `encrypt_config.py set` writes it, what is wrong); empty name: of the whole."""
    found = []
    faults = error.errors()
    for fault in faults:
        if fault["type"] == "too_short" and any(
            len(f["loc"]) > len(fault["loc"]) and f["loc"][0] == fault["loc"][0] for f in faults
        ):
            continue  # pydantic counts only the good items: the bad one is named already
        path = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "no such setting; remove it or correct its spelling"
        elif fault["type"] == "missing":
            message = "is missing; set it"
        value = "" if _secret(path) else f"{fault['input']!r:.60}"
        if fault["type"] in OUT_OF_BOUNDS:
            message = outside(root, fault["loc"], value)
        shown = f" (found: {value})" if value and value not in message else ""
        if not path or fault["type"] == "missing":
            shown = ""
        found.append((path, f"{message}{shown}"))
    return found


def _secret(path: str) -> bool:
    if path.startswith("messages.recipients") or path == "messages":
        names = [part for part in path.split(".")[2:] if not part.isdecimal()]
        return not names or names[0] not in PLAIN_FIELDS
    return "password" in path or "audit_keys" in path
