"""How our command lines speak: argparse with the station's exit code for wrong usage. Stdlib only."""

import argparse
import os
import sys
from typing import Any, NoReturn

EXIT_USAGE = 64
"""As `substation.errors.EXIT_USAGE`."""


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with 64 and names `--help` when it is used wrongly."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong and end the program."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}. See {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known right here: the command that got it names its own help."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unknown: {' '.join(unknown)}")
        return found, unknown


def say(words: str) -> None:
    """Tell the person what goes on; when nobody listens any more, go on in silence.

    `./start.sh --demo | head -3` closes our output, a terminal that is gone fails it: neither is a
    reason to end a station. What is said later goes nowhere, also what Python writes out at its end.
    """
    try:
        print(words, flush=True)
    except OSError:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, sys.stdout.fileno())
        os.close(silence)


def for_the_log(words: str) -> None:
    """Say on standard error what stands on standard output already: for the poller, which keeps only that.

    A person at a terminal reads it once.
    """
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        print(words, file=sys.stderr)


def count(text: str) -> int:
    """Return a whole number from 1 to a million, as an option takes it."""
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"'{text:.40}' is no whole number from 1 to 1000000")
    return int(text)
