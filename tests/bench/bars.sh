# shellcheck shell=bash disable=SC2154
# What bars cost, side by side with decoding their columns and nothing else, and with three ways in Python. Run by
# scripts/bench: one ticker, 20 sessions of the simulated exchange, files written by our own worker.
#
# ROUNDS=5 by default. BARS=, WORKER=, DECODE= and EXCHANGE_SIM=PATH measure programs that are built already;
# TREE=ROOT takes trades of MAMTH that are there already; without PYTHON=PATH a Python with polars, pyarrow and duckdb is
# set up in .venv-bench.

rounds=${ROUNDS:-5} ticker=MAMTH from=2025-03-03 to=2025-03-28
# A few hundred bars on each day.
declare -A target=([DB]=20000000 [DIB]=20000000 [VB]=500000 [VIB]=500000 [TB]=1500 [TIB]=1500)
singles=(DB VB DIB VIB TIB TB DRB)

release=${CARGO_TARGET_DIR:-target}/release
if [ -z "${BARS:-}" ] || [ -z "${WORKER:-}" ] || [ -z "${DECODE:-}" ] || [ -z "${EXCHANGE_SIM:-}" ]; then
    say "building (cargo build --release)"
    cargo build --release -p worker -p tests --bins
fi
bars=${BARS:-$release/bars} worker=${WORKER:-$release/worker} decode=${DECODE:-$release/decode} sim=${EXCHANGE_SIM:-$release/exchange-sim}

python=${PYTHON:-.venv-bench/bin/python}
if [ -z "${PYTHON:-}" ] && ! "$python" -c 'import polars, pyarrow, duckdb' 2>/dev/null; then
    say "a Python with polars, pyarrow and duckdb, in .venv-bench"
    python3 -m venv .venv-bench
    "$python" -m pip install --quiet polars pyarrow duckdb
fi

# One core, the last of those that this shell may use.
pin=()
if command -v taskset >/dev/null; then
    core=$(taskset -pc $$ | sed 's/.*[:,-] *//')
    pin=(taskset -c "$core")
fi
export POLARS_MAX_THREADS=1
# What worker/src/memory.rs tells the allocator in `bars`, told to `decode` too: it is worth a fifth of decoding.
kept=(MALLOC_MMAP_THRESHOLD_=2097152 MALLOC_TRIM_THRESHOLD_=2097152)

download() {
    "$sim" --synthetic 7 --tickers 3 --elephant-trades 500000 --addr-file "$here/addr" >"$here/exchange" 2>&1 &
    local exchange=$!
    trap 'kill "$exchange" 2>/dev/null || true; rm -rf "$here"' EXIT
    for _ in $(seq 300); do
        if [ -s "$here/addr" ]; then break; fi
        kill -0 "$exchange" 2>/dev/null || { cat "$here/exchange" >&2; fail "the exchange did not start"; }
        sleep 0.1
    done
    printf 'ticker\n%s\n' "$ticker" >"$here/tickers.csv"
    # The simulated exchange takes any key.
    POLYGON_API_KEY=no-real-key /usr/bin/time -o "$here/worker-rss" -f %M "$worker" trades --tickers-csv "$here/tickers.csv" \
        --outdir "$here/trades" --from "$from" --to "$to" --base-url "http://$(cat "$here/addr")"
    echo "the worker's peak RSS: $(($(cat "$here/worker-rss") / 1024)) MiB" >&2
    kill "$exchange"
    wait "$exchange" 2>/dev/null || true
    trap 'rm -rf "$here"' EXIT
}

# cpu NAME COMMAND...: one line of CPU ms, user and system, more in NAME. Bash tells them to the millisecond.
cpu() {
    local name=$1 TIMEFORMAT='%3U %3S'
    shift
    rm -rf "$here/out"
    { time "${pin[@]}" "$@" >"$here/said" 2>&1 || touch "$here/failed"; } 2>"$here/took"
    [ ! -e "$here/failed" ] || { cat "$here/said" >&2; fail "$* failed"; }
    awk '{ print ($1 + $2) * 1000 }' "$here/took" >>"$here/$name"
}

# peak COMMAND...: the largest RSS, in KiB.
peak() {
    rm -rf "$here/out"
    "${pin[@]}" /usr/bin/time -o "$here/peak" -f %M "$@" >"$here/said" 2>&1 || { cat "$here/said" >&2; fail "$* failed"; }
    cat "$here/peak"
}

build=("$bars" --trades-root "${TREE:-$here/trades}" --ticker "$ticker" --from "$from" --to "$to" --outdir "$here/out")
all=$(for mode in "${!target[@]}"; do echo "$mode=${target[$mode]}"; done | paste -sd,)
# with MEASURE NAME: by `cpu NAME` or `peak`, the command of that name.
with() {
    local measure=$1 name=$2
    if [ "$measure" = cpu ]; then measure="cpu $name"; fi
    local python_on=("$tree" "$ticker" "${target[DB]}" "$here/out")
    case "$name" in
        decode) $measure env "${kept[@]}" "$decode" "$tree" "$ticker" ;;
        glibc) $measure "$decode" "$tree" "$ticker" ;;
        all) $measure "${build[@]}" --mode all --target "$all" ;;
        stable) $measure "${build[@]}" --mode DIB --threshold stable ;;
        DRB) $measure "${build[@]}" --mode DRB ;;
        imports) $measure "$python" -c 'import polars' ;;
        cumulative | loop | lists) $measure "$python" "tests/bench/$name.py" "${python_on[@]}" ;;
        *) $measure "${build[@]}" --mode "$name" --target "$name=${target[$name]}" ;;
    esac
}

