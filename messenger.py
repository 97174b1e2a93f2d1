#!/usr/bin/env python3
"""The messenger's door: tells people of alarms when nobody looks. `python3 messenger.py --help`."""

import sys

from substation.commands.doors import go_on_in_venv

if __name__ == "__main__":
    go_on_in_venv(__file__)

    from substation.messages import process

    sys.exit(process.main())
