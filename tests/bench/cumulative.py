"""Dollar bars by polars' usual idiom: the whole cumulative sum, cut at each multiple of the target.

usage: cumulative.py ROOT TICKER TARGET OUT

Only like the rule: what a bar has too much is carried into the next, and the sums run over the whole range.
"""

import pathlib
import sys

import polars as pl

root, ticker, target, out = sys.argv[1:]
files = sorted(pathlib.Path(root, ticker).rglob("trades.parquet"))
dollar = pl.col("price") * pl.col("size")
bars = (
    pl.scan_parquet(files, hive_partitioning=False)
    .select("sip_ts", "price", "size", dollar.alias("dollar"))
    .with_columns((pl.col("dollar").cum_sum() // float(target)).cast(pl.Int64).alias("bar"))
    .group_by("bar", maintain_order=True)
    .agg(
        pl.col("sip_ts").first().alias("t"),
        pl.col("price").first().alias("open"),
        pl.col("price").max().alias("high"),
        pl.col("price").min().alias("low"),
        pl.col("price").last().alias("close"),
        pl.col("size").sum().alias("v"),
        pl.col("dollar").sum(),
    )
    .drop("bar")
    .collect()
)
pathlib.Path(out).mkdir(parents=True)
bars.write_parquet(pathlib.Path(out, "bars.parquet"))
print(len(bars), "bars")
