"""A Python worker built as the old one was: requests, polars `from_dicts`, and read-merge-write of the file for each page.

ingest_old.py KIND URL OUT
"""
import os
import sys

import polars as pl
import requests

kind, url, out = sys.argv[1:]
path = "/v3/trades/T0?limit=50000" if kind == "trades" else "/v2/aggs/ticker/T0/range/1/minute/1/2?limit=50000"
key = ["sip_timestamp", "sequence_number"] if kind == "trades" else ["t"]
columns = ["sip_timestamp", "sequence_number", "price", "size"] if kind == "trades" else list("tohlcvn") + ["vw"]
file = os.path.join(out, "rows.parquet")
session = requests.Session()
session.headers["Authorization"] = "Bearer no-real-key"
following = url + path
while following:
    reply = session.get(following, timeout=60)
    reply.raise_for_status()
    page = reply.json()
    frame = pl.from_dicts(page["results"]).select(columns)
    if os.path.exists(file):
        frame = pl.concat([pl.read_parquet(file), frame])
    frame.unique(subset=key, keep="last").sort(key).write_parquet(file, compression="zstd")
    following = page.get("next_url")
