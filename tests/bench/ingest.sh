# shellcheck shell=bash disable=SC2154
# What a page costs from the socket to synced Parquet, side by side with the vendor's Python client, a Python worker built as
# the old one was, and curl with DuckDB. Run by scripts/bench. Pages are built beforehand and served from memory, gzip'd, so
# that the server is not the limit (its share is printed).
#
# ROUNDS=3, PAGES=12 (of 50,000 rows), KINDS="trades minute", SCHEME=https (or http) by default. WORKER= and PAGE_SERVER=PATH
# measure programs that are built already; WORKER_BEFORE=PATH adds another build of the worker. Without PYTHON=PATH a Python
# with what is needed is set up in .venv-bench; PYTHON=none leaves the others out.

rounds=${ROUNDS:-3} pages=${PAGES:-12} kinds=${KINDS:-trades minute} scheme=${SCHEME:-https}
# Trades of four sessions; minutes of 52 sessions a page.
declare -A first=([trades]=2025-03-03 [minute]=2021-01-04) last=([trades]=2025-03-07 [minute]=2025-12-31)
rows=$((pages * 50000))

release=${CARGO_TARGET_DIR:-target}/release
if [ -z "${WORKER:-}" ] || [ -z "${PAGE_SERVER:-}" ]; then
    say "building (cargo build --release)"
    cargo build --release -p worker -p tests --bins
fi
worker=${WORKER:-$release/worker} server=${PAGE_SERVER:-$release/page-server}

python=${PYTHON:-.venv-bench/bin/python}
if [ -z "${PYTHON:-}" ] && ! "$python" -c 'import massive, polars, pyarrow, duckdb, requests' 2>/dev/null; then
    say "a Python with massive, requests, polars, pyarrow and duckdb, in .venv-bench"
    python3 -m venv .venv-bench
    "$python" -m pip install --quiet massive requests polars pyarrow duckdb
fi
programs=(worker full)
if [ -n "${WORKER_BEFORE:-}" ]; then programs+=(before); fi
if [ "$python" != none ]; then programs+=(client old curl); fi

# The client has the last core for itself, the server the first.
cores=$(nproc)
pin=(taskset -c $((cores - 1)))
export POLARS_MAX_THREADS=1 POLYGON_API_KEY=no-real-key

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
    -keyout "$here/key.pem" -out "$here/certificate.pem" 2>/dev/null
tls=()
if [ "$scheme" = https ]; then tls=(--tls "$here/certificate.pem" "$here/key.pem"); fi
export SSL_CERT_FILE=$here/certificate.pem CURL_CA_BUNDLE=$here/certificate.pem REQUESTS_CA_BUNDLE=$here/certificate.pem

serve() { # serve KIND
    rm -f "$here/url" "$here/hold"
    mkfifo "$here/hold"
    # The server ends when its standard input does.
    taskset -c 0 "$server" --kind "$1" --pages "$pages" --tickers 2 --from "${first[$1]}" --url-file "$here/url" "${tls[@]}" \
        <"$here/hold" 2>"$here/served" &
    exec 7>"$here/hold"
    for _ in $(seq 300); do
        if [ -s "$here/url" ]; then break; fi
        sleep 0.1
    done
    [ -s "$here/url" ] || { cat "$here/served" >&2; fail "the page server did not start"; }
}

printf 'ticker\nT0\n' >"$here/tickers.csv"
ours() { # ours PROGRAM ARGUMENTS...: the worker over one ticker, with one thread
    local program=$1
    shift
    "$program" "$kind" --tickers-csv "$here/tickers.csv" --outdir "$here/out" --from "$from" --to "$to" \
        --base-url "$(cat "$here/url")" --max-workers 1 "$@"
}
run() { # run NAME
    case "$1" in
        worker) ours "$worker" ;;
        full) if [ "$kind" = trades ]; then ours "$worker" --columns full; else ours "$worker"; fi ;;
        before) ours "$WORKER_BEFORE" ;;
        client) "$python" tests/bench/ingest_client.py "$kind" "$(cat "$here/url")" "$here/out" ;;
        old) "$python" tests/bench/ingest_old.py "$kind" "$(cat "$here/url")" "$here/out" ;;
        curl) "$python" tests/bench/ingest_curl.py "$kind" "$(cat "$here/url")" "$here/out" ;;
    esac
}
export -f run ours
export python worker here WORKER_BEFORE="${WORKER_BEFORE:-}"

measure() { # measure NAME: a line of CPU s, wall s, RSS KiB
    rm -rf "$here/out"
    mkdir "$here/out"
    "${pin[@]}" /usr/bin/time -o "$here/took" -f '%U %S %e %M' bash -c "run $1" >"$here/said" 2>&1 ||
        { cat "$here/said" >&2; fail "$1 failed on $kind"; }
    awk '{ print $1 + $2, $3, $4 }' "$here/took" >>"$here/$kind-$1"
}

for kind in $kinds; do
    export kind from=${first[$kind]} to=${last[$kind]}
    say "$kind: $rows rows in $pages pages over $scheme; $rounds rounds, alternating"
    serve "$kind"
    cat "$here/served" >&2
    for round in $(seq "$rounds"); do
        echo "round $round (load $(load))" >&2
        for name in "${programs[@]}"; do measure "$name"; done
    done
    exec 7>&-
    wait
done

declare -A title=([worker]="worker" [full]="worker, every column" [before]="worker, the build before" [client]="vendor's Python client, pyarrow"
    [old]="Python: requests, polars, read-merge-write" [curl]="curl, DuckDB read_json")
for kind in $kinds; do
    printf '\n%s: %s rows in %s pages, gzip over %s, one thread on one core; medians of %s rounds; load at the end %s\n\n' \
        "$kind" "$rows" "$pages" "$scheme" "$rounds" "$(load)"
    echo "|                                            | rows/CPU-s | rows/s     | peak RSS | worker is |"
    echo "|--------------------------------------------|-----------:|-----------:|---------:|----------:|"
    for name in "${programs[@]}"; do
        file=$here/$kind-$name
        awk -v title="${title[$name]}" -v rows="$rows" -v cpu="$(median "$file" 1 1)" -v wall="$(median "$file" 2 1)" \
            -v rss="$(median "$file" 3 1)" -v ours="$(median "$here/$kind-worker" 1 1)" \
            'BEGIN { printf "| %-42s | %10.0f | %10.0f | %4.0f MiB | %7.2f x |\n", title, rows / cpu, rows / wall, rss / 1024, cpu / ours }'
    done
done
