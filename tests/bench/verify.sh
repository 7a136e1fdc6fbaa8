# shellcheck shell=bash disable=SC2154
# What a verify by ledgers costs on a tree as big as a market (partitions.py). Run by scripts/bench.
#
# TICKERS=8686, MONTHS=262 and ROUNDS=3 by default; PLACE=DIR is where the tree is made (a tmpfs, such as /dev/shm: 2.3
# million folders take 5 GB there, and 10 on ext4); LAUNCHER=PATH measures a launcher that is built already. One thread.

tickers=${TICKERS:-8686} months=${MONTHS:-262} rounds=${ROUNDS:-3}
launcher=${LAUNCHER:-}
if [ -z "$launcher" ]; then
    say "building (cargo build --release)"
    cargo build --release -p launcher --bin launcher
    launcher=${CARGO_TARGET_DIR:-target}/release/launcher
fi
launcher=$(realpath "$launcher")
tree=$(mktemp -d "${PLACE:-/dev/shm}/bench-XXXXXX")
trap 'rm -rf "$here" "$tree"' EXIT

say "making $tickers tickers x $months months"
python3 tests/bench/partitions.py "$tree/out" "$tickers" "$months"
say "verify --outdir: $((tickers * months)) partitions, one thread; $rounds rounds"
for round in $(seq "$rounds"); do
    /usr/bin/time -a -o "$here/took" -f '%e %U %S %M' taskset -c 0 "$launcher" verify --outdir "$tree/out" \
        --tickers-csv "$tree/out.csv" --from 2004-01-01 --to 2025-10-31 --threads 1 >"$here/said" || fail "it found something: $(cat "$here/said")"
    echo "round $round (load $(load)): $(tail -1 "$here/took")" >&2
done
head -1 "$here/said"
printf 'median of %s rounds, warm: %s s, %s CPU-s (%s user, %s kernel), %s MiB at most\n' "$rounds" "$(median "$here/took" 1 1)" \
    "$(awk '{ print $2 + $3 }' "$here/took" >"$here/cpu"; median "$here/cpu" 1 1)" "$(median "$here/took" 2 1)" "$(median "$here/took" 3 1)" \
    "$(awk -v kib="$(median "$here/took" 4 1)" 'BEGIN { printf "%.0f", kib / 1024 }')"
