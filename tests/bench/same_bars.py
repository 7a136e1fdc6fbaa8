"""Are the bars below two folders the same, bit for bit? usage: same_bars.py FOLDER FOLDER"""

import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def bars(folder: str) -> pa.Table:
    files = sorted(pathlib.Path(folder).rglob("bars.parquet"))
    return pa.concat_tables([pq.ParquetFile(path).read() for path in files])


ours, theirs = (bars(folder) for folder in sys.argv[1:])
names = ["t", "open", "high", "low", "close", "v", "dollar"]
for name in names:
    same = [column.column(name).combine_chunks().buffers()[1].to_pybytes()[: 8 * len(column)] for column in (ours, theirs)]
    if len(ours) != len(theirs) or same[0] != same[1]:
        sys.exit(f"error: the column {name} differs ({len(ours)} and {len(theirs)} bars)")
print(f"yes, all {len(ours)}, bit for bit")
