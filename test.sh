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
checks() {
    local failed=0
    check "ruff: what a careful reader would see" "$bin/python" -m ruff check --no-cache .
    check "ruff: form" "$bin/python" -m ruff format --no-cache --check --quiet .
    check "mypy: types" "$bin/python" -m mypy
    check "import-linter: who may import whom" env PYTHONPATH=. "$bin/lint-imports" --no-logo --no-cache
    [ $failed = 0 ] && echo "all good"
    return $failed
}
if [ $# -gt 0 ]; then
    checks || failed=1
    "$bin/python" -m pytest "$@" || failed=1
else # some mostly wait, for a browser or a wire: three groups side by side take half of the time
    said=$(mktemp -d)
    trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$said"' EXIT
    declare -A groups=(
        ["on the wire"]="tests/bus tests/simulator tests/test_profiles.py"
        ["in the poller"]=tests/acquisition
        ["in the stores"]=tests/store
        ["in a real browser"]=tests/browser
        ["in the dashboard"]=tests/dashboard
        ["in the commands"]="tests/commands tests/export"
        ["of starts and services"]="tests/test_original_commands.py tests/test_start.py tests/test_services.py
            tests/test_start_environment.py tests/test_disaster.py"
    )
    apart=$(echo ${groups[*]})
    groups["in all else"]=${apart//tests\//--ignore=tests/}
    # two browsers: one for the tests that share a station, one for those that have their own
    own=$(echo tests/browser/test_{engineers_day,export,health,live_groups,tunnel,whole}.py)
    groups["in a real browser"]+=" ${own//tests\//--ignore=tests/}"
    groups["in a browser on stations of their own"]=$own
    groups["the checks"]=
    longest_first=("in a real browser" "the checks" "in the commands" "in the stores" "in the poller"
        "in a browser on stations of their own" "in the dashboard" "of starts and services" "in all else" "on the wire")
    mkdir "$said/taken"
    work() { # runs the groups that nobody else has taken, each with a file of its own
        trap 'kill $(jobs -p) 2>/dev/null' TERM
        local failed=0 name
        for name in "${longest_first[@]}"; do
            mkdir "$said/taken/$name" 2>/dev/null || continue
            if [ "$name" = "the checks" ]; then
                checks >"$said/$name" 2>&1 &
            else
                "$bin/python" -m pytest ${groups[$name]} >"$said/$name" 2>&1 &
            fi
            wait $! || failed=1
            echo "== $name: $(tail -n 1 "$said/$name")"
        done
        return $failed
    }
    workers=()
    for _ in 1 2 3; do
        work &
        workers+=($!)
    done
    for worker in "${workers[@]}"; do
        wait "$worker" || failed=1
    done
    rm -r "$said/taken"
    for part in "$said"/*; do
        echo "== ${part##*/}"
        cat "$part"
    done
fi
exit $failed
