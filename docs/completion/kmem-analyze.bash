# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of kmem-analyze for bash.
# shellcheck shell=bash

_kmem_analyze()
{
	local options='-r --report --top --cpu --buffer --from --to --stacks --stacks= --nodes --json --json= --reader -q --quiet
		--no-color --for --interval --buffer-size --save --list -V --version -h --help'
	local reports='zone_lock pcp page slab extfrag percpu'
	local commands='live doctor'
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
	--top | --cpu | --buffer | --from | --to | --nodes | --stacks | --for | --interval | --buffer-size)
		return
		;;
	--)
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
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
