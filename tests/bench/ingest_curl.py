"""curl for the pages, DuckDB's `read_json` and COPY for the Parquet. Python only starts the two.

ingest_curl.py KIND URL OUT
"""
import os
import re
import subprocess
import sys

import duckdb

kind, url, out = sys.argv[1:]
path = "/v3/trades/T0?limit=50000" if kind == "trades" else "/v2/aggs/ticker/T0/range/1/minute/1/2?limit=50000"
following, number = url + path, 0
while following:
    file = os.path.join(out, f"{number:04}.json")
    subprocess.run(["curl", "-sS", "--fail", "--compressed", "-o", file, following], check=True)
    with open(file, "rb") as page:
        page.seek(-400, os.SEEK_END)
        found = re.search(rb'"next_url":"([^"]+)"', page.read())
    following, number = found and found.group(1).decode(), number + 1
if kind == "trades":
    shape, columns = "sip_timestamp BIGINT, price DOUBLE, size DOUBLE", "sip_timestamp, price, size"
else:
    shape = "t BIGINT, o DOUBLE, h DOUBLE, l DOUBLE, c DOUBLE, v DOUBLE, n BIGINT, vw DOUBLE"
    columns = "t, o, h, l, c, v, n, vw"
duckdb.sql("SET threads = 1")
duckdb.sql(f"""COPY (
    SELECT {columns} FROM (
        SELECT unnest(results, recursive := true) FROM read_json('{out}/*.json', maximum_object_size = 100000000,
            columns = {{results: 'STRUCT({shape})[]'}})
    )) TO '{out}/rows.parquet' (FORMAT parquet)""")
