"""Reads a daily tree with nothing but its path and prints what the Rust test compares.

usage: read_dataset.py OUTDIR   (the Python of .venv)
"""

import sys

import pyarrow.dataset as ds

# Files and folders that begin with "_" are skipped by pyarrow itself; `year` is the partition's column.
dataset = ds.dataset(sys.argv[1], format="parquet", exclude_invalid_files=False)
for field in dataset.schema:
    print(f"{field.name} {field.type} {'null' if field.nullable else 'not null'}")
table = dataset.to_table()
print("rows", table.num_rows)
for row in table.slice(0, 1).to_pylist():
    print("first", row)
