# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034 # for those that source it
# Sourced by the live tests: a trace instance of its own, which is gone afterwards whatever happens.
# Touches nothing of tracefs but that instance. Exit status 77 means: not possible here, and why.

tool=$1
tracefs=
instance=
work=
debugfs=

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "failed: $*" >&2
	exit 1
}

cleanup() {
	status=$?
	trap - EXIT INT TERM HUP
	undo_workload
	if [ -n "$instance" ] && [ -d "$tracefs/instances/$instance" ]; then
		echo 0 >"$tracefs/instances/$instance/tracing_on"
		echo 0 >"$tracefs/instances/$instance/events/enable"
		rmdir "$tracefs/instances/$instance"
	fi
	if [ -n "$debugfs" ]; then
		umount "$debugfs"
		rmdir "$debugfs"
	fi
	[ -z "$work" ] || rm -rf "$work"
	exit $status
}

# Tests with something to take back define it again.
undo_workload() {
	:
}

# make_instance SYSTEM KBYTES: all events of SYSTEM enabled in it, but not recording yet
make_instance() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	command -v trace-cmd >/dev/null || skip "no trace-cmd"
	for tracefs in /sys/kernel/tracing /sys/kernel/debug/tracing ''; do
		[ -n "$tracefs" ] || skip "tracefs is not mounted"
		[ ! -d "$tracefs/instances" ] || break
	done
	[ -d "$tracefs/events/$1" ] || skip "the kernel has no $1 events"
	work=$(mktemp -d) || skip "no room for a temporary directory"
	trap cleanup EXIT
	trap 'exit 1' INT TERM HUP
	instance=kmem-analyze-test-$$
	if ! mkdir "$tracefs/instances/$instance" 2>"$work/error"; then
		instance=
		skip "no instance: $(cat "$work/error")"
	fi
	in=$tracefs/instances/$instance
	echo 0 >"$in/tracing_on" || skip "tracefs is not writable"
	echo "$2" >"$in/buffer_size_kb" || skip "no buffer of $2 KiB"
	echo mono >"$in/trace_clock" 2>/dev/null || :
	echo 1 >"$in/events/$1/enable" || skip "$1 events cannot be enabled"
}

# Into $work/trace.dat. trace-cmd may remove the instance with it, or not.
extract() {
	trace-cmd extract -B "$instance" -o "$work/trace.dat" >"$work/extract.log" 2>&1 ||
		fail "trace-cmd extract: $(cat "$work/extract.log")"
}
