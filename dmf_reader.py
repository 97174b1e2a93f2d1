#!/usr/bin/env python3
"""The poller's door: asks every meter, keeps what they say. `python3 dmf_reader.py --help`."""

import sys

from substation.commands.doors import go_on_in_venv

if __name__ == "__main__":
    go_on_in_venv(__file__)

    from substation.acquisition.process import main

    sys.exit(main())
