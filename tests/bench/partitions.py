"""Makes a tree of minutes as big as a market: TICKERS folders with MONTHS months each, every month with its ledger line.

usage: partitions.py OUT TICKERS MONTHS

The files have a length and no blocks: `verify` by ledgers looks at lengths, and a tree of 2.3 million files with bytes
takes a disk of its own. Lines are as long as those of real runs.
"""

import calendar
import os
import sys
import zlib

out, tickers, months = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LAST_YEAR, LAST_MONTH, BYTES = 2025, 10, 151234


def name(number):
    letters = ""
    for _ in range(4):
        number, letter = divmod(number, 26)
        letters = chr(65 + letter) + letters
    return letters


def periods():
    """(year, month) of the last MONTHS months, oldest first."""
    last = LAST_YEAR * 12 + LAST_MONTH - 1
    return [divmod(month, 12) for month in range(last - months + 1, last + 1)]


def seen(found):
    """As `shared/dataset/seen.rs` folds it."""
    seconds, nanoseconds = divmod(found.st_mtime_ns, 10**9)
    facts = b"".join(number.to_bytes(8, "little") for number in (seconds, nanoseconds, found.st_ino))
    return f"{zlib.crc32(facts):08x}"


def line(ticker, year, month, found):
    days = calendar.monthrange(year, month)[1]
    first = calendar.timegm((year, month, 1, 14, 30, 0)) * 1000
    last = calendar.timegm((year, month, days, 20, 0, 0)) * 1000
    body = (
        f'{{"partition":"year={year}/month={month:02}","ticker":"{ticker}",'
        f'"answers":[{{"from":"{year}-{month:02}-01","to":"{year}-{month:02}-{days}","outcome":"data",'
        f'"asked_at":"20251120T120000Z","run":"ab12cd34"}}],'
        f'"file":{{"rows":8123,"first":{first},"last":{last},"bytes":{BYTES},'
        f'"sha256":"{"0123456789abcdef" * 4}","seen":"{seen(found)}"}},"pages":3,"code":"0.1.0"'
    )
    return f'{body},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'


os.makedirs(out)
with open(f"{out}/_dataset.json", "w") as descriptor:
    descriptor.write(
        '{"kind":"minute","schema_version":1,"adjusted":false,"time_zone":"America/New_York","source":"generated"}\n'
    )
with open(f"{out}.csv", "w") as listed:
    listed.write("ticker\n" + "".join(f"{name(number)}\n" for number in range(tickers)))
for number in range(tickers):
    ticker = name(number)
    own, lines, year_before = f"{out}/{ticker}", [], None
    os.mkdir(own)
    for year, month in ((year, month + 1) for year, month in periods()):
        if year != year_before:
            os.mkdir(f"{own}/year={year}")
            year_before = year
        folder = f"{own}/year={year}/month={month:02}"
        os.mkdir(folder)
        file = os.open(f"{folder}/minute.parquet", os.O_CREAT | os.O_WRONLY, 0o644)
        os.ftruncate(file, BYTES)
        lines.append(line(ticker, year, month, os.fstat(file)))
        os.close(file)
    with open(f"{own}/_ledger.jsonl", "w") as ledger:
        ledger.write("".join(lines))
