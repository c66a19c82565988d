#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The slab report against perf kmem stat: the same task, recorded by both at once.
# usage: perf_kmem.sh KMEM-ANALYZE
#
# The task stops itself before and after its work, and both recordings start and end while it is stopped; its children
# are on neither side. A busy kernel now and then writes an event for perf that it does not write into a second buffer:
# so few may be missing, never one too many, and a call site with none missing has exactly perf's bytes. That the tool
# reads all that the instance holds is checked without any tolerance.
# shellcheck disable=SC1091,SC2154 # instance.sh sets what is not set here
set -u
. "$(dirname -- "$0")/instance.sh"

python=/usr/bin/python3
# No settings of the user's.
export PERF_CONFIG=/dev/null
task=
perf=

undo_workload() {
	[ -z "$perf" ] || kill -KILL "$perf" 2>/dev/null
	[ -z "$task" ] || kill -KILL "$task" 2>/dev/null
	perf=
	task=
	# so that they write nothing when their directory goes
	wait 2>/dev/null
}

# Until the task has stopped itself, and is off its CPU.
await_stop() {
	tries=0
	while state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$task/status" 2>/dev/null) &&
		[ "$state" != T ]; do
		case $state in
		'' | Z | X) fail "the workload ended by itself" ;;
		esac
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || fail "the workload does not stop"
		sleep 0.1
	done
	sleep 0.3
}

# perf_control COMMAND: perf has done it
perf_control() {
	echo "$1" >&8
	tries=0
	until timeout 1 head -n 1 <&9 2>/dev/null | grep -qa ack; do
		kill -0 "$perf" 2>/dev/null || return 1
		tries=$((tries + 1))
		[ "$tries" -lt 20 ] || return 1
	done
}

command -v perf >/dev/null || skip "no perf"
[ -x "$python" ] || skip "no $python"
make_instance kmem 16384
perf kmem -h 2>&1 | grep -q -- --caller || skip "perf has no kmem command"

echo 0 >"$in/events/kmem/enable"
events=
for event in kmalloc kmalloc_node kmem_cache_alloc kmem_cache_alloc_node kfree kmem_cache_free; do
	[ ! -d "$in/events/kmem/$event" ] || events="$events $event"
done
[ -n "$events" ] || skip "the kernel has no slab events"

cat >"$work/run" <<'END'
i=0
while [ $i -lt 300 ]; do
	i=$((i + 1))
	echo $i >"$1/file.$i"
	read -r line <"$1/file.$i"
	for name in "$1"/file.*; do
		[ -s "$name" ]
	done
	[ $((i % 10)) != 0 ] || line=$(echo "$line")
	cd / && cd "$1"
done
kill -STOP $$
END
# shellcheck disable=SC2016 # expanded by the inner shell
sh -c 'kill -STOP $$; exec sh "$1/run" "$1"' sh "$work" &
task=$!
await_stop

mkfifo "$work/control" "$work/ack"
exec 8<>"$work/control" 9<>"$work/ack"
set --
for event in $events; do
	set -- "$@" -e "kmem:$event"
done
perf record -q -N -B -i -R -m 1024 -D -1 --control="fifo:$work/control,$work/ack" "$@" -p "$task" \
	-o "$work/perf.data" >"$work/perf.log" 2>&1 8>&- 9>&- &
perf=$!
perf_control enable || skip "perf cannot record: $(tr -d '\0' <"$work/perf.log")"
for event in $events; do
	echo "common_pid == $task" >"$in/events/kmem/$event/filter" || skip "no event filters"
	echo 1 >"$in/events/kmem/$event/enable" || skip "kmem:$event cannot be enabled"
done
echo 1 >"$in/tracing_on"

kill -CONT "$task"
sleep 0.1
await_stop

echo 0 >"$in/tracing_on"
perf_control disable || fail "perf does not end: $(tr -d '\0' <"$work/perf.log")"
kill -TERM "$perf"
wait "$perf" 2>/dev/null
perf=
entries=0
for q in "$in"/per_cpu/cpu*/stats; do
	n=$(sed -n 's/^entries: //p' "$q")
	entries=$((entries + n))
done
extract

perf report -i "$work/perf.data" --stats >"$work/stats" 2>"$work/perf.log" ||
	fail "perf report: $(cat "$work/perf.log")"
! grep -Eq '^ *LOST(_SAMPLES)? events: *[1-9]' "$work/stats" || skip "perf lost events"
# What stands behind "stat" perf does not take for options.
perf kmem -i "$work/perf.data" --slab --caller --raw-ip -l 1000000 stat >"$work/perf.out" 2>"$work/perf.log" ||
	fail "perf kmem: $(cat "$work/perf.log")"
