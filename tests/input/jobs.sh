#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# One worker or many: the same JSON, byte by byte, and the same exit status, for every trace in the directories given
# and in $KMA_TRACES, for a written one of many CPUs, and with stacks.
#   tests/input/jobs.sh ANALYZE MKBIG DIRECTORY...
set -eu

analyze=$1
mkbig=$2
shift 2
[ -z "${KMA_TRACES-}" ] || set -- "$@" "$KMA_TRACES" "$KMA_TRACES/arch"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
compared=0

# run JOBS OUTPUT OPTION...
run() {
	jobs=$1
	output=$2
	shift 2
	status=0
	"$analyze" --quiet --json="$output" --jobs "$jobs" "$@" 2>"$output.err" || status=$?
	echo "status $status" >>"$output"
	cat "$output.err" >>"$output"
}

compare() {
	run 1 "$tmp/one" "$@"
	for jobs in 2 3 8; do
		run $jobs "$tmp/many" "$@"
		compared=$((compared + 1))
		cmp -s "$tmp/one" "$tmp/many" && continue
		echo "differs with --jobs $jobs: $*"
		diff "$tmp/one" "$tmp/many" | head -n 5
		failed=1
	done
}

for directory; do
	for trace in "$directory"/*.dat; do
		[ -e "$trace" ] || continue
		compare "$trace"
		compare --stacks --cpu 0-1 "$trace"
	done
done
for compression in none zstd; do
	"$mkbig" --events 300000 --cpus 9 --compression $compression "$tmp/big.dat"
	compare "$tmp/big.dat"
done
head -c 2000000 "$tmp/big.dat" >"$tmp/cut.dat"
compare "$tmp/cut.dat"
grep -q '^status 3' "$tmp/one" || { echo "a cut trace is not told as such"; failed=1; }
[ $compared -gt 30 ] || { echo "only $compared comparisons: are there traces?"; failed=1; }
exit $failed
