"""Prints the sessions of the New York Stock Exchange as the package exchange_calendars knows them.

usage: nyse_sessions.py FROM TO   (both inclusive; the Python of .venv)

One line a session: date, open and close in UTC, to the second.
"""

import sys

import exchange_calendars

first, last = sys.argv[1:]
calendar = exchange_calendars.get_calendar("XNYS", start=first, end=last)
for session in calendar.sessions:
    opens, closes = calendar.session_open(session), calendar.session_close(session)
    print(f"{session:%Y-%m-%d},{opens:%Y-%m-%dT%H:%M:%SZ},{closes:%Y-%m-%dT%H:%M:%SZ}")
