#!/usr/bin/env bash
# Installs what the tests need, then runs every check; arguments go to pytest: ./test.sh tests/bus
# Without a tool that it may not install (Chromium, mbpoll ...) its tests are skipped; with CI=true it fails.
set -uo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
cd -- "$here" || exit 1
if [ "${1:-}" = --help ]; then
    sed -n '2,3s/^# //p' test.sh
    exit 0
fi
python3 -m substation.commands.environment --tests || exit
bin=${SUBSTATION_VENV:-$here/venv}/bin
unset PYTHONDONTWRITEBYTECODE # hundreds of programs are started: each would compile every module anew
failed=0
check() {
    echo "== $1"
    "${@:2}" || {
        failed=1
        echo "== FAILED: $1"
    }
}
check "ruff: what a careful reader would see" "$bin/python" -m ruff check --no-cache .
check "ruff: form" "$bin/python" -m ruff format --no-cache --check --quiet .
check "mypy: types" "$bin/python" -m mypy
check "import-linter: who may import whom" env PYTHONPATH=. "$bin/lint-imports" --no-logo --no-cache
[ $failed = 0 ] || echo "== The checks above failed; now the tests."
if [ $# -gt 0 ]; then
    "$bin/python" -m pytest "$@" || failed=1
else # some mostly wait, for a browser or a wire: three groups side by side take half of the time
    said=$(mktemp -d)
    trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$said"' EXIT
    wires="tests/bus tests/acquisition tests/simulator tests/test_profiles.py"
    after() { # runs a group and then another, each with a file of its own
        trap 'kill $(jobs -p) 2>/dev/null' TERM
        local failed=0
        while [ $# -gt 0 ]; do
            "$bin/python" -m pytest $2 >"$said/$1" 2>&1 &
            wait $! || failed=1
            shift 2
        done
        return $failed
    }
    after "on the wire" "$wires" "in the stores" tests/store &
    second=$!
    after "in a real browser" tests/browser "in the dashboard" tests/dashboard &
    third=$!
    apart="$wires tests/store tests/browser tests/dashboard"
    "$bin/python" -m pytest ${apart//tests/--ignore=tests} || failed=1
    wait "$second" || failed=1
    wait "$third" || failed=1
    for part in "$said"/*; do
        echo "== ${part##*/}"
        cat "$part"
    done
fi
exit $failed
