"""How our command lines speak: argparse with the station's exit code for wrong usage. Stdlib only."""

import argparse
import sys
from typing import NoReturn

EXIT_USAGE = 64
"""As `substation.errors.EXIT_USAGE`."""


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with 64 and names `--help` when it is used wrongly."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong and end the program."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}. See {self.prog} --help\n")
