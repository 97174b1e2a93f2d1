#!/usr/bin/env python3
"""The poller's door: asks every meter, keeps what they say. `python3 dmf_reader.py --help`.

With a word behind it (`scan`, `read` ...) it is the engineer's tool on the line instead.
"""

import sys

from substation.commands.doors import go_on_in_venv

if __name__ == "__main__":
    go_on_in_venv(__file__)

    if sys.argv[1:] and (sys.argv[1] in ("-h", "--help") or not sys.argv[1].startswith("-")):
        from substation.commands import reader

        sys.exit(reader.main())

    from substation.acquisition import process

    sys.exit(process.main())
