#!/usr/bin/env bash
# Ends what start.sh started, and nothing else. See ./stop.sh --help
set -euo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
case ${SUBSTATION_HOME:-} in
'' | /*) ;;
*) export SUBSTATION_HOME="$PWD/$SUBSTATION_HOME" ;;
esac
cd -- "$here"
exec python3 -m substation.commands.stop "$@"
