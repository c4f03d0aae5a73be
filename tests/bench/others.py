"""One CSV file to one Parquet file, by DuckDB or Polars.

In: the program's name, the CSV file, the Parquet file to write; or the name alone. Out: the Parquet file with the types
that the program infers by itself, compressed as LZ4, made with two threads; or its version on stdout. Never: a row
changed or left out.
"""

import os
import sys

THREADS = 2


def duckdb(files):
    import duckdb

    if not files:
        return duckdb.__version__
    source, target = (name.replace("'", "''") for name in files)
    connection = duckdb.connect(config={"threads": THREADS})
    # How the file is quoted is said; types are found in the rows, as by default.
    connection.execute(
        f"copy (select * from read_csv('{source}', header = true, delim = ',', quote = '\"', escape = '\"')) "
        f"to '{target}' (format parquet, compression lz4_raw)"
    )


def polars(files):
    # Read once, when the library is loaded.
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import polars

    if not files:
        return polars.__version__
    source, target = files
    polars.scan_csv(source).sink_parquet(target, compression="lz4")


if __name__ == "__main__":
    name, *files = sys.argv[1:]
    print({"DuckDB": duckdb, "Polars": polars}[name](files) or "")
