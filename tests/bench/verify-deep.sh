# shellcheck shell=bash disable=SC2154
# What `launcher verify --deep` costs, side by side with decoding the columns of the same files and nothing else. Run by
# scripts/bench: one ticker of the simulated exchange, files written by our own worker.
#
# ROUNDS=5 by default. LAUNCHER=, WORKER=, DECODE= and EXCHANGE_SIM=PATH measure programs that are built already.
# TRADES=ROOT and MINUTE=ROOT take trees that are there already, of TICKER=MAMTH and FROM= to TO=.

rounds=${ROUNDS:-5} ticker=${TICKER:-MAMTH} from=${FROM:-2025-03-03} to=${TO:-2025-03-28} minutes_from=${MINUTES_FROM:-2023-01-03}

release=${CARGO_TARGET_DIR:-target}/release
if [ -z "${LAUNCHER:-}" ] || [ -z "${WORKER:-}" ] || [ -z "${DECODE:-}" ] || [ -z "${EXCHANGE_SIM:-}" ]; then
    say "building (cargo build --release)"
    cargo build --release -p launcher -p worker -p tests --bins
fi
launcher=${LAUNCHER:-$release/launcher} worker=${WORKER:-$release/worker} decode=${DECODE:-$release/decode} sim=${EXCHANGE_SIM:-$release/exchange-sim}
kept=(MALLOC_MMAP_THRESHOLD_=2097152 MALLOC_TRIM_THRESHOLD_=2097152)
printf 'ticker\n%s\n' "$ticker" >"$here/tickers.csv"

# download KIND FROM: the simulated exchange takes any key.
download() {
    POLYGON_API_KEY=no-real-key "$worker" "$1" --tickers-csv "$here/tickers.csv" --outdir "$here/$1" --from "$2" --to "$to" \
        --base-url "http://$(cat "$here/addr")" >&2
}

if [ -z "${TRADES:-}" ] || [ -z "${MINUTE:-}" ]; then
    say "downloading $ticker from the simulated exchange: a minute or two"
    "$sim" --synthetic 7 --tickers 3 --elephant-trades 500000 --addr-file "$here/addr" >"$here/exchange" 2>&1 &
    exchange=$!
    trap 'kill "$exchange" 2>/dev/null || true; rm -rf "$here"' EXIT
    for _ in $(seq 300); do
        if [ -s "$here/addr" ]; then break; fi
        kill -0 "$exchange" 2>/dev/null || { cat "$here/exchange" >&2; fail "the exchange did not start"; }
        sleep 0.1
    done
    if [ -z "${TRADES:-}" ]; then download trades "$from"; fi
    if [ -z "${MINUTE:-}" ]; then download minute "$minutes_from"; fi
    kill "$exchange"
    wait "$exchange" 2>/dev/null || true
    trap 'rm -rf "$here"' EXIT
fi
trades=${TRADES:-$here/trades} minute=${MINUTE:-$here/minute}

# cpu NAME COMMAND...: one line of CPU ms, user and system, more in NAME, and one of wall ms in NAME-wall.
cpu() {
    local name=$1 TIMEFORMAT='%3U %3S %3R' code=0
    shift
    { time "$@" >"$here/said" 2>&1 || code=$?; } 2>"$here/took"
    case $code in 0 | 3) ;; *) cat "$here/said" >&2; fail "$* ended with $code" ;; esac
    awk '{ print ($1 + $2) * 1000 }' "$here/took" >>"$here/$name"
    awk '{ print $3 * 1000 }' "$here/took" >>"$here/$name-wall"
}

# deep THREADS KIND ROOT FROM
deep() {
    echo "$launcher verify --deep --threads $1 --$2 $3 --tickers-csv $here/tickers.csv --from $4 --to $to"
}

say "$rounds rounds, alternating"
started=$(load)
for round in $(seq "$rounds"); do
    echo "round $round (load $(load))" >&2
    for kind in trades minute; do
        root=${!kind}
        since=$from
        [ "$kind" = trades ] || since=$minutes_from
        cpu "decode-$kind" env "${kept[@]}" "$decode" "$root" "$ticker" "$kind.parquet"
        # shellcheck disable=SC2046
        cpu "deep-$kind" $(deep 1 "$kind" "$root" "$since")
        # shellcheck disable=SC2046
        cpu "ledger-$kind" $(deep 1 "$kind" "$root" "$since" | sed 's/ --deep//')
    done
done

# row KIND
row() {
    local rows decode_ms deep_ms
    rows=$("$decode" "${!1}" "$ticker" "$1.parquet" | awk '{ print $1 }')
    decode_ms=$(median "$here/decode-$1" 1 1) deep_ms=$(median "$here/deep-$1" 1 1)
    awk -v kind="$1" -v rows="$rows" -v decode="$decode_ms" -v deep="$deep_ms" -v ledger="$(median "$here/ledger-$1" 1 1)" 'BEGIN {
        printf "| %-6s | %10d | %6.0f | %6.0f | %6.0f | %8.2f | %8.1f |\n", kind, rows, ledger, decode, deep, deep / decode, rows / deep / 1000
    }'
}

printf 'CPU time of whole processes, one thread; load at the start %s, at the end %s; %s rounds\n\n' "$started" "$(load)" "$rounds"
echo "|        |       rows | ledger | decode |   deep | x decode | M rows/s |"
echo "|--------|-----------:|-------:|-------:|-------:|---------:|---------:|"
row trades
row minute
for kind in trades minute; do
    awk -v kind="$kind" -v found="$(median "$here/deep-$kind" 1 1)" -v than="$(median "$here/decode-$kind" 1 1)" 'BEGIN {
        found /= than; printf "- %s: %.2f x decoding every column, at most 1.3: %s\n", kind, found, (found <= 1.3 ? "met" : "not met")
    }'
done
