"""Whether two projects ended with the same org, as `transload query` shows what was read back of it.

In: BINARY, and twice a project folder and its staging area. Out: nothing, or the first difference and exit code 1. Ids of records and the
times of the org's own clock are left out: every org has its own.
"""

import csv
import io
import re
import subprocess
import sys

TABLES = [
    "account", "contact", "lead", "opportunity", "opportunity_line_item", "product",
    "task", "event", "event_relation", "campaign", "campaign_member",
]
OWN = {"_id", "LastModifiedById", "LastModifiedDate", "SystemModstamp"}
binary, *sides = sys.argv[1:]


def query(project, work, sql):
    command = [binary, "-q", "query", "--project", project, "--work", work, "--format", "csv", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rows(project, work, table):
    found = list(csv.DictReader(io.StringIO(query(project, work, f"select * from org.{table}"))))
    if not found:
        sys.exit(f"org.{table} of {project} is empty")
    # Characters four to six of an id are the org's.
    infix = found[0]["_id"][3:6]
    own_id = re.compile(rf"\b[0-9A-Za-z]{{3}}{infix}[0-9A-Za-z]{{12}}\b")
    kept = [{name: own_id.sub("ID", text) for name, text in row.items() if name not in OWN} for row in found]
    return sorted(repr(sorted(row.items())) for row in kept)


for table in TABLES:
    one, other = (rows(*sides[at:at + 2], table) for at in (0, 2))
    if one != other:
        pairs = [(a, b) for a, b in zip(one, other) if a != b] or [(len(one), len(other))]
        sys.exit(f"org.{table} differs: {len(one)} and {len(other)} rows; first: {pairs[0][0]} / {pairs[0][1]}")
    print(f"org.{table}: {len(one)} rows, the same")
