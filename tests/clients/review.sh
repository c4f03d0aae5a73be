#!/usr/bin/env bash
# Decides the demo's field map on the review page, in a real browser.
#
#   tests/clients/review.sh BINARY [FOLDER]
#
# BINARY is `transload`; FOLDER takes the screenshots. Copies data/demo, takes its map and its lifecycle stages away, proposes them, serves the page and
# runs review_page.js. Needs Node.js, and what browser.sh sees to.
set -euo pipefail

binary=$(realpath "${1:?usage: review.sh BINARY [FOLDER]}")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
shots=${2:-$work}
server=

stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT

source "$here/browser.sh"
cp -r "$here/../../data/demo" "$work/project"
for file in field_map lifecycle; do
    head -n 1 "$work/project/config/$file.csv" >"$work/head"
    mv "$work/head" "$work/project/config/$file.csv"
done
export TRANSLOAD_HISTORY=$work/history.csv
"$binary" map propose --project "$work/project" --offline >/dev/null 2>"$work/stderr" || { cat "$work/stderr"; exit 1; }
"$binary" map review --project "$work/project" --offline >"$work/url" 2>"$work/stderr" &
server=$!
for _ in $(seq 100); do
    [ -s "$work/url" ] && break
    sleep 0.1
done
node "$here/review_page.js" "$(head -n 1 "$work/url")" "$work/project/config/field_map.csv" "$shots"
