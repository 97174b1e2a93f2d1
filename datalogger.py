#!/usr/bin/env python3
"""The stores' door: what the history holds, its events, the audit log. `python3 datalogger.py --help`."""

import sys

from substation.commands.doors import go_on_in_venv

if __name__ == "__main__":
    go_on_in_venv(__file__)

    from substation.commands.datalogger import main

    sys.exit(main())
