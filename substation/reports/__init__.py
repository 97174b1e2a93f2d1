"""The forms that are printed and signed: log sheet, monthly statement; as PDF, XLSX and CSV.

What a form says is worked out from the stores as data (`document`), and only then written: a figure is
the same on the page, on paper and in a spreadsheet. PDF is made in a child process, as exports are: its
library stays out of the dashboard's memory.
"""
