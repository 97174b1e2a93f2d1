#!/usr/bin/env bash
# Ends what start.sh started, and nothing else. See ./stop.sh --help
set -euo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
for name in SUBSTATION_HOME SUBSTATION_VENV; do # both count from where the person stands
    case ${!name:-} in
    '' | /* | '~'*) ;;
    *) export "$name=$PWD/${!name}" ;;
    esac
done
cd -- "$here"
exec python3 -m substation.commands.stop "$@"
