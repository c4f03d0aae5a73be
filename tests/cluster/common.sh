# What the scripts of this folder share: processes that end with the script, projects, runs, and S3 on loopback.
#
# In: `here` and `binary`, and CLUSTER_VENV, a virtual environment that outlives the script, if there is one. Out: `work`, a folder that is
# removed at the end, and `children`, processes that are stopped then. To be sourced.

demo=$here/../../data/demo
work=$(mktemp -d)
venv=${CLUSTER_VENV:-$work/venv}
started=$SECONDS
children=()

stop() {
    for child in "${children[@]+"${children[@]}"}"; do
        kill "$child" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop EXIT

step() { printf '\n== %4d s  %s\n' "$((SECONDS - started))" "$1"; }
fail() {
    printf 'FAILED: %s\n' "$1" >&2
    # What the cluster says of itself, if there is one.
    grep -h -E ' (WARN|ERROR) ' "$work"/*.log 2>/dev/null | tail -n 5 | cut -c1-400 >&2 || true
    exit 1
}

# Waits until a server answers on a port of loopback.
answers() {
    for _ in $(seq 300); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    fail "nothing answers on port $1"
}

project() { cp -r "$demo" "$work/$1"; rm -rf "$work/$1/.transload"; }
run() { "$binary" run --yes --format json --project "$work/$1" --work "$2" 2>"$work/$1.err" || { tail -n 5 "$work/$1.err" >&2; fail "run of $1"; }; }

# The books of two runs are the same, whatever their ids.
same_books() {
    python3 - "$1" "$2" <<'PY'
import json, sys
one, other = (json.load(open(path)) for path in sys.argv[1:])
for part in ("status", "held", "sources", "objects"):
    assert one[part] == other[part], (part, one[part], other[part])
PY
}

# Starts moto's S3 and makes the bucket `area`; sets `port`.
start_s3() {
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    port=$(free_port)
    "$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$work/moto" 2>&1 &
    children+=($!)
    answers "$port"
    export AWS_ACCESS_KEY_ID=cluster AWS_SECRET_ACCESS_KEY=a-secret-of-the-test AWS_REGION=us-east-1 AWS_ALLOW_HTTP=true
    export AWS_ENDPOINT=http://127.0.0.1:$port TRANSLOAD_HISTORY=off NO_COLOR=1
    curl -fsS -X PUT "$AWS_ENDPOINT/area" >"$work/bucket"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
