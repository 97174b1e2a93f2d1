"""A home as the original system left it: configuration in one of its forms, key, stores, logs."""

import datetime as dt
import json
from pathlib import Path
from typing import Literal

from cryptography.fernet import Fernet

from tests.settings import original_forms
from tests.store import originals

Form = Literal["plain", "sealed", "mixed"]
BEGIN = dt.datetime(2025, 9, 17, 22, 0)
LOGS = ("app.log", "dashboard_audit.log", "modbus_reader.log", "ngrok.log")


def make(folder: Path, form: Form = "sealed", **changes: object) -> bytes:
    """Make the home; return the content of its config.json."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = Fernet.generate_key()  # the original wrote it without a line end
    plain = {**original_forms.values(str(folder), **changes), **original_forms.aside()}
    document = plain
    if form == "sealed":
        document = original_forms.sealed(key, plain)
    elif form == "mixed":
        clear = {"dashboard_auth": {"admin": "password123"}, "download_password": "secure123"}
        document = original_forms.mixed(key, plain, clear)
    (folder / "config.json").write_text(json.dumps(document))
    (folder / "config.json").chmod(0o644)
    if form != "plain":
        (folder / "config_key.key").write_bytes(key)
        (folder / "config_key.key").chmod(0o644)
    make_stores(folder)
    return (folder / "config.json").read_bytes()


def make_stores(folder: Path) -> None:
    """Write the original's databases, its live file and its logs."""
    rows = list(originals.polled(BEGIN, 20, step_s=1800))
    originals.database(folder / "meter_data_1year.db", rows)
    originals.database(folder / "meter_data_daily.db", rows[-10:])
    originals.table(folder / "meter_data.csv", rows[-10:])
    for name in ("meter_data.csv", "meter_data_daily.db"):
        (folder / name).chmod(0o664)
    for name in LOGS:
        (folder / name).write_text("2025-09-18 13:45:53,101 - INFO - a line of the original's\n")
