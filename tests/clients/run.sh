#!/usr/bin/env bash
# Proves that an unmodified client of Salesforce works against the simulator.
#
#   tests/clients/run.sh BINARY
#
# BINARY is `transload`. Makes a virtual environment (in $CLIENTS_VENV, else a temporary folder), starts
# `BINARY sim salesforce --port 0 --state DIR --tls`, runs simple_salesforce_client.py against it, stops it.
set -euo pipefail

binary=${1:?usage: run.sh BINARY}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
venv=${CLIENTS_VENV:-$work/venv}
server=

stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT

python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"

"$binary" sim salesforce --port 0 --state "$work/state" --tls --production >"$work/stdout" 2>"$work/stderr" &
server=$!
for _ in $(seq 200); do
    url=$(head -n 1 "$work/stdout")
    if [ -n "$url" ] && [ -f "$work/state/ca.pem" ]; then
        break
    fi
    if ! kill -0 "$server" 2>/dev/null; then
        break
    fi
    sleep 0.1
done
if [ -z "${url:-}" ]; then
    echo "the simulator did not start:" >&2
    cat "$work/stderr" >&2
    exit 1
fi

REQUESTS_CA_BUNDLE="$work/state/ca.pem" "$venv/bin/python" "$here/simple_salesforce_client.py" --url "$url"
