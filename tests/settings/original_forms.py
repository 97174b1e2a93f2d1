"""Configurations of the original system, as its page and its programs made them."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet

PASSWORDS = {"admin": "violet tractor harbour moss"}
EXPORT = "another stapled battery horse"


def values(
    folder: str = "/home/user/SmartSubstationMonitoringSystem", **changes: object
) -> dict[str, object]:
    """Return the thirteen settings that its programs read; None leaves one out."""
    whole: dict[str, object] = {
        "serial_port": "/dev/ttyACM0",
        "baud_rate": 9600,
        "serial_timeout": 3,
        "polling_interval": 30,
        "sqlite_log_interval": 1800,
        "meter_ids": [1, 2, 3, 4, 5],
        "csv_file": f"{folder}/meter_data.csv",
        "db_path": f"{folder}/meter_data_1year.db",
        "db_daily_path": f"{folder}/meter_data_daily.db",
        "log_file": f"{folder}/modbus_reader.log",
        "audit_log_file": f"{folder}/dashboard_audit.log",
        "dashboard_auth": dict(PASSWORDS),
        "download_password": EXPORT,
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def aside() -> dict[str, object]:
    """Return settings of its later additions."""
    return {
        "whatsapp_api_url": "http://localhost:3000",
        "whatsapp_group_id": "CANARY-GROUP",
        "document_paths": ["/home/user/manual.pdf"],
        "ollama_model": "tinyllama",
    }


def sealed(key: bytes, plain: Mapping[str, object]) -> dict[str, object]:
    """Return the document of a configuration sealed by the original."""
    return {"encrypted_data": Fernet(key).encrypt(json.dumps(plain).encode()).decode()}


def mixed(key: bytes, plain: Mapping[str, object], clear: Mapping[str, object]) -> dict[str, object]:
    """Return the form of its early page: clear settings beside the sealed part."""
    return {**sealed(key, plain), **clear}
