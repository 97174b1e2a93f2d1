"""What `encrypt_config.py check` says of lines."""

from pathlib import Path

from substation.commands.configuration_check import findings
from substation.settings.model import CARD_METERS, Line, Settings


def test_an_absent_adapter_is_named_and_a_gateway_is_no_device(tmp_path: Path) -> None:
    settings = Settings(
        lines=(
            Line(name="line 1", port="/dev/no-such-adapter"),
            Line(name="gateway", kind="tcp", port="192.0.2.1:502"),
        ),
        meters=CARD_METERS,
    )
    _, doubtful = findings(settings, tmp_path)
    ports = [words for words in doubtful if words.startswith("lines.")]
    assert len(ports) == 1
    assert ports[0].startswith("lines.0.port: /dev/no-such-adapter is not there now")
