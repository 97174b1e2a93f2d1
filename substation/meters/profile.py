"""A meter model, read from `profiles/<name>.toml`: an engineer adds one without Python.

Registers stand in the file **as printed in the manual** (40101); `Profile.address` is the one place
where that becomes an address on the wire (100).
"""

import functools
import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from substation.errors import ProfileError
from substation.meters.decode import WordOrder
from substation.quantities import BY_KEY

FOLDER = Path(__file__).parent / "profiles"
REFERENCE = {3: 40001, 4: 30001}
"""The number that manuals print for wire address 0, by function code."""
WORDS = 2
"""Registers of one float32."""


class Profile(BaseModel):
    """A meter model: where each quantity stands and how to ask for it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    model: str = Field(description="Maker and model, as on the front of the meter.")
    source: str = Field(description="Manual, page and date, so that a doubt can be looked up.")
    verified: bool = Field(description="Whether it was read from a real meter of this model.")
    function: Literal[3, 4] = 3
    encoding: Literal["float32"] = "float32"
    word_order: WordOrder = "ABCD"
    max_registers: int = Field(125, ge=2, le=125, description="The longest block the meter answers.")
    registers: dict[str, int]

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        first = REFERENCE[self.function]
        taken: dict[int, str] = {}
        for key, register in self.registers.items():
            if key not in BY_KEY:
                raise ValueError(
                    f"registers.{key}: no such quantity; the names stand in docs/reference/quantities.md"
                )
            if not first <= register <= first + 65534:
                raise ValueError(
                    f"registers.{key}: {register} is no register of function {self.function:02d}; "
                    f"write it as printed, from {first}"
                )
            for word in range(register, register + WORDS):
                if word in taken:
                    raise ValueError(
                        f"registers.{key}: {register} overlaps {taken[word]}; each value has two registers"
                    )
                taken[word] = key
        if not self.registers:
            raise ValueError("registers: none; name at least one quantity")
        return self

    def address(self, key: str) -> int:
        """Return the quantity's first address on the wire, 0-based."""
        return self.registers[key] - REFERENCE[self.function]


def load_file(path: Path) -> Profile:
    """Return the profile in a TOML file, or raise ProfileError that names file, row and remedy."""
    try:
        with path.open("rb") as file:
            return Profile.model_validate(tomllib.load(file))
    except FileNotFoundError:
        known = ", ".join(names())
        raise ProfileError(f"meter profile '{path.stem}' does not exist; known: {known}") from None
    except tomllib.TOMLDecodeError as exc:
        raise ProfileError(f"{path.name}: not readable as TOML: {exc}; correct that line") from exc
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}{': ' if fault['loc'] else ''}"
            f"{fault['msg'].removeprefix('Value error, ')}"
            for fault in exc.errors()
        )
        raise ProfileError(f"{path.name}: {faults}") from exc


@functools.cache
def load(name: str) -> Profile:
    """Return the shipped profile of that name, or raise ProfileError."""
    if not name.replace("_", "").isalnum():
        raise ProfileError(
            f"meter profile '{name}': a name has letters, digits and _ only; known: {', '.join(names())}"
        )
    return load_file(FOLDER / f"{name}.toml")


def names() -> list[str]:
    """Return the names of the shipped profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
