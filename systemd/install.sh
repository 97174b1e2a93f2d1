#!/usr/bin/env bash
# Installs the station's services: program in /opt/substation, home in /var/lib/substation, user `substation`.
# Run it again after an update. It starts nothing and touches no readings and no configuration.
#   sudo systemd/install.sh            DESTDIR=/some/folder systemd/install.sh  only lays the files out there
set -euo pipefail
here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd -P)
project=${here%/*}
root=${DESTDIR:-}
target=$root/opt/substation
if [ "${1:-}" = --help ]; then
    sed -n '2,4s/^# //p' "$here/install.sh"
    exit 0
fi
if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    echo "This writes into /opt and /etc. Type:  sudo systemd/install.sh" >&2
    exit 77
fi
program=(app.py datalogger.py dmf_reader.py encrypt_config.py start.sh stop.sh requirements.txt
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
for unit in substation.target substation-poller.service substation-dashboard.service substation-tunnel.service; do
    lay 644 "$unit" "etc/systemd/system/$unit"
done
lay 644 sysusers.d-substation.conf etc/sysusers.d/substation.conf
lay 644 tmpfiles.d-substation.conf etc/tmpfiles.d/substation.conf
lay 644 modules-load.d-substation.conf etc/modules-load.d/substation.conf
lay 644 60-substation.rules etc/udev/rules.d/60-substation.rules
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
