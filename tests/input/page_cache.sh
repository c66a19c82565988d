#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What reading a trace brought into the page cache is gone afterwards; what was there before stays.
#   tests/input/page_cache.sh ANALYZE MKBIG
set -eu

analyze=$1
mkbig=$2
tmp=$(mktemp -d ./page-cache.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
trace=$tmp/trace.dat
command -v fincore >/dev/null || { echo "skipped: no fincore"; exit 77; }

resident() {
	fincore --bytes --noheadings --output RES "$trace"
}

for compression in none zstd; do
	"$mkbig" --events 5000000 --cpus 2 --compression $compression "$trace"
	sync "$trace"
	dd of="$trace" oflag=nocache conv=notrunc,fdatasync count=0 2>/dev/null
	[ "$(resident)" -eq 0 ] || { echo "skipped: this file system keeps what it is told to drop"; exit 77; }
	size=$(stat -c %s "$trace")
	"$analyze" --quiet "$trace"
	left=$(resident)
	echo "$compression: of $size bytes $left are left in the page cache"
	# what the kernel reads ahead around the first bytes of a file is up to it
	[ "$left" -lt $((size / 4 + (8 << 20))) ]
	cat "$trace" >/dev/null
	"$analyze" --quiet "$trace"
	left=$(resident)
	echo "$compression: of $size bytes that were there before $left are left"
	[ "$left" -gt $((size - size / 10)) ]
done
