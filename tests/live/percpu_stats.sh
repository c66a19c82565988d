#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The percpu report against the kernel's own count of the same allocations.
# usage: percpu_stats.sh KMEM-ANALYZE
#
# percpu_stats is read on both sides of tracing_on and of tracing_off. What the trace holds lies between the
# change from inner to inner reading and that from outer to outer. Tolerance beyond: one per CPU, as
# the record of an allocation follows its count without a lock; and 2 %, as the kernel counts
# some frees that it does not record (6.18: up to 8 of 1,300, always in pairs, as address spaces have
# their areas; its buffer held no more than the tool read). That the tool read all that the buffer
# held is checked without any tolerance.
# shellcheck disable=SC1091,SC2154,SC2015 # instance.sh sets what is not set here; a skip or failure ends the test
set -u
. "$(dirname -- "$0")/instance.sh"

cgroups=
undo_workload() {
	for c in $cgroups; do
		rmdir "$c" 2>/dev/null
	done
	cgroups=
}

# Without a process of its own, which would itself allocate. Sets alloc, dealloc, cur.
read_stats() {
	alloc='' dealloc='' cur=''
	while read -r key _ value _; do
		case $key in
		nr_alloc) [ -n "$alloc" ] || alloc=$value ;;
		nr_dealloc) dealloc=$value ;;
		nr_cur_alloc) cur=$value ;;
		esac
		[ -z "$cur" ] || break
	done <"$stats"
}

# Whatever of this works here; all of it goes again but for what the kernel frees later.
workload() {
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/memory; do
			c=$root/kmem-analyze-test-$$-$i
			if [ -e "$root/cgroup.procs" ] && mkdir "$c" 2>/dev/null; then
				cgroups="$cgroups $c"
			fi
		done
		unshare -n true 2>/dev/null
		unshare -m true 2>/dev/null
	done
	# half of the cgroups stay until recording is over, so that the net change is not 0
	keep='' n=0
	for c in $cgroups; do
		n=$((n + 1))
		if [ $((n % 2)) = 0 ]; then
			rmdir "$c"
		else
			keep="$keep $c"
		fi
	done
	cgroups=$keep
}

# A whole-trace metric, nothing where it is unavailable.
metric() {
	sed -n 's/.*"name":"'"$1"'","labels":{},.*"value":\([-0-9]*\).*/\1/p' "$work/out.json"
}

between() {
	[ "$2" -ge "$(($3 - slack))" ] && [ "$2" -le "$(($4 + slack))" ] ||
		fail "$1: the trace says $2, percpu_stats between $3 and $4 (slack $slack)"
	echo "$1: the trace says $2, percpu_stats between $3 and $4"
}

make_instance percpu 8192
stats=/sys/kernel/debug/percpu_stats
if [ ! -e "$stats" ]; then
	mkdir "$work/debug"
	mount -t debugfs none "$work/debug" 2>/dev/null || skip "debugfs cannot be mounted"
	debugfs=$work/debug
	stats=$debugfs/percpu_stats
fi
[ -r "$stats" ] || skip "no percpu_stats: the kernel lacks CONFIG_PERCPU_STATS"
slack=$(getconf _NPROCESSORS_ONLN)

read_stats
a0=$alloc d0=$dealloc
echo 1 >"$in/tracing_on"
read_stats
a1=$alloc d1=$dealloc c1=$cur
workload
read_stats
a2=$alloc d2=$dealloc c2=$cur
echo 0 >"$in/tracing_on"
read_stats
a3=$alloc d3=$dealloc
entries=0
for q in "$in"/per_cpu/cpu*/stats; do
	n=$(sed -n 's/^entries: //p' "$q")
	entries=$((entries + n))
done

extract
"$tool" --quiet --json="$work/out.json" --report=percpu --buffer="$instance" "$work/trace.dat" ||
	fail "the tool exits with $?"
! grep -q '"status":"lower-bound"' "$work/out.json" || skip "the buffer was too small"
total=$(metric percpu.alloc_total) freed=$(metric percpu.free_total) net=$(metric percpu.net_objects)
records=$(metric trace.events_total)
[ -n "$total" ] && [ "$total" -gt 0 ] || skip "nothing here allocates per-CPU memory"
[ -n "$freed" ] || skip "nothing here frees per-CPU memory"

[ "$records" = "$entries" ] || fail "the buffer held $entries records, the tool read $records"
slack=$((slack + total / 50))
between "allocated (nr_alloc)" "$total" $((a2 - a1)) $((a3 - a0))
between "freed (nr_dealloc)" "$freed" $((d2 - d1)) $((d3 - d0))
edges=$(((a3 - a0) - (a2 - a1) + (d3 - d0) - (d2 - d1)))
slack=$((slack * 2))
between "net (nr_cur_alloc)" "$net" $((c2 - c1 - edges)) $((c2 - c1 + edges))
