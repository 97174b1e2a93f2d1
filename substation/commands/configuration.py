"""The command line behind `encrypt_config.py`: the sealed configuration of the station."""

from substation.commands.configuration_make import make_station

__all__ = ["main", "make_station"]


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code (0 done, 64 wrong usage, 75 busy, 78 configuration)."""
    raise NotImplementedError
