"""Whatever may come, for the property tests of the store."""

from hypothesis import strategies as st

from substation.quantities import KEYS
from substation.readings import Quality, Reading, missing
from tests.store.readings import BEGIN_MS

_value = st.one_of(
    st.none(),
    st.floats(-1e7, 1e7, allow_nan=False, width=32),
    st.sampled_from([0.0, -0.0, -0.04, 0.05, 3.4e38, -3.4e38, 1e-30]),
)


@st.composite
def any_reading(draw: st.DrawFn, at_ms: st.SearchStrategy[int] | None = None) -> Reading:
    """Whatever a meter and the qualifier may bring."""
    at = draw(at_ms or st.integers(BEGIN_MS, BEGIN_MS + 10 * 86_400_000))
    meter_id = draw(st.integers(1, 247))
    if draw(st.integers(0, 4)) == 0:
        quality = draw(st.sampled_from([Quality.NO_ANSWER, Quality.REFUSED, Quality.DISABLED]))
        reason = draw(st.sampled_from(["timeout", "crc", "exception_2"]))
        return missing(meter_id, at, quality, reason)
    keys = draw(st.sets(st.sampled_from(KEYS), max_size=38)) if draw(st.booleans()) else set(KEYS)
    fill = draw(st.lists(_value, min_size=3, max_size=8))
    values = {key: fill[i % len(fill)] for i, key in enumerate(KEYS) if key in keys}
    doubted = draw(st.sets(st.sampled_from(sorted(values)), max_size=3)) if values else set()
    return Reading(meter_id, at, values, implausible=frozenset(doubted))
