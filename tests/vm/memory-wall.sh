#!/usr/bin/env bash
# Is memory.max a wall? Most machines that build this have no cgroup v2 that counts memory, so a small one is started: Debian's
# kernel, busybox, the launcher, and a worker of the zoo that takes 300 MiB at once under --max-rss 100MiB.
#
# Needs qemu-system-x86_64, a kernel in /boot and a static busybox (Debian: qemu-system-x86 linux-image-cloud-amd64
# busybox-static cpio). Run by scripts/soak, which says so when they are missing. It takes about a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."

kernel=$(find /boot -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -1)
for program in qemu-system-x86_64 busybox cpio; do
    command -v "$program" >/dev/null || { echo "skipped: the wall around memory ($program is not installed)"; exit 0; }
done
[ -n "$kernel" ] || { echo "skipped: the wall around memory (no kernel in /boot)"; exit 0; }

cargo build --bin launcher --bin zoo
built=${CARGO_TARGET_DIR:-target}/debug
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
root=$place/root
mkdir -p "$root"/{bin,proc,sys,dev,tmp,place}
cp tests/vm/init "$root/init"
chmod +x "$root/init"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in sh mount cat ls grep sed chmod poweroff; do ln -s busybox "$root/bin/$applet"; done
for program in launcher zoo; do
    strip -o "$root/bin/$program" "$built/$program"
    ldd "$built/$program" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
done
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$place/initrd"

timeout 300 qemu-system-x86_64 -accel tcg -m 1024 -smp 2 -nographic -no-reboot -net none -kernel "$kernel" -initrd "$place/initrd" \
    -append "console=ttyS0 quiet panic=-1 cgroup_no_v1=all" </dev/null >"$place/raw" 2>&1 || { cat "$place/raw"; echo "error: the machine did not end by itself" >&2; exit 1; }
tr -d "\r" <"$place/raw" >"$place/said"

expect() { grep -q -- "$1" "$place/said" || { cat "$place/said"; echo "error: the machine did not say: $1" >&2; exit 1; }; }
expect 'glutton exit 1'
expect '"too_large"'
expect 'modest exit 0'
expect 'wall 131072000'
expect 'groups left: 0'
peak=$(sed -n 's/.*"peak_rss_bytes":\([0-9]*\).*/\1/p' "$place/said" | head -1)
# Beside the 125 MiB that are counted it has pages of files that it shares.
[ "$peak" -le $((140 << 20)) ] || { echo "error: the worker had $peak bytes, far beyond the wall of 131072000" >&2; exit 1; }
echo "the wall around memory holds: a worker that wanted 300 MiB was ended at $((peak >> 20)) MiB"
