"""The dashboard: `python3 app.py`, or `gunicorn --worker-class gthread --threads 128 app:server`."""

import sys

from substation.commands.doors import go_on_in_venv

go_on_in_venv(__file__)

from substation.dashboard.serve import main, server  # noqa: E402  after the door has found its packages

__all__ = ["server"]

if __name__ == "__main__":
    sys.exit(main())
