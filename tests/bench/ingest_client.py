"""What the vendor's own Python client costs: its rows as objects, then one Parquet file through pyarrow.

ingest_client.py KIND URL OUT
"""
import os
import sys

import certifi

if bundle := os.environ.get("SSL_CERT_FILE"):
    certifi.where = lambda: bundle

import pyarrow as pa
import pyarrow.parquet as pq
from massive import RESTClient

kind, url, out = sys.argv[1:]
client = RESTClient(api_key="no-real-key", base=url, pagination=True)
columns = {}
if kind == "trades":
    names = ["sip_timestamp", "price", "size"]
    rows = client.list_trades("T0", timestamp_gte="2025-03-03", timestamp_lt="2026-01-01", limit=50000, order="asc")
else:
    names = ["timestamp", "open", "high", "low", "close", "volume", "vwap", "transactions"]
    rows = client.list_aggs("T0", 1, "minute", "2021-01-04", "2025-12-31", adjusted=False, limit=50000, sort="asc")
columns = {name: [] for name in names}
for row in rows:
    for name in names:
        columns[name].append(getattr(row, name))
pq.write_table(pa.table(columns), os.path.join(out, "rows.parquet"))
with open(os.path.join(out, "rows.parquet"), "rb") as file:
    os.fsync(file.fileno())
