"""`python -m substation.reports`: a document as JSON on standard input, its PDF on standard output.

The child process of `child.made`. It opens no store and no configuration, and learns no key.
"""

import resource
import signal
import sys

from substation.errors import EXIT_OK, EXIT_USAGE, SubstationError
from substation.reports.child import FAILED, MOST_BYTES
from substation.reports.document import unpacked


def main() -> int:
    """Do it; return the exit code."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for number in (signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    code, output = answer(sys.stdin.buffer.read())
    stream = sys.stderr if code else sys.stdout
    stream.buffer.write(output)
    stream.buffer.flush()
    return code


def answer(packed: bytes) -> tuple[int, bytes]:
    """Return exit code 0 and the PDF, or another and the reason in words."""
    try:
        document = unpacked(packed)
    except (ValueError, KeyError, TypeError):
        return EXIT_USAGE, b"This makes the PDF of forms. Type: python3 datalogger.py --help\n"
    try:
        from substation.reports.pdf import pdf  # noqa: PLC0415 - here alone, and within the limit of memory

        return EXIT_OK, pdf(document)
    except SubstationError as exc:
        return FAILED, f"{exc}\n".encode()
    except MemoryError:
        return FAILED, b"the PDF needs more memory than it may take; choose fewer meters or days\n"


if __name__ == "__main__":
    sys.exit(main())
