#!/usr/bin/env bash
# Proves that models and outboxes computed by a Ballista cluster are those of one machine, on this machine alone.
#
#   tests/cluster/ballista.sh BINARY [PEOPLE]
#
# BINARY is `transload` built with `--features ballista`. The stock `ballista-scheduler` and `ballista-executor` of version 55 have to be on
# the path (`cargo install --locked ballista-scheduler ballista-executor`). The store is moto's S3 on loopback. PEOPLE (default 20000) are
# those of the larger export. Takes 20 minutes, with 300,000 people an hour.
set -euo pipefail

binary=${1:?usage: ballista.sh BINARY [PEOPLE]}
people=${2:-20000}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

for program in ballista-scheduler ballista-executor; do
    command -v "$program" >/dev/null || fail "$program is not on the path"
done
start_s3
scheduler=$(free_port)

# The cluster's programs know Amazon's names of the variables.
export TRANSLOAD_LOG=warn,transload=info AWS_ENDPOINT_URL=$AWS_ENDPOINT AWS_DEFAULT_REGION=$AWS_REGION

# Starts the scheduler; sets `scheduling` to its process.
start_scheduler() {
    ballista-scheduler --bind-host 127.0.0.1 --bind-port "$scheduler" --executor-timeout-seconds 12 --expire-dead-executor-interval-seconds 3 \
        >>"$work/scheduler.log" 2>&1 &
    scheduling=$!
    children+=("$scheduling")
    answers "$scheduler"
}

# Starts the executor of this number with little memory; sets `executor` to its process.
start_executor() {
    ballista-executor --bind-host 127.0.0.1 --scheduler-host 127.0.0.1 --scheduler-port "$scheduler" --bind-port "$(free_port)" \
        --executor-heartbeat-interval-seconds 2 --bind-grpc-port "$(free_port)" --bind-health-port "$(free_port)" --vcores 2 --memory-pool-size 256MB --work-dir "$work/executor-$1" \
        >>"$work/executor-$1.log" 2>&1 &
    executor=$!
    children+=("$executor")
}

# A project whose models and outboxes are computed by the cluster, however small.
on_cluster() {
    project "$1"
    printf '\n[engine]\nkind = "ballista"\nscheduler = "http://127.0.0.1:%s"\npartitions = 4\nfrom_rows = 0\n' "$scheduler" \
        >>"$work/$1/migration.toml"
}

steps_of() { grep -c 'runs on http' "$work/$1.err" || true; }

step "the demo on this machine"
project local
run local "$work/area" >"$work/local.json"

step "refusals: each is told, and leaves nothing behind"
on_cluster nobody
refused() {
    local words=$1 ended=0
    "$binary" run --yes --project "$work/nobody" --work "$2" >"$work/out" 2>"$work/err" || ended=$?
    [ "$ended" = 3 ] || { tail -n 5 "$work/err" >&2; fail "exit code $ended instead of 3: $words"; }
    grep -qF -- "$words" "$work/err" || { cat "$work/err" >&2; fail "it does not say: $words"; }
    printf '  %s\n' "$(grep -m 1 '^error:' "$work/err")"
}
refused "no scheduler answers at http://127.0.0.1:$scheduler" s3://area/nobody
# Something else than a scheduler.
python3 -m http.server --bind 127.0.0.1 "$scheduler" >"$work/http" 2>&1 &
other=$!
answers "$scheduler"
refused "failed on the cluster" s3://area/nobody
kill "$other"
wait "$other" 2>/dev/null || true
"$venv/bin/python" "$here/other_scheduler.py" "$scheduler" 54.0.0 >"$work/other" 2>&1 &
other=$!
answers "$scheduler"
refused "54.0.0" s3://area/nobody
kill "$other"
wait "$other" 2>/dev/null || true

# A scheduler that looks into another store of the same name.
elsewhere=$(free_port)
"$venv/bin/moto_server" -H 127.0.0.1 -p "$elsewhere" >"$work/moto_elsewhere" 2>&1 &
children+=($!)
answers "$elsewhere"
curl -fsS -X PUT "http://127.0.0.1:$elsewhere/area" >"$work/bucket"
AWS_ENDPOINT=http://127.0.0.1:$elsewhere AWS_ENDPOINT_URL=http://127.0.0.1:$elsewhere start_scheduler
start_executor 0
refused "the cluster sees 0 of the" s3://area/nobody
kill "$executor" "$scheduling"
wait "$executor" "$scheduling" 2>/dev/null || true
start_scheduler
AWS_ENDPOINT=http://127.0.0.1:1 AWS_ENDPOINT_URL=http://127.0.0.1:1 start_executor 0
refused "Failed to fetch metadata" s3://area/nobody
kill "$executor"
wait "$executor" 2>/dev/null || true

step "the demo on a scheduler and two executors: same org, same books"
start_executor 1
start_executor 2
on_cluster remote
run remote s3://area/demo >"$work/remote.json"
same_books "$work/local.json" "$work/remote.json"
python3 "$here/same_org.py" "$binary" "$work/local" "$work/area" "$work/remote" s3://area/demo
steps=$(steps_of remote)
[ "$steps" -gt 50 ] || fail "only $steps steps ran on the cluster"
printf '  %s steps on the cluster, %s stayed\n' "$steps" "$(grep -c 'stays on this machine' "$work/remote.err" || true)"

step "an executor killed in the middle, and one that starts late"
on_cluster killed
run killed s3://area/killed >"$work/killed.json" &
running=$!
for _ in $(seq 600); do
    [ "$(steps_of killed)" -ge 20 ] && break
    sleep 0.1
done
kill -9 "$executor"
sleep 5
start_executor 3
ended=0
wait "$running" || ended=$?
# A step may fail by it; nothing of it counts, and the same command goes on.
[ "$ended" = 0 ] || run killed s3://area/killed >"$work/killed.json"
python3 "$here/same_org.py" "$binary" "$work/local" "$work/area" "$work/killed" s3://area/killed
printf '  the first command ended with %s\n' "$ended"

step "a later run, which looks at its rows in another way"
run local "$work/area" >"$work/local_again.json"
run remote s3://area/demo >"$work/remote_again.json"
same_books "$work/local_again.json" "$work/remote_again.json"
grep -q '"sent": *[1-9]' "$work/remote_again.json" && fail "a second run sent something"

step "$people people: same org, same books"
"$binary" generate --people "$people" --out "$work/big" --seed 7 >"$work/generated" 2>&1
for name in local_big remote_big; do
    case $name in
    local_big) project "$name" ;;
    *) on_cluster "$name" ;;
    esac
    rm -rf "$work/$name/export"
    cp -r "$work/big" "$work/$name/export"
done
many() { "$binary" run --yes --format json --project "$work/$1" --work "$2" >"$work/$1.json" 2>"$work/$1.err" || [ $? = 1 ] || { tail -n 5 "$work/$1.err" >&2; fail "run of $1"; }; }
many local_big "$work/area_big"
many remote_big s3://area/big
same_books "$work/local_big.json" "$work/remote_big.json"
python3 "$here/same_org.py" "$binary" "$work/local_big" "$work/area_big" "$work/remote_big" s3://area/big
printf '  %s steps on the cluster\n' "$(steps_of remote_big)"

! grep -rqF "$AWS_SECRET_ACCESS_KEY" "$work"/*.err "$work"/*.log || fail "a log holds the secret"

step "done"
