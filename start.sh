#!/usr/bin/env bash
# Makes the environment where it is missing, then starts the station. See ./start.sh --help
set -euo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
for name in SUBSTATION_HOME SUBSTATION_VENV; do # both count from where the person stands
    case ${!name:-} in
    '' | /* | '~'*) ;;
    *) export "$name=$PWD/${!name}" ;;
    esac
done
if ! command -v python3 >/dev/null; then
    echo "python3 is missing. Type this, then start again:  sudo apt install python3 python3-venv" >&2
    exit 78
fi
cd -- "$here"
case " $* " in
*' -h '* | *' --help '*) exec python3 -m substation.commands.station_usage start "$@" ;; # needs no package
*' --status '*) exec python3 -m substation.commands.station start "$@" ;; # installs nothing
esac
python3 -m substation.commands.environment
# exec: under systemd this very process is the service.
exec "${SUBSTATION_VENV:-$here/venv}/bin/python" -m substation.commands.station start "$@"
