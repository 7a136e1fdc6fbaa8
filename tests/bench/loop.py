"""Dollar bars by a plain loop over the columns, exactly by the rule.

usage: loop.py ROOT TICKER TARGET OUT
"""

import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

NAMES = ["t", "open", "high", "low", "close", "v", "dollar"]


def main(root: str, ticker: str, target: float, out: str) -> None:
    bars = [[] for _ in NAMES]
    n, t, first, high, low, close, v, dollar = 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for path in sorted(pathlib.Path(root, ticker).rglob("trades.parquet")):
        table = pq.ParquetFile(path).read(["sip_ts", "price", "size"])
        columns = (table.column(name).to_pylist() for name in ("sip_ts", "price", "size"))
        for stamp, price, size in zip(*columns):
            if size <= 0 or not 0 < price < float("inf"):
                continue
            if n == 0:
                t, first, high, low = stamp, price, price, price
            n += 1
            if price > high:
                high = price
            if price < low:
                low = price
            close = price
            v += size
            dollar += price * size
            if dollar >= target:
                for column, value in zip(bars, (t, first, high, low, close, v, dollar)):
                    column.append(value)
                n, v, dollar = 0, 0.0, 0.0
    if n > 0:
        for column, value in zip(bars, (t, first, high, low, close, v, dollar)):
            column.append(value)
    pathlib.Path(out).mkdir(parents=True)
    pq.write_table(pa.table(bars, names=NAMES), pathlib.Path(out, "bars.parquet"))
    print(len(bars[0]), "bars")


main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
