#!/usr/bin/env bash
# Installs the station's services: program in /opt/substation, home in /var/lib/substation, user `substation`.
# Run it again after an update. It starts nothing and touches no readings and no configuration.
#   sudo systemd/install.sh            DESTDIR=/some/folder systemd/install.sh  only lays the files out there
# The poller's service has no network. A line over TCP (lines.*.kind rtu_tcp or tcp) needs its gateway: the
# addresses are taken from the configuration, or given:
#   sudo systemd/install.sh --gateway 192.168.1.50 [--gateway ...]    --no-gateway closes the network again
set -euo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
project=${here%/*}
root=${DESTDIR:-}
target=$root/opt/substation
if [ "${1:-}" = --help ]; then
    sed -n '2,7s/^# //p' "$here/install.sh"
    exit 0
fi
gateways=()
told=
while [ $# -gt 0 ]; do
    case $1 in
        --gateway)
            [[ ${2:-} =~ ^[0-9a-fA-F.:]+$ ]] || { echo "--gateway needs an IP address, such as 192.168.1.50" >&2; exit 64; }
            gateways+=("$2")
            told=yes
            shift
            ;;
        --no-gateway) told=yes ;;
        *)
            echo "install.sh: unknown: $1. See systemd/install.sh --help" >&2
            exit 64
            ;;
    esac
    shift
done
if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    echo "This writes into /opt and /etc. Type:  sudo systemd/install.sh" >&2
    exit 77
fi
program=(app.py datalogger.py dmf_reader.py encrypt_config.py messenger.py start.sh stop.sh requirements.txt
    README.md LICENSE CHANGELOG.md substation systemd docs)
lay() { # lay MODE FROM TO: one file, its folder made
    install -D -m "$1" -- "$here/$2" "$root/$3"
    echo "  $3"
}
if [ "$project" != "$target" ]; then
    echo "The program:"
    install -d -m 755 -- "$target"
    for name in "${program[@]}"; do
        # Beside its place, then renamed: a stop in between leaves the old one or the new one.
        rm -rf -- "$target/.$name.new"
        cp -R -- "$project/$name" "$target/.$name.new"
        find "$target/.$name.new" -name __pycache__ -prune -exec rm -rf {} +
        chmod -R u=rwX,go=rX -- "$target/.$name.new"
        rm -rf -- "${target:?}/$name"
        mv -- "$target/.$name.new" "$target/$name"
    done
    echo "  /opt/substation"
fi
echo "What systemd needs to know:"
for unit in substation.target substation-poller.service substation-dashboard.service \
    substation-messenger.service substation-tunnel.service; do
    lay 644 "$unit" "etc/systemd/system/$unit"
done
dropin=etc/systemd/system/substation-poller.service.d/tcp-line.conf
made="# Made by install.sh: the poller reaches these gateways and nothing else."
network() { # network [ADDRESS...]: opens the poller's network to these; without any closes it
    local file=$root/$dropin address
    if [ -e "$file" ] && ! grep -qxF -- "$made" "$file"; then
        echo "  $dropin was written by hand and is left as it is"
    elif [ $# -gt 0 ]; then
        install -d -m 755 -- "${file%/*}"
        {
            printf '%s\n' "$made" "[Service]" "PrivateNetwork=no" "RestrictAddressFamilies=AF_INET AF_INET6"
            for address in "$@"; do
                echo "IPAddressAllow=$address"
            done
        } >"$file"
        chmod 644 -- "$file"
        echo "  $dropin: the poller may reach $*"
    elif [ -e "$file" ]; then
        rm -- "$file"
        echo "  $dropin removed: no line needs the network"
    fi
}
lay 644 sysusers.d-substation.conf etc/sysusers.d/substation.conf
lay 644 tmpfiles.d-substation.conf etc/tmpfiles.d/substation.conf
lay 644 modules-load.d-substation.conf etc/modules-load.d/substation.conf
lay 644 60-substation.rules etc/udev/rules.d/60-substation.rules
if [ -n "$told" ]; then
    network "${gateways[@]}"
fi
if [ -n "$root" ]; then
    echo "Laid out in $root; nothing was run."
    exit 0
fi
cd -- "$target"
umask 022
env -u SUBSTATION_VENV python3 -m substation.commands.environment
# The services may not write here: what Python would keep for its next start is made now.
venv/bin/python -m compileall -q substation ./*.py
chmod -R go=rX -- "$target"
systemd-sysusers /etc/sysusers.d/substation.conf
systemd-tmpfiles --create /etc/tmpfiles.d/substation.conf
if [ -z "$told" ]; then
    if found=$(runuser -u substation -- env SUBSTATION_HOME=/var/lib/substation \
        venv/bin/python -m substation.commands.gateways); then
        mapfile -t gateways < <(printf '%s' "${found:+$found$'\n'}")
        network "${gateways[@]}"
    else
        echo "  the configuration cannot be used yet: the poller's network is left as it is"
    fi
fi
for module in $(grep -v '^#' /etc/modules-load.d/substation.conf); do
    modprobe "$module" 2>/dev/null || echo "  no driver $module in this kernel; needed only for adapters of that kind"
done
udevadm control --reload
udevadm trigger --subsystem-match=tty
systemctl daemon-reload
as="sudo -u substation env SUBSTATION_HOME=/var/lib/substation python3 /opt/substation"
if [ -e /var/lib/substation/config.json ]; then
    echo "Done. The station has its configuration. Next:  sudo systemctl restart substation.target"
else
    echo "Done. Next, the configuration, then the start:"
    echo "  $as/encrypt_config.py"
    echo "  sudo systemctl enable --now substation.target"
fi
