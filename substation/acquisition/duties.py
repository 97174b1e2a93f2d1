"""The duties of a station's poller, the most urgent first."""

from substation.acquisition.backup_duty import BackupDuty
from substation.acquisition.check_duty import CheckDuty
from substation.acquisition.migration_duty import MigrationDuty
from substation.acquisition.salvage_duty import SalvageDuty
from substation.acquisition.tending import Duty
from substation.clock import Clock
from substation.settings.model import Home
from substation.store.keeper import Keeper


def duties(home: Home, clock: Clock, keeper: Keeper) -> list[Duty]:
    """Return them."""
    return [
        SalvageDuty(home, clock, keeper),
        MigrationDuty(home, clock, keeper),
        CheckDuty(home, clock, keeper),
        BackupDuty(home, clock),
    ]
