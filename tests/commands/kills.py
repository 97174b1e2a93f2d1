"""Kills a child of ours at each step on the file system, one run after the other."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator

STEPS = frozenset({"open", "os.rename", "os.remove", "os.chmod", "os.mkdir", "os.truncate", "os.link"})
MOST = 500


def at_every_step(prepare: Callable[[], None], work: Callable[[], object]) -> Iterator[int]:
    """Run `work` in a child that is killed (SIGKILL) before its n-th step on files, for n = 1, 2, ...

    Yields n after each kill, so that the caller can look at what is there; ends when the child got
    through. `prepare` runs before each.
    """
    for number in range(1, MOST):
        prepare()
        child = os.fork()
        if child == 0:
            _until(number, work)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the work failed by itself"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield number
    raise AssertionError(f"not at its end after {MOST} steps")


def _until(number: int, work: Callable[[], object]) -> None:
    left = number

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event not in STEPS or (event == "open" and not _writes(arguments)):
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    code = 1
    try:
        sys.addaudithook(count)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - said, then this child is gone
        traceback.print_exc()
    finally:
        os._exit(code)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
