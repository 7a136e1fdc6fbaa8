# shellcheck shell=bash disable=SC2154
# What it costs the launcher to see a worker through, side by side with GNU parallel on the same number of jobs that end
# at once (at_once.c). Run by scripts/bench.
#
# ITEMS=5000, ROUNDS=3 and JOBS="6 16 32" (at one time) by default; LAUNCHER=PATH measures a launcher that is built already.
# Nothing is removed before the end: ext4 without a journal makes new files slowly where many were removed a moment ago.

items=${ITEMS:-5000} rounds=${ROUNDS:-3} at_once=${JOBS:-6 16 32}
with_parallel=true
parallel --version 2>/dev/null | head -1 | grep -q "GNU parallel" || with_parallel=false
$with_parallel || echo "GNU parallel is not installed (Debian: apt install parallel): going on without it" >&2

launcher=${LAUNCHER:-}
if [ -z "$launcher" ]; then
    say "building (cargo build --release)"
    cargo build --release -p launcher --bin launcher
    launcher=${CARGO_TARGET_DIR:-target}/release/launcher
fi
launcher=$(realpath "$launcher")
job=$here/at-once
cc -O2 -static -o "$job" tests/bench/at_once.c

seq -f 'T%.0f' "$items" >"$here/items"
{ echo ticker; cat "$here/items"; } >"$here/tickers.csv"

# measure NAME COMMAND...: one line "seconds CPU-seconds peak-KiB" more in NAME, of the command and all that it waited for.
measure() {
    local name=$1
    shift
    /usr/bin/time -o "$here/took" -f '%e %U %S %M' "$@" >"$here/said" 2>&1 || { cat "$here/said" >&2; fail "$* failed"; }
    awk '{ print $1, $2 + $3, $4 }' "$here/took" >>"$here/$name"
}

launcher_once() {
    local place=$here/launcher-$1.$round
    mkdir "$place"
    POLYGON_API_KEY=no-real-key measure "launcher-$1" "$launcher" start --workdir "$place/run" --job daily --tickers-csv "$here/tickers.csv" \
        --outdir "$place/out" --from 2024-01-02 --to 2024-01-31 --batch-size 1 --max-concurrent "$1" --ingest-script "$job" --foreground
}

parallel_once() {
    measure "parallel-$1" parallel --will-cite --joblog "$here/joblog-$1.$round" -j "$1" "$job" :::: "$here/items"
}

# row NAME CONCURRENCY FILE RSS RATIO
row() {
    awk -v name="$1" -v jobs="$2" -v took="$(median "$3" 1 1)" -v cpu="$(median "$3" 2 1000)" -v items="$items" -v rss="$4" -v ratio="$5" \
        'BEGIN { printf "| %-12s | %11d | %9.0f | %14.1f | %-14s | %-8s |\n", name, jobs, items / took, cpu / items, ratio, rss }'
}

say "$items jobs that end at once, one a batch; $rounds rounds, alternating"
for round in $(seq "$rounds"); do
    for jobs in $at_once; do
        echo "round $round, $jobs at a time (load $(load))" >&2
        launcher_once "$jobs"
        if $with_parallel; then parallel_once "$jobs"; fi
    done
done

printf '%s cores, load at the end %s; median of %s rounds; CPU of the whole tree\n\n' "$(nproc)" "$(load)" "$rounds"
echo "|              | at one time | batches/s | CPU ms a batch | launcher is    | peak RSS |"
echo "|--------------|------------:|----------:|---------------:|----------------|----------|"
for jobs in $at_once; do
    ours=$(median "$here/launcher-$jobs" 1 1)
    peak=$(awk -v kib="$(median "$here/launcher-$jobs" 3 1)" 'BEGIN { printf "%.1f MiB", kib / 1024 }')
    row launcher "$jobs" "$here/launcher-$jobs" "$peak" ""
    if $with_parallel; then
        theirs=$(median "$here/parallel-$jobs" 1 1)
        row "GNU parallel" "$jobs" "$here/parallel-$jobs" "" "$(awk -v ours="$ours" -v theirs="$theirs" 'BEGIN { printf "%.2f x as fast", theirs / ours }')"
    fi
done
