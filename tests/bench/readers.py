"""Reads our trades and bars with pyarrow, polars and DuckDB, each given a path and nothing else; prints what they found.

usage: readers.py TRADES-ROOT BARS-ROOT TICKER
"""

import math
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

trades_root, bars_root, ticker = sys.argv[1:]
trades = f"{trades_root}/{ticker}", f"{trades_root}/{ticker}/*/*/*/trades.parquet", "size"
bars = f"{bars_root}/{ticker}/dollar", f"{bars_root}/{ticker}/dollar/*/bars.parquet", "v"


def by_pyarrow(folder: str, files: str, column: str) -> tuple[int, float]:
    table = ds.dataset(folder, format="parquet", exclude_invalid_files=False).to_table(columns=[column])
    return table.num_rows, pc.sum(table[column]).as_py()


def by_polars(folder: str, files: str, column: str) -> tuple[int, float]:
    return pl.scan_parquet(files).select(pl.len(), pl.col(column).sum()).collect().row(0)


def by_duckdb(folder: str, files: str, column: str) -> tuple[int, float]:
    return duckdb.sql(f"SELECT count(*), sum({column}) FROM '{files}'").fetchall()[0]


readers = [("pyarrow", pa, by_pyarrow), ("polars", pl, by_polars), ("DuckDB", duckdb, by_duckdb)]
print("| reader  | version | trades  | shares     | bars  | shares     |")
print("|---------|---------|--------:|-----------:|------:|-----------:|")
found = []
for name, module, read in readers:
    found.append((*read(*trades), *read(*bars)))
    n, size, m, v = found[-1]
    print(f"| {name:<7} | {module.__version__:<7} | {n} | {size:.0f} | {m} | {v:.0f} |")
    if not math.isclose(size, v, rel_tol=1e-9):
        sys.exit("error: the shares of the bars are not those of the trades")
if len({(n, m) for n, _, m, _ in found}) != 1:
    sys.exit("error: they found different numbers of rows")
