#!/usr/bin/env bash
# Proves a staging area on S3, and staging by several processes, on this machine alone.
#
#   tests/cluster/run.sh BINARY [PEOPLE]
#
# BINARY is `transload`; an export of PEOPLE people (default 20000) is staged by several processes. S3 is moto's on loopback, in a
# virtual environment (in $CLUSTER_VENV, else a temporary folder); proxy.py lets it misbehave. Takes some minutes. Needs Python 3.
set -euo pipefail

binary=${1:?usage: run.sh BINARY [PEOPLE]}
people=${2:-20000}
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

# Starts a proxy of this mode and sets `endpoint`.
through() {
    rm -f "$work/port"
    python3 "$here/proxy.py" "$1" 0 "$port" >"$work/port" 2>"$work/proxy" &
    children+=($!)
    for _ in $(seq 100); do
        [ -s "$work/port" ] && break
        sleep 0.1
    done
    endpoint=http://127.0.0.1:$(head -n 1 "$work/port")
}

# Runs a command that has to end with this code and say these words.
refused() {
    local code=$1 words=$2 ended=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" || ended=$?
    grep -qF -- "$words" "$work/err" || { cat "$work/err" >&2; fail "it does not say: $words"; }
    [ "$ended" = "$code" ] || fail "exit code $ended instead of $code: $words"
    ! grep -qF "$AWS_SECRET_ACCESS_KEY" "$work/err" || fail "the log holds the secret"
    printf '  %s: %s\n' "$code" "$(grep -m 1 '^error:' "$work/err" || grep -m 1 -F -- "$words" "$work/err")"
}

start_s3

step "the demo in a folder, and on S3: same org, same books"
project local
project remote
run local "$work/area" >"$work/local.json"
run remote s3://area/demo >"$work/remote.json"
same_books "$work/local.json" "$work/remote.json"
python3 "$here/same_org.py" "$binary" "$work/local" "$work/area" "$work/remote" s3://area/demo
grep -q 's3://area/demo/orgs/' "$work/remote.err" || fail "the report's place is not an address of the store"

step "refusals: each is told, and leaves nothing behind"
stage=("$binary" stage --project "$work/remote" --work)
refused 2 "the bucket does not exist" "${stage[@]}" s3://no-such-bucket/x
AWS_ENDPOINT=http://127.0.0.1:9 refused 3 "the object store cannot be reached" "${stage[@]}" s3://area/x
through deny
AWS_ENDPOINT=$endpoint refused 2 "does not take the credentials" "${stage[@]}" s3://area/x
for mode in no-create deaf-create; do
    through "$mode"
    AWS_ENDPOINT=$endpoint refused 2 "does not support create-only puts" "${stage[@]}" "s3://area/$mode"
    [ "$("$binary" -q query --project "$work/remote" --work "s3://area/$mode" --format csv \
        "select table_name from information_schema.tables where table_schema = 'usercom'" | wc -l)" -le 1 ] || fail "$mode published"
done

step "slow, failing and lost puts: same books"
for mode in slow fail lost; do
    through "$mode"
    AWS_ENDPOINT=$endpoint "${stage[@]}" "s3://area/$mode" --format json >"$work/$mode.json" 2>"$work/err" || { tail -n 5 "$work/err" >&2; fail "$mode"; }
    cmp "$work/slow.json" "$work/$mode.json"
done
project lost
through lost
AWS_ENDPOINT=$endpoint run lost s3://area/lost-run >"$work/lost.json"
same_books "$work/local.json" "$work/lost.json"

step "two commands at once: one is refused by name"
project twice
run twice s3://area/twice >"$work/twice.json" &
first=$!
for _ in $(seq 100); do
    grep -q . "$work/twice.err" 2>/dev/null && break
    sleep 0.1
done
sleep 1
refused 3 'is at work on this staging area' "$binary" run --yes --project "$work/twice" --work s3://area/twice
wait "$first" || fail "the first of two"
same_books "$work/local.json" "$work/twice.json"

step "kill -9 at six points of a run: the next goes on, same org, same books"
project killed
for seconds in 1 3 6 9 13 18; do
    "$binary" run --yes --format json --project "$work/killed" --work s3://area/killed >"$work/killed.json" 2>"$work/err" &
    child=$!
    sleep "$seconds"
    kill -9 "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
done
run killed s3://area/killed >"$work/killed.json"
python3 "$here/same_org.py" "$binary" "$work/local" "$work/area" "$work/killed" s3://area/killed

step "three processes stage $people people: the tables of one"
"$binary" generate --people "$people" --out "$work/big" --seed 7 >"$work/generated" 2>&1
project sharded
rm -rf "$work/sharded/export"
mv "$work/big" "$work/sharded/export"
# Rows that cannot be read are objected to (exit code 1), and are part of what is compared.
staged() { "$binary" stage --project "$work/sharded" --work "$1" --format json "${@:2}" 2>>"$work/shard.err" || [ $? = 1 ]; }
staged s3://area/one >"$work/one.json"
staged s3://area/shards --shard 1/3 >"$work/1.json"
grep -q '"missing":\["2/3","3/3"\]' "$work/1.json" || fail "missing shares are not named: $(cat "$work/1.json")"
"$binary" stage --project "$work/sharded" --work s3://area/shards --shard 2/3 >"$work/out" 2>&1 &
child=$!
sleep 1
kill -9 "$child" 2>/dev/null || true
wait "$child" 2>/dev/null || true
for number in 2 3; do
    staged s3://area/shards --shard "$number/3" >"$work/$number.json" &
    children+=($!)
    pids[number]=$!
done
for number in 2 3; do
    wait "${pids[number]}" || { tail -n 3 "$work/shard.err" >&2; fail "share $number/3"; }
done
cat "$work/2.json" "$work/3.json" | grep '"tables"' >"$work/many.json" || fail "nobody published"
cmp "$work/one.json" "$work/many.json"
for table in usercom.people usercom.events usercom.deals rejects.people staged.files staged.columns; do
    for area in one shards; do
        "$binary" -q query --project "$work/sharded" --work "s3://area/$area" --format csv "select * from $table" | sort >"$work/$area.csv"
    done
    cmp "$work/one.csv" "$work/shards.csv"
    printf '  %s: %s rows, the same\n' "$table" "$(($(wc -l <"$work/one.csv") - 1))"
done

step "done"
