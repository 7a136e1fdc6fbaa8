"""Dollar bars in the shape of the system that this one replaces: polars reads, lists, a dict a bar, merged by `t`.

usage: lists.py ROOT TICKER TARGET OUT

Written anew for this measurement; a day at a time, so that the lists fit into memory.
"""

import pathlib
import sys

import polars as pl


def bars_of(frame: pl.DataFrame, target: float, open_bar: dict | None) -> tuple[list[dict], dict | None]:
    stamps, prices, sizes = (frame[name].to_list() for name in ("sip_ts", "price", "size"))
    rows, bar = [], open_bar
    for i in range(len(stamps)):
        price, size = float(prices[i]), float(sizes[i])
        if bar is None:
            bar = {"t": stamps[i], "open": price, "high": price, "low": price, "close": price, "v": 0.0, "dollar": 0.0}
        bar["high"] = max(bar["high"], price)
        bar["low"] = min(bar["low"], price)
        bar["close"] = price
        bar["v"] += size
        bar["dollar"] += price * size
        if bar["dollar"] >= target:
            rows.append(bar)
            bar = None
    return rows, bar


def main(root: str, ticker: str, target: float, out: str) -> None:
    path, open_bar = pathlib.Path(out, "bars.parquet"), None
    pathlib.Path(out).mkdir(parents=True)
    days = []
    for day in sorted(pathlib.Path(root, ticker).rglob("trades.parquet")):
        frame = pl.read_parquet(day, columns=["sip_ts", "price", "size"], hive_partitioning=False).sort("sip_ts")
        rows, open_bar = bars_of(frame, target, open_bar)
        days.append(pl.DataFrame(rows))
    days.append(pl.DataFrame([open_bar] if open_bar else []))
    merged = pl.concat([day for day in days if len(day)]).unique(subset="t", keep="last").sort("t")
    merged.write_parquet(path)
    print(len(merged), "bars")


main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4])
