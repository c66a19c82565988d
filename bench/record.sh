#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Records tens of millions of kmem events of this kernel into FILE, uncompressed, through a trace instance of its own,
# which is gone afterwards whatever happens. Exit status 77, with the reason, where that is not possible.
#   bench/record.sh FILE [SECONDS]
set -eu

file=$1
seconds=${2:-25}
kbytes=700000 # for each CPU
instance=kmem-analyze-bench-$$
directory=

skip() {
	echo "not recorded: $*"
	exit 77
}

cleanup() {
	if [ -n "$directory" ] && [ -d "$directory" ]; then
		echo 0 >"$directory/tracing_on"
		rmdir "$directory"
	fi
	rm -rf "$load"
}

[ "$(id -u)" = 0 ] || skip "needs root"
command -v trace-cmd >/dev/null || skip "no trace-cmd"
[ -d /sys/kernel/tracing/instances ] || skip "tracefs is not mounted"
available=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
[ "$available" -gt $((kbytes * $(nproc) * 2)) ] || skip "not enough memory for the ring buffers"
[ -w /dev/shm ] || skip "no /dev/shm to write to"
load=$(mktemp -d /dev/shm/kmem-analyze-bench.XXXXXX)
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
directory=/sys/kernel/tracing/instances/$instance
mkdir "$directory" 2>/dev/null || { directory='' && skip "no trace instance can be made"; }
echo 0 >"$directory/tracing_on"
echo $kbytes >"$directory/buffer_size_kb" 2>/dev/null || skip "no room for the ring buffers"
for event in mm_page_alloc mm_page_free mm_page_free_batched mm_page_alloc_zone_locked \
	mm_page_pcpu_refill mm_page_pcpu_drain mm_zone_lock_contended mm_zone_locked \
	mm_zone_lock_unlock kmalloc kfree kmem_cache_alloc kmem_cache_free; do
	[ ! -d "$directory/events/kmem/$event" ] || echo 1 >"$directory/events/kmem/$event/enable"
done
echo "recording for $seconds seconds: two writers fill and empty a tmpfs" >&2
echo 1 >"$directory/tracing_on"
end=$(($(date +%s) + seconds))
for writer in 1 2; do
	while [ "$(date +%s)" -lt "$end" ]; do
		dd if=/dev/zero of="$load/$writer" bs=1M count=200 2>/dev/null
		rm "$load/$writer"
	done &
done
wait
echo 0 >"$directory/tracing_on"
trace-cmd extract -B "$instance" --compression none -o "$file" >/dev/null 2>&1