"$tool" --quiet --json="$work/out.json" --report=slab --buffer="$instance" "$work/trace.dat" ||
	fail "the tool exits with $?"

cat >"$work/compare" <<'END'
import bisect, json, re, sys

perf_out, tool_out, entries = sys.argv[1:]
NAMES = ('slab.alloc_total', 'slab.req_bytes_total', 'slab.alloc_bytes_total')

total, rows = {}, {}
row = re.compile(r'\s*(?:0x)?([0-9a-f]{6,16})\s*\|\s*(\d+)/\s*\d+\s*\|\s*(\d+)/\s*\d+\s*\|\s*(\d+)\s*\|')
with open(perf_out, errors='replace') as f:
    for line in f:
        if m := re.match(r'Total bytes requested:\s*([\d,]+)', line):
            total['slab.req_bytes_total'] = int(m[1].replace(',', ''))
        elif m := re.match(r'Total bytes allocated:\s*([\d,]+)', line):
            total['slab.alloc_bytes_total'] = int(m[1].replace(',', ''))
        elif m := re.match(r'Cross CPU allocations:\s*[\d,]+/([\d,]+)', line):
            total['slab.alloc_total'] = int(m[1].replace(',', ''))
        elif m := row.match(line):
            rows[int(m[1], 16)] = (int(m[4]), int(m[3]), int(m[2]))
if len(total) != 3 or not rows:
    sys.exit('perf kmem prints something else than was expected')

whole, sites = {}, {}
with open(tool_out) as f:
    document = json.load(f)
    reports = document['reports']
    for m in next(r['metrics'] for r in reports if r['name'] == 'slab'):
        if not m['labels']:
            whole[m['name']] = m
        elif m['name'] in NAMES and list(m['labels']) == ['call_site']:
            sites.setdefault(m['labels']['call_site'], {})[m['name']] = m['value']

# perf counts them in, the tool does not
for name in ('slab.alloc_failed_total', 'slab.zero_size_alloc_total'):
    if whole[name].get('value'):
        print('skipped: some allocations failed')
        sys.exit(77)
if any(whole[n]['status'] == 'lower-bound' for n in NAMES):
    print('skipped: the buffer was too small')
    sys.exit(77)

bad = []
records = next(m['value'] for m in document['trace']['metrics'] if m['name'] == 'trace.events_total' and not m['labels'])
if records != int(entries):
    bad.append('the buffer held %s records, the tool read %d' % (entries, records))
few = 4 + total['slab.alloc_total'] // 10000
missing = total['slab.alloc_total'] - whole['slab.alloc_total'].get('value', 0)
for name in NAMES:
    got = (whole[name]['status'], whole[name].get('value'))
    off = total[name] - (got[1] or 0)
    if got[0] != 'exact' or off < 0 or missing > few or (off and not missing):
        bad.append('%s: the tool says %s (%s), perf %d' % (name, got[1], got[0], total[name]))

# The tool names call sites, perf has addresses: any name of the address will do.
symbols = {}
with open('/proc/kallsyms') as f:
    for line in f:
        address, kind, name = line.split()[:3]
        if int(address, 16) and kind in 'tTwW':
            symbols.setdefault(int(address, 16), []).append(name)
starts = sorted(symbols)
expected = {}
for ip, values in rows.items():
    names = ['0x%x' % ip]
    i = bisect.bisect_right(starts, ip) - 1
    if i >= 0:
        names += ['%s+0x%x' % (n, ip - starts[i]) for n in symbols[starts[i]]]
    label = next((n for n in names if n in sites), names[-1])
    # functions of the same name have one label
    expected[label] = tuple(map(sum, zip(expected.get(label, (0, 0, 0)), values)))
for label in sorted(set(sites) | set(expected)):
    got = tuple(sites[label].get(n) for n in NAMES) if label in sites else None
    want = expected.get(label)
    # (count, requested, allocated): less only where a few records are missing
    if got and want and 0 < want[0] - got[0] <= few and got[1] < want[1] and got[2] < want[2]:
        continue
    if got is None and want and want[0] <= few:
        continue
    if got != want:
        bad.append('%s: the tool says %s, perf %s' % (label, got, expected.get(label)))
if bad:
    sys.exit('\n'.join(bad[:20]))
print('%d allocations, %d bytes requested, %d allocated, %d call sites: perf says the same, but for %d records' %
      (*(total[n] for n in NAMES), len(expected), missing))
END
"$python" "$work/compare" "$work/perf.out" "$work/out.json" "$entries" || {
	status=$?
	[ "$status" != 77 ] || exit 77
	fail "the tool and perf differ"
}
