"""Writes a tree as the old Python scripts did: same layout, no ledger, columns and codecs of the writer's own.

usage: write_old_tree.py polars|pyarrow|pandas daily|minute|trades America/New_York|UTC ROWS.csv OUT   (the Python of .venv)

ROWS.csv: ticker,t,o,h,l,c,v,n,vw (bars; n and vw may be empty) or ticker,sip_ts,price,size (trades).
"""

import csv
import datetime as dt
import os
import sys
from collections import defaultdict
from zoneinfo import ZoneInfo

writer, kind, zone, source, out = sys.argv[1:]
tz = ZoneInfo(zone)


def at(stamp):
    seconds = stamp // (1_000_000_000 if kind == "trades" else 1_000)
    return dt.datetime.fromtimestamp(seconds, tz)


def row_of(line):
    if kind == "trades":
        stamp = int(line["sip_ts"])
        return {
            "ticker": line["ticker"],
            "day": f"{at(stamp):%Y-%m-%d}",
            "sip_ts": stamp,
            "price": float(line["price"]),
            "size": float(line["size"]),
        }
    stamp = int(line["t"])
    # Daily bars are stamped with New York's midnight: the same date in both zones.
    row = {"ticker": line["ticker"], "date": f"{at(stamp):%Y-%m-%d}"}
    if kind == "minute":
        row["minute"] = f"{at(stamp):%Y-%m-%d %H:%M}"
    row["t"] = stamp
    row.update({name: float(line[name]) for name in ["o", "h", "l", "c", "v"]})
    row["n"] = int(line["n"]) if line["n"] else None
    row["vw"] = float(line["vw"]) if line["vw"] else None
    return row


def place_of(row):
    date = row["day" if kind == "trades" else "date"]
    year, month, _ = date.split("-")
    folders = {"daily": [f"year={year}"], "minute": [f"year={year}", f"month={month}"]}
    folders["trades"] = [f"year={year}", f"month={month}", f"day={date}"]
    return os.path.join(row["ticker"], *folders[kind])


def write_polars(rows, path):
    import polars as pl

    types = {"t": pl.Int64, "n": pl.Int64, "sip_ts": pl.Int64}
    texts = {"ticker", "date", "day", "minute"}
    schema = {name: pl.Utf8 if name in texts else types.get(name, pl.Float64) for name in rows[0]}
    frame = pl.DataFrame(rows, schema=schema)
    frame.write_parquet(path, compression="zstd", compression_level=2, statistics=False)


def write_pyarrow(rows, path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    codec = {"daily": "gzip", "minute": "lz4", "trades": "snappy"}[kind]
    pq.write_table(pa.Table.from_pylist(rows), path, compression=codec)


def write_pandas(rows, path):
    import pandas as pd

    frame = pd.DataFrame(rows)
    # A count with a gap is a float; a frame that was filtered keeps an index that is written as a column.
    frame.index = pd.Index([2 * n for n in range(len(frame))])
    frame.to_parquet(path, compression="snappy")


places = defaultdict(list)
with open(source, newline="") as file:
    for line in csv.DictReader(file):
        row = row_of(line)
        places[place_of(row)].append(row)
write = {"polars": write_polars, "pyarrow": write_pyarrow, "pandas": write_pandas}[writer]
for place, rows in places.items():
    folder = os.path.join(out, place)
    os.makedirs(folder, exist_ok=True)
    write(rows, os.path.join(folder, f"{kind}.parquet"))
# The scripts left their log beside the tickers.
with open(os.path.join(out, f"{kind}_download.log"), "w") as log:
    log.write("\n")
