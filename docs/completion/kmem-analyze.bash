# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of kmem-analyze for bash.
# shellcheck shell=bash

_kmem_analyze()
{
	local options='-r --report --top --cpu --buffer --from --to --stacks --stacks= --nodes --migratetypes
		--pfn --ptr --base --new --fail-on-worse --jobs --json --json= --reader --spool-limit -q --quiet
		--no-color --threshold --thresholds --baseline --save-baseline --max-lost --min-samples --inconclusive
		--annotate --junit --sarif --markdown --for --interval --buffer-size --save
		--list -V --version -h --help'
	local reports='zone_lock pcp page slab extfrag percpu cma alloc_lock'
	local commands='story diff merge live doctor'
	local readers='own libtracecmd'
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local given

	COMPREPLY=()
	# bash splits --option=value into three words
	if [[ $word == '=' ]]; then
		word=''
	elif [[ $before == '=' && $COMP_CWORD -ge 2 ]]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	case $before in
	-r | --report)
		given=''
		[[ $word == *,* ]] && given=${word%,*},
		mapfile -t COMPREPLY < <(compgen -P "$given" -W "$reports" -- "${word##*,}")
		return
		;;
	--reader)
		mapfile -t COMPREPLY < <(compgen -W "$readers" -- "$word")
		return
		;;
	--inconclusive)
		mapfile -t COMPREPLY < <(compgen -W 'pass fail' -- "$word")
		return
		;;
	--annotate)
		mapfile -t COMPREPLY < <(compgen -W 'github' -- "$word")
		return
		;;
	--)
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
		return
		;;
	--threshold | --max-lost | --min-samples | --top | --cpu | --buffer | --from | --to | --nodes | --migratetypes | \
		--pfn | --ptr | --jobs | --stacks | --spool-limit | --for | --interval | --buffer-size)
		return
		;;
	esac

	compopt -o filenames 2>/dev/null
	if [[ $word == -* ]]; then
		compopt +o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		[[ $COMP_CWORD -eq 1 ]] && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$commands" -- "$word")
	fi
	return 0
}

complete -F _kmem_analyze kmem-analyze
