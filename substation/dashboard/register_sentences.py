"""The sentences of `reports/register.toml` and of the rules for what is typed into the register.

`heard.told` tells them in the viewer's language; a test looks whether each word of the table stands here.
"""

from substation.dashboard.tongue import later

SENTENCES: tuple[str, ...] = (
    # register.toml: causes
    later("DISCOM failure"),
    later("Fault"),
    later("Shutdown / permit to work"),
    later("Load shedding"),
    later("DG trial"),
    later("Other, see remark"),
    # register.toml: fields
    later("Cause"),
    later("Planned"),
    later("Load lost"),
    later("Reported to"),
    later("Remark, relay and flag"),
    later("Diesel, opening"),
    later("Diesel, received"),
    later("Diesel, closing"),
    later("Diesel, consumed"),
    later("Hour meter at stop"),
    later("Remark"),
    # reports/supply_entries.py: why something is not taken
    later("is no cause of this station's list"),
    later("is neither yes nor no"),
    later("has {count} characters; at most {most} are kept"),
    later("is no number"),
    # reports/handwriting.py
    later("holds a character that cannot be printed"),
    later("holds a character that turns the direction of writing"),
    # reports/supply_entries.py again
    later("lies outside {least} to {most} {unit}"),
    later("is {litres} l more than there was with what was received"),
    later("is not what opening, received and closing come to: {litres} l"),
    # reports/dg_load.py
    later("its register was not read before and after it"),
    later("its register was not kept between it and the run beside it"),
    later("another run lies in the same quarter of an hour"),
    later("no load was read"),
    later("counted only between {begun} and {ended}"),
    later("the meter is not configured now"),
)
