"""Where a statement's figures come from: the history, the DG log that people write, the meters' profiles."""

from substation.clock import Clock
from substation.errors import ProfileError, WrongStation
from substation.meters import profile
from substation.meters.profile import Profile
from substation.reports import supply_entries, supply_record
from substation.reports.statement import Statement, month_before, worked_out
from substation.settings.model import Home, Settings
from substation.store import entries
from substation.store.pool import LONGEST_S
from substation.store.reader import HistoryReader


def profiles_of(settings: Settings, home: Home) -> dict[int, Profile]:
    """Return the meters' profiles, of those that can be read."""
    found = {}
    for meter in settings.meters:
        try:
            found[meter.id] = profile.load(meter.profile, home.profiles)
        except ProfileError:  # the poller and the checks tell of it; the figures go without its moduli
            continue
    return found


def statement_of(
    settings: Settings, home: Home, clock: Clock, key: str, limit_s: float = LONGEST_S
) -> Statement:
    """Return the statement of a month, `2026-11`, of the station in `home`.

    Args:
        settings: of the station.
        home: its folder.
        clock: for what is over.
        key: the month, as `statement.read_month` returns it.
        limit_s: the longest that one question to the history may take.

    Raises:
        RequestError: the month has not begun.
        WrongStation: the history is of the other kind of station, simulated or real.
        StoreError: history or operators' database cannot be read, or answers too slowly.
    """
    zone = settings.site.zone
    begin_ms, end_ms = (
        supply_record.month_ms(month_before(key), zone)[0],
        supply_record.month_ms(key, zone)[1],
    )
    written = entries.read(home.operator, supply_entries.DG_LOG, begin_ms, end_ms)
    history = HistoryReader(home.history, clock, limit_s)
    stamp = history.facts().get("simulated")
    if stamp is not None and (stamp == "yes") != settings.simulated:
        raise WrongStation(
            f"{home.history} and the configuration are not of the same kind of station (simulated, real); "
            "nothing was worked out"
        )
    return worked_out(
        settings, history, key, clock.now_ms(), written=written, profiles=profiles_of(settings, home)
    )
