#!/usr/bin/env bash
# Reads every document of the demo in a real browser.
#
#   tests/clients/documents.sh BINARY [FOLDER]
#
# BINARY is `transload`; FOLDER takes the screenshots. Copies data/demo, puts hostile names into its export, makes the documents of
# `audit`, `inventory`, `estimate`, a run, a second run with conflicts to tell, `cutover report` and `docs site`, and runs
# documents_page.js over them. Needs Node.js, and what browser.sh sees to.
set -euo pipefail

binary=$(realpath "${1:?usage: documents.sh BINARY [FOLDER]}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shots=${2:-$work}
source "$here/browser.sh"

cp -r "$here/../../data/demo" "$work/project"
rm -rf "$work/project/.transload"
# Markup, a mark that turns the direction of writing, and a name of ten thousand letters.
python3 - "$work/project/export" <<'PY'
import csv, io, pathlib, sys
path = pathlib.Path(sys.argv[1]) / "companies-1.csv"
# Some bytes of the demo are of another code page: each byte stays what it is.
rows = list(csv.reader(io.StringIO(path.read_bytes().decode("latin-1"), newline="")))
at = rows[0].index("name")
hostile = ["<script>window.hurt = 1</script><img src=x onerror=window.hurt=1>", "\u202eemoc ruoy\u202c", "x" * 10_000]
for row, name in zip(rows[1:], hostile):
    row[at] = name.encode().decode("latin-1")
out = io.StringIO(newline="")
csv.writer(out, lineterminator="\n").writerows(rows)
path.write_bytes(out.getvalue().encode("latin-1"))
PY
run() {
    "$binary" "$@" --project "$work/project" >"$work/stdout" 2>"$work/stderr" || {
        code=$?
        # Rows that wait for a decision are no failure here.
        [ "$code" -eq 1 ] || { cat "$work/stdout" "$work/stderr"; echo "transload $* ended with $code"; exit 1; }
    }
}
run stage
run audit
run inventory
run estimate
run run
run report
run estimate --review
run cutover report
run docs site
find "$work/project" -name '*.html' | sort >"$work/pages"
node "$here/documents_page.js" "$shots" $(cat "$work/pages")
