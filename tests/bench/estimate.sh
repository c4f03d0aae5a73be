#!/usr/bin/env bash
# How near an estimate comes: a sample in a sandbox, the estimate for production, the whole run there, both beside each other.
#
#   tests/bench/estimate.sh BINARY [PEOPLE ...]        three sizes by default
#
# BINARY is `transload`. In: the decisions of data/demo and a generated export for each number of people. Both orgs are simulators of
# their own, with the users and settings of the demo's: their Bulk batches of 10,000 rows take BATCH_MS (default 20000), and rows are held
# while they are written. SAMPLE people (default 300) make the sample. Out: a Markdown line per size: rows, predicted low, likely, high,
# actual seconds, and how far off the likely value was. Nothing fails here: it is a measurement.
set -euo pipefail

binary=$(realpath "${1:?usage: estimate.sh BINARY [PEOPLE ...]}")
shift
[ $# -gt 0 ] || set -- 2000 4000 8000
demo=$(cd "$(dirname "$0")/../.." && pwd)/data/demo
work=$(mktemp -d)
servers=()

stop() {
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    servers=()
}
trap 'stop; rm -rf "$work"' EXIT

export SALESFORCE_CLIENT_ID=transload SALESFORCE_CLIENT_SECRET=simulator

# Starts an org; its address is in $url.
org() {
    "$binary" sim salesforce --port 0 --state "$1" --seed "$demo/org" --inactive-owners --locks \
        --batch-ms "${BATCH_MS:-20000}" >"$1.url" 2>/dev/null &
    servers+=($!)
    until [ -s "$1.url" ]; do sleep 0.1; done
    url=$(head -n 1 "$1.url")
}

echo "| people | rows | low s | likely s | high s | actual s | off |"
echo "|---|---|---|---|---|---|---|"
for people in "$@"; do
    folder=$work/$people
    mkdir -p "$folder"
    cp -r "$demo/config" "$folder/config"
    "$binary" generate --people "$people" --out "$folder/export" >/dev/null
    {
        sed '/^default_target/d; /^\[destination/,$d' "$demo/migration.toml"
        for name in sandbox production; do
            org "$folder/$name" >/dev/null
            printf '[destination.%s]\nkind = "salesforce"\nlogin_url = "%s"\nauth = "client_credentials"\n\n' "$name" "$url"
        done
    } >"$folder/migration.toml"
    "$binary" run --quiet --project "$folder" --target sandbox --yes --sample "${SAMPLE:-300}" >/dev/null || true
    "$binary" estimate --quiet --project "$folder" --target production --measured-on sandbox >/dev/null || true
    "$binary" run --quiet --project "$folder" --target production --yes >/dev/null || true
    "$binary" estimate --quiet --project "$folder" --target production --review --format json >"$folder/review.json"
    python3 - "$people" "$folder/review.json" <<'PY'
import json, sys
people, path = sys.argv[1:]
part = next(p for p in json.load(open(path))["parts"] if p["query"].endswith("estimate/review.sql"))
names = [column["name"] for column in part["table"]["columns"]]
whole = next(dict(zip(names, row)) for row in part["table"]["rows"] if row[0] == "the whole run")
cells = [people, whole["rows sent"], whole["low seconds"], whole["likely seconds"], whole["high seconds"],
         whole["actual seconds"], f'{whole["percent off"]:+.1f} %']
print("| " + " | ".join(str(cell) for cell in cells) + " |")
PY
    stop
done