tree=${TREE:-$here/trades}
if [ -z "${TREE:-}" ]; then
    say "downloading $ticker, $from to $to, from the simulated exchange: a minute or two"
    download
fi
rows=$("$decode" "$tree" "$ticker" | awk '{ print $1 }')
bytes=$(find "$tree/$ticker" -name trades.parquet -printf '%s\n' | awk -v rows="$rows" '{ all += $1 } END { printf "%.2f", all / rows }')

say "do the plain Python loop and bars make the same bars?"
with peak DB >/dev/null
mv "$here/out" "$here/bars"
with peak loop >/dev/null
"$python" tests/bench/same_bars.py "$here/bars/$ticker/dollar" "$here/out" >&2

say "$rows trades, $bytes bytes each; $rounds rounds, alternating, ${pin[*]:-not pinned to a core}"
started=$(load)
for round in $(seq "$rounds"); do
    echo "round $round (load $(load))" >&2
    for name in decode glibc "${singles[@]}" stable all imports cumulative loop lists; do with cpu "$name"; done
done

# times A B: how many times B the median of A is.
times() { awk -v a="$(median "$here/$1" 1 1)" -v b="$(median "$here/$2" 1 1)" 'BEGIN { printf "%.2f", a / b }'; }

# row NAME TITLE
row() {
    local ms
    ms=$(median "$here/$1" 1 1)
    printf '| %-38s | %6.0f | %6.0f | %10s | %8s | %6s | %8s |\n' "$2" "$ms" "$(sort -n "$here/$1" | head -1)" \
        "$(awk -v rows="$rows" -v ms="$ms" 'BEGIN { printf "%.1f", rows / ms / 1000 }')" "$(times "$1" decode)" "$(times "$1" DB)" \
        "$(with peak "$1" | awk '{ printf "%.1f MiB", $1 / 1024 }')"
}

printf '%s trades in 20 sessions, %s bytes each; load at the start %s, at the end %s; CPU time of whole processes, %s rounds\n\n' \
    "$rows" "$bytes" "$started" "$(load)" "$rounds"
echo "|                                        | CPU ms |  least | M trades/s | x decode |   x DB | peak RSS |"
echo "|----------------------------------------|-------:|-------:|-----------:|---------:|-------:|---------:|"
row decode "only decoding the three columns"
row glibc "the same, allocator as glibc sets it"
for mode in "${singles[@]}"; do row "$mode" "bars --mode $mode"; done
row stable "bars --mode DIB --threshold stable"
row all "bars --mode all: nine modes, one pass"
row cumulative "polars, cumulative sum (not the rule)"
row loop "Python loop over the columns"
row lists "polars and lists, as the original"
row imports "(\`import polars\` and nothing else)"

echo
# verdict WHAT FOUND LIMIT UNIT, with FOUND at most LIMIT; verdict_least the other way.
verdict() { awk -v what="$1" -v found="$2" -v limit="$3" -v unit="$4" 'BEGIN { printf "- %s: %s%s, at most %s: %s\n", what, found, unit, limit, (found <= limit ? "met" : "not met") }'; }
verdict_least() { awk -v what="$1" -v found="$2" -v limit="$3" -v unit="$4" 'BEGIN { printf "- %s: %s%s, at least %s: %s\n", what, found, unit, limit, (found >= limit ? "met" : "not met") }'; }
for mode in DB VB DIB; do
    verdict "$mode against decoding" "$(times "$mode" decode)" 1.35 " x"
    verdict "$mode against decoding, allocator as glibc sets it" "$(times "$mode" glibc)" 1.35 " x"
    verdict_least "$mode" "$(awk -v rows="$rows" -v ms="$(median "$here/$mode" 1 1)" 'BEGIN { printf "%.1f", rows / ms / 1000 }')" 24 " million trades/s a core"
done
for mode in DB DIB DRB; do verdict "all nine against $mode alone" "$(times all "$mode")" 3 " x"; done
verdict_least "polars' cumulative sum against DB" "$(times cumulative DB)" 4.5 " x"
paste "$here/cumulative" "$here/imports" | awk '{ print $1 - $2 }' >"$here/cumulative-alone"
verdict_least "the same without importing polars" "$(times cumulative-alone DB)" 4.5 " x"
verdict_least "the plain Python loop against DB" "$(times loop DB)" 30 " x"
verdict_least "polars and lists against DB" "$(times lists DB)" 40 " x"
mib() { awk '{ printf "%.1f", $1 / 1024 }'; }
verdict "peak RSS of all nine, target 50,000" "$(peak "${build[@]}" --mode all --target 50000 | mib)" 48 " MiB"
verdict "peak RSS of DB at a target of 20,000" "$(peak "${build[@]}" --mode DB --target 20000 | mib)" 48 " MiB"
sed -n 's/.*\(DB: [0-9]* bars of [0-9]* trades\).*/  (\1)/p' "$here/said"

printf '\nWho reads our files, with nothing but a path:\n\n'
"$python" tests/bench/readers.py "$tree" "$here/bars" "$ticker"
