#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Records tens of millions of kmem and percpu events of this kernel into FILE, uncompressed, through a trace instance of
# its own, which is gone afterwards whatever happens. Exit status 77, with the reason, where that is not possible.
#   bench/record.sh FILE [SECONDS]
set -eu

file=$1
seconds=${2:-60} # at most: it ends when a ring buffer is nearly full
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
	for mount in "$load"/mount.*; do
		[ ! -d "$mount" ] || umount "$mount" 2>/dev/null || :
	done
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
for event in kmem/mm_page_alloc kmem/mm_page_free kmem/mm_page_free_batched kmem/mm_page_alloc_zone_locked \
	kmem/mm_page_alloc_extfrag kmem/mm_page_pcpu_refill kmem/mm_page_pcpu_drain kmem/mm_zone_lock_contended \
	kmem/mm_zone_locked kmem/mm_zone_lock_unlock kmem/kmalloc kmem/kfree kmem/kmem_cache_alloc \
	kmem/kmem_cache_free percpu; do
	[ ! -d "$directory/events/$event" ] || echo 1 >"$directory/events/$event/enable"
done

# Pages: files of a tmpfs. Slab objects: names and processes. Per-CPU areas: the counters of a mounted tmpfs.
work() {
	mkdir "$load/$1" "$load/mount.$1"
	while [ ! -e "$load/stop" ]; do
		dd if=/dev/zero of="$load/$1/file" bs=1M count=100 2>/dev/null
		rm "$load/$1/file"
		i=0
		while [ $i -lt 600 ]; do
			: >"$load/$1/$i"
			i=$((i + 1))
		done
		find "$load/$1" -type f -exec rm {} +
		for _ in 1 2 3 4 5; do
			mount -t tmpfs none "$load/mount.$1" 2>/dev/null || break
			umount "$load/mount.$1"
		done
	done
}

full() {
	for stats in "$directory"/per_cpu/cpu*/stats; do
		bytes=$(sed -n 's/^bytes: //p' "$stats")
		[ "$bytes" -lt $((kbytes * 920)) ] || return 0
	done
	return 1
}

echo "recording for at most $seconds seconds: files, processes and mounts" >&2
echo 1 >"$directory/tracing_on"
for worker in $(seq "$(nproc)"); do
	work "$worker" &
done
while [ "$seconds" -gt 0 ] && ! full; do
	sleep 1
	seconds=$((seconds - 1))
done
echo 0 >"$directory/tracing_on"
: >"$load/stop"
wait
trace-cmd extract -B "$instance" --compression none -o "$file" >/dev/null 2>&1
