"""A changed configuration, as a running poller looks for it."""

from substation.errors import SettingsError
from substation.settings import files
from substation.settings.files import Loaded


def changed(loaded: Loaded) -> Loaded | None:
    """Return the configuration that has taken the place of this one, or None; costs one stat when none has.

    Raises SettingsError for one that cannot be used, or not without a restart.
    """
    folder = loaded.home.folder
    if not files.changed(folder, loaded.generation):
        return None
    fresh = files.load(folder)
    old, new = loaded.settings, fresh.settings
    if (old.simulated, old.paths, old.site.timezone, old.store) != (
        new.simulated,
        new.paths,
        new.site.timezone,
        new.store,
    ):
        raise SettingsError("config.json: simulated, paths, site.timezone and store need a restart")
    return fresh
