#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A recording of this kernel's kmem events, read by both readers: no error, and the same result.
# usage: kmem_readers.sh KMEM-ANALYZE
# shellcheck disable=SC1091,SC2154,SC2015 # instance.sh sets what is not set here; a skip or failure ends the test
set -u
. "$(dirname -- "$0")/instance.sh"

# The result as JSON, without the name of the reader.
analyse() {
	"$tool" --quiet --json="$work/$1.json" --reader="$1" "$work/trace.dat" ||
		fail "--reader=$1 exits with $?"
	sed 's/"reader":"[a-z]*"/"reader":""/' "$work/$1.json" >"$work/$1.out"
}

# small, so that it wraps and events are overwritten
make_instance kmem 256
echo 1 >"$in/tracing_on"
end=$(($(date +%s) + 3))
while [ "$(date +%s)" -lt "$end" ]; do
	dd if=/dev/zero of="$work/file" bs=64k count=200 2>/dev/null
	dd if="$work/file" of=/dev/null bs=4k 2>/dev/null
	rm -f "$work/file"
done
echo 0 >"$in/tracing_on"
extract
analyse own
analyse libtracecmd
records=$(sed -n 's/.*"name":"trace\.events_total","labels":{},.*"value":\([0-9]*\).*/\1/p' "$work/own.json")
[ "${records:-0}" -gt 0 ] || fail "no records"
if ! cmp -s "$work/own.out" "$work/libtracecmd.out"; then
	diff "$work/own.out" "$work/libtracecmd.out" | cut -c1-200 | head -20 >&2
	fail "the readers differ"
fi
"$tool" "$work/trace.dat" >"$work/text" || fail "the text report exits with $?"
[ -s "$work/text" ] || fail "the text report is empty"
echo "$records records, both readers say the same"
