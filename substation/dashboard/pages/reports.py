"""Reports: take readings away, encrypted. How far is my file, what is in it, what opens it?"""

from typing import Any

import dash
from dash import html

from substation import export
from substation.dashboard import export_last, export_panel, other_forms
from substation.dashboard.feed import current
from substation.dashboard.format import number
from substation.dashboard.tongue import say
from substation.export.estimate import SPREADSHEET_ROWS
from substation.settings.passwords import MIN_LENGTH


def layout(**_: Any) -> html.Div:
    """Return the page."""
    feed = current()
    return html.Div(
        [
            html.Div(html.H1(say("Reports")), className="ss-head"),
            html.Div(
                [
                    html.Section(
                        [
                            _head(say("Export readings, encrypted")),
                            *export_last.line(),
                            export_panel.form(feed),
                        ],
                        **{"aria-label": say("Export")},
                    ),
                    html.Div(
                        [
                            other_forms.section(feed),
                            html.Section(
                                explanation(simulated=feed.settings.simulated),
                                **{"aria-label": say("About the file")},
                            ),
                        ]
                    ),
                ],
                className="ss-reports",
            ),
        ],
        className="ss-p-reports",
    )


def explanation(*, simulated: bool) -> list[Any]:
    """Return what a person must know about the file before he gives it to somebody."""
    demo = (
        [
            html.P(
                [
                    html.Span("SIMULATED", className="ss-simtag"),
                    " ",
                    say(
                        "These readings come from the simulator. Each row and the manifest say so. The "
                        "demo's export password stands in the documentation: a file under it is open to "
                        "everybody."
                    ),
                ]
            )
        ]
        if simulated
        else []
    )
    return [
        _head(say("What is in it")),
        html.Div(
            [
                html.P(
                    [
                        html.B(export.CSV_NAME),
                        say(
                            ": a row a meter and period, with the site's time and UTC, the 38 quantities in "
                            "the columns of the original, the quality, and how many polls were due and "
                            "found. "
                            "What is missing is an empty cell, never a zero."
                        ),
                    ]
                ),
                html.P(
                    [
                        html.B("export.json"),
                        say(
                            ": station, days, meters, units, rows, how complete they are, the SHA-256 of the "
                            "rows, and where the audit log stood."
                        ),
                    ]
                ),
                html.P(
                    say(
                        "A year every 15 minutes of five meters has {rows} rows. "
                        "Excel and LibreOffice open up to {most}.",
                        rows=number(175_200, 0),
                        most=number(SPREADSHEET_ROWS, 0),
                    )
                ),
                *demo,
            ],
            className="ss-prose",
        ),
        _head(say("What opens it")),
        html.Div(
            [
                html.P(
                    say(
                        "7-Zip or WinRAR on Windows, Keka on macOS, 7z on Linux. "
                        "Not Windows Explorer, not the macOS Archive Utility, and not the command unzip: "
                        "they do not know AES‑256."
                    )
                ),
                html.P(
                    say(
                        "When a download broke off, the browser says that it failed, and the part is no "
                        "whole archive. Ask anew; files are not kept on the station."
                    )
                ),
            ],
            className="ss-prose",
        ),
        _head(say("How strong it is")),
        html.Div(
            [
                html.P(
                    say(
                        "AES-256, and only as strong as its password: whoever has the file can try passwords "
                        "on it for as long as he likes. Use {least} characters or more, or the fresh one, "
                        "which no machine guesses. Change the export password when somebody leaves.",
                        least=MIN_LENGTH,
                    )
                ),
                html.P(
                    say(
                        "Names and sizes of the two files inside can be seen without it. "
                        "Each export, and each wrong password, is written into the audit log."
                    )
                ),
            ],
            className="ss-prose",
        ),
    ]


def _head(words: str) -> html.Div:
    return html.Div(html.H2(words), className="ss-sec-h")


dash.register_page(__name__, path="/reports", name="Reports", order=3, layout=layout, needs="engineer")
