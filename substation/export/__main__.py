"""`python -m substation.export`: the child process of an export; see `running.start`."""

import sys

from substation.export.engine import main

sys.exit(main())
