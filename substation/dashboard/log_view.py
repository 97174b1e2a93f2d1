"""The hourly log sheet on the page: the sheet itself, what stands below it, the notes of hand-over.

Cells that are written by hand are slots that `assets/log.js` fills with inputs, for whoever may write.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from dash import html

from substation.dashboard import cards, log_words
from substation.dashboard import format as f
from substation.dashboard.heard import told
from substation.dashboard.log_asked import Asked
from substation.dashboard.tongue import say
from substation.reports import log_also, log_document, log_hours
from substation.reports.document import DASH, Cell
from substation.reports.log_hours import Hour, Shift
from substation.reports.log_sheet import Line, LogSheet, SheetColumn, Spot
from substation.settings.model import Settings
from substation.store.entries import Place


class View:
    """One sheet, drawn for one viewer."""

    def __init__(
        self, sheet: LogSheet, asked: Asked, settings: Settings, now_ms: int, *, may_write: bool
    ) -> None:
        """Draw `sheet`.

        Args:
            sheet: the day.
            asked: for which columns.
            settings: the station's.
            now_ms: UTC, ms.
            may_write: whether the viewer may write into it.
        """
        self._sheet, self._asked, self._settings = sheet, asked, settings
        self._zone, self._now_ms, self._may_write = settings.site.zone, now_ms, may_write
        self._day = f.day(sheet.hours[0].at_ms, self._zone)
        self._shown = [at for at, one in enumerate(sheet.columns) if one.column.item or not asked.by_hand]

    def paper(self) -> html.Div:
        """Return the sheet as it would lie on the desk."""
        sheet, meter = self._sheet, self._sheet.meter
        whose = say("All meters") if meter is None else f"{meter.id} {meter.name}"
        title = told(sheet.form.title)
        simulated = [" ", html.Span("SIMULATED", className="ss-simtag")] if self._settings.simulated else []
        table = html.Table(
            [
                html.Caption(f"{title}, {whose}, {self._day}", className="ss-sr"),
                self._head(),
                html.Tbody([self._row(hour, row) for hour, row in zip(sheet.hours, sheet.rows, strict=True)]),
                html.Tfoot([self._foot(line) for line in sheet.foot if self._has(line)]),
            ],
            className="ss-log" + (" ss-log-hand" if self._asked.by_hand else ""),
        )
        notes = [log_words.reason(one) for one in log_document.reasons(sheet)] + [
            told(n) for n in sheet.notes
        ]
        return html.Div(
            [
                html.Div(
                    [
                        html.B([title, *simulated]),
                        html.Span(f"{self._settings.site.name}, {whose}, {self._day}"),
                    ],
                    className="ss-paper-h",
                ),
                cards.wide(table, title),
                html.Ul([html.Li(note) for note in notes], className="ss-log-notes") if notes else None,
                html.P(
                    say(
                        "Each figure is the nearest valid reading within 60 s of its hour, never a mean; "
                        "a register's is the last before it, at midnight as in the month's statement. "
                        "Lowest and highest are of all readings of the day. In italics: written by hand."
                    ),
                    className="ss-log-how",
                ),
            ],
            className="ss-paper",
        )

    def hand_over(self) -> html.Section:
        """Return the notes with which shifts are handed over."""
        begun = [one for one in self._sheet.shifts if one.begin_ms <= self._now_ms]
        notes = [self._note(one) for one in begun] or [html.P(say("No shift of this day has begun."))]
        return html.Section(
            [html.Div(html.H2(say("Shift hand-over")), className="ss-sec-h"), *notes],
            className="ss-sec ss-log-over",
        )

    def also(self) -> html.Section | None:
        """Return what was written on the day into places that the form has no more; None without any."""
        notes = []
        for one in log_also.also_written(self._sheet, self._settings):
            name = ", ".join(filter(None, (one.hour, one.whose, told(one.item))))
            said = log_words.entered(
                one.entry, self._zone, self._sheet.typed.corrected.get(one.entry.place, 1)
            )
            inside = [html.B(name), html.Small(said, className="ss-log-who")]
            words = html.P(one.entry.text, className="ss-by-hand")
            notes.append(html.Div([*inside, words], className="ss-log-note"))
        if not notes:
            return None
        return html.Section(
            [
                html.Div(html.H2(told(log_also.TITLE)), className="ss-sec-h"),
                html.P(told(log_document.GONE), className="ss-log-how"),
                *notes,
            ],
            className="ss-sec ss-log-over",
        )

    def _note(self, shift: Shift) -> html.Div:
        place = self._sheet.hand_over(shift)
        name = say("Shift {name} of {day}", name=shift.name, day=f.day(shift.begin_ms, self._zone))
        entry = self._sheet.typed.of(place)
        text = entry.text if entry else ""
        said = self._said(place)
        inside: Any = html.P(text or DASH, className="ss-by-hand")
        if self._may_write:
            inside = self._slot(place, say("Hand-over, {shift}", shift=name), "note")
        return html.Div(
            [html.B(name), html.Small(said, className="ss-log-who"), inside], className="ss-log-note"
        )

    def _has(self, line: Line) -> bool:
        return not self._asked.by_hand or any(line.cells[at].shown for at in self._shown)

    def _columns(self) -> list[SheetColumn]:
        return [self._sheet.columns[at] for at in self._shown]

    def _head(self) -> html.Thead:
        columns = self._columns()
        two = any(one.group for one in columns)
        upper: list[Any] = [html.Th(say("Time"), scope="col", rowSpan=2 if two else 1)]
        lower: list[Any] = []
        for (group, _), some in groupby(columns, lambda one: (one.group, id(one) if not one.group else 0)):
            members = list(some)
            if not group:
                upper += [self._head_cell(one, 2 if two else 1) for one in members]
                continue
            units = {one.column.unit for one in members}
            shared = units.pop() if len(units) == 1 else ""
            words = told(group) if self._sheet.meter is not None else group
            upper.append(
                html.Th(
                    f"{words}, {shared}" if shared not in ("", group) else words,
                    scope="colgroup",
                    colSpan=len(members),
                )
            )
            lower += [self._head_cell(one, 1, bare=bool(shared)) for one in members]
        return html.Thead([html.Tr(upper), *([html.Tr(lower)] if lower else [])])

    def _head_cell(self, one: SheetColumn, rows: int, *, bare: bool = False) -> html.Th:
        words, unit = log_words.head(one.column), one.column.unit
        text = words if bare or not unit or unit == words else f"{words}, {unit}"
        return html.Th(text, scope="col", rowSpan=rows, className="ss-log-by" if one.column.item else "")

    def _row(self, hour: Hour, row: Sequence[Spot]) -> html.Tr:
        looks = {"running": "ss-log-running", "future": "ss-log-future"}.get(hour.state, "")
        if any(
            one.begin_ms <= min(hour.at_ms, self._now_ms) and max(hour.at_ms, self._now_ms) < one.end_ms
            for one in self._sheet.shifts
        ):
            looks += " ss-log-of-shift"
        cells = [self._cell(row[at], self._sheet.columns[at], hour) for at in self._shown]
        return html.Tr([html.Th(hour.label, scope="row"), *cells], className=looks.strip())

    def _cell(self, spot: Spot, column: SheetColumn, hour: Hour) -> html.Td:
        if spot.place is None:
            shown, why = self._text(spot.cell), told(spot.cell.why)
            if spot.read_ms is not None and not why:
                why = say("read {time}", time=f.time_of_day(spot.read_ms, self._zone, seconds=True))
            return html.Td(shown, title=why) if why else html.Td(shown)
        looks = "ss-by-hand" + (" ss-log-long" if column.column.text else "")
        looks += " ss-log-due" if spot.due and hour.at_ms <= self._now_ms else ""
        if self._may_write and hour.at_ms <= self._now_ms + log_hours.EARLY_MS:
            whose = f"{column.meter.name}, " if self._sheet.meter is None and column.meter else ""
            name = f"{whose}{log_words.named(column.column)}"
            kind = "text" if column.column.text else "number"
            return html.Td(self._slot(spot.place, f"{name}, {hour.label}", kind), className=looks)
        said = self._said(spot.place)
        return html.Td(spot.cell.shown, className=looks, **({"title": said} if said else {}))

    def _slot(self, place: Place, name: str, kind: str) -> html.Span:
        entry = self._sheet.typed.of(place)
        key = f"{place.subject}|{place.moment_ms}|{place.item}"
        attributes = {
            "data-log": key,
            "data-kind": kind,
            "data-label": name,
            "data-id": str(entry.id if entry else 0),
            "data-text": entry.text if entry else "",
            "data-said": self._said(place),
        }
        return html.Span(key=f"{key} {attributes['data-id']}", className="ss-slot", **attributes)

    def _said(self, place: Place) -> str:
        entry = self._sheet.typed.of(place)
        if entry is None:
            return ""
        return log_words.entered(entry, self._zone, self._sheet.typed.corrected.get(place, 1))

    def _text(self, cell: Cell) -> str:
        if cell.value is None:
            return told(cell.text) if cell.text else cell.shown
        if not cell.text:
            return cell.digits
        hours = cell.text.removeprefix("in ").removesuffix(" h")
        words = say("in {count} h", count=hours) if hours != cell.text else told(cell.text)
        return f"{cell.digits} {words}"

    def _foot(self, line: Line) -> html.Tr:
        label = told(line.label)
        cells = [html.Td(self._text(line.cells[at])) for at in self._shown]
        return html.Tr(
            [html.Th(label, scope="row"), *cells], className=f"ss-log-{line.kind.replace('_', '-')}"
        )
