#!/usr/bin/env python3
"""Makes, shows, changes and checks the sealed configuration of the station.

Try `python3 encrypt_config.py --help`.
"""

from substation.commands.doors import go_on_in_venv

if __name__ == "__main__":
    go_on_in_venv(__file__)

    from substation.commands.configuration import main

    raise SystemExit(main())
