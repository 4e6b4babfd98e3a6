# bash completion for jcall. Sourced, or installed as share/bash-completion/completions/jcall.
#
# Commands, options, contacts and devices are asked of jcall itself. Nothing that it answers is evaluated: names from the
# network and from sound drivers are quoted before they get into the command line.

# What `jcall ctl` takes, and what may follow it, a line each.
_jcall_verbs='status
answer
reject
hangup
mute
unmute
hold
resume
dtmf
play FILE
record FILE
stop play|record
stats
volume
device in|out DEVICE
events'

_jcall_ask() {
	command jcall "$@" 2>/dev/null </dev/null
}

# The options of a command, a line each: name, what it takes ("-": nothing), letter ("-": none).
_jcall_options() {
	_jcall_ask "$1" --help |
		sed -nE 's/^ +-(.), --([a-z0-9-]+)(=([^ ]+))?( .*)?$/\2 \4- \1/p; s/^ +--([a-z0-9-]+)(=([^ ]+))?( .*)?$/\1 \3- -/p'
}

# What $1 means to the shell, but that nothing in it is expanded, in text; open is where an open quote begins (-1: nowhere).
_jcall_unquote() {
	local s=$1 quote='' c i
	text='' open=-1
	for ((i = 0; i < ${#s}; i++)); do
		c=${s:i:1}
		if [[ -z $quote && ($c == \' || $c == \") ]]; then
			quote=$c open=$i
		elif [[ -n $quote && $c == "$quote" ]]; then
			quote='' open=-1
		elif [[ $c == \\ && $quote != \' ]]; then
			if [[ $quote == \" && ${s:i+1:1} != [\"\\\$\`] ]]; then
				text+=$c
			else
				((i++))
				text+=${s:i:1}
			fi
		else
			text+=$c
		fi
	done
}

# The words of the line before the cursor in words, unquoted; what of the last bash leaves as it is in kept, since it is going to
# replace $1. Bash takes words apart at : = and @, which here belong to them.
_jcall_read_line() {
	local rest=$COMP_LINE before word='' part text open i start=0 typed
	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		before=${rest%%[![:space:]]*}
		rest=${rest#"$before"}
		if [[ -n $before || $i == 0 ]]; then
			((i == 0)) || { _jcall_unquote "$word"; words+=("$text"); }
			word='' start=$((${#COMP_LINE} - ${#rest}))
		fi
		part=${COMP_WORDS[i]}
		word+=$part
		rest=${rest#"$part"}
	done
	typed=${COMP_LINE:start:COMP_POINT-start}
	_jcall_unquote "$typed"
	words+=("$text")
	kept=${typed%"$1"}
}

# Adds $1 to COMPREPLY if it begins with what was typed: the part that bash replaces, quoted as the user has begun to.
_jcall_add() {
	local text open rest quote=''
	[[ $1 == "$current"* && $1 != *[[:cntrl:]]* ]] || return 0
	_jcall_unquote "$kept"
	((open < 0)) || quote=${kept:open:1}
	rest=${1:${#text}}
	case $quote in
	\') rest=${rest//\'/\'\\\'\'} ;;
	\") [[ $rest != *!* ]] || return 0
	    rest=${rest//\\/\\\\} rest=${rest//\"/\\\"} rest=${rest//\$/\\\$} rest=${rest//\`/\\\`} ;;
	*)  [[ -z $rest ]] || printf -v rest %q "$rest" ;;
	esac
	COMPREPLY+=("$rest")
}

_jcall_add_lines() {
	local line
	while IFS= read -r line; do
		_jcall_add "$1$line"
	done
}

_jcall_contacts() {
	local word address
	while IFS=$'\t' read -r word address _; do
		_jcall_add "$prefix$word"
		[[ $word == "$address" || -z ${current#"$prefix"} ]] || _jcall_add "$prefix$address"
	done < <(_jcall_ask contacts --cached "${which[@]}")
}

_jcall_accounts() {
	local file=${config:-${XDG_CONFIG_HOME:-$HOME/.config}/jcall/config}
	sed -nE 's/^\[account[[:space:]]+([^]]*[^][:space:]])[[:space:]]*\].*/\1/p; s/^\[account\].*/default/p' "$file" 2>/dev/null |
		sort -u
}

# Those for i(nput) or o(utput).
_jcall_devices() {
	_jcall_ask devices | sed -nE "/^ *[0-9]+  [i-]?$1[o-]?  /{s/^ *[0-9]+  [io-]{2}  //;s/  \(default( input| output)?\)\$//;p;}"
}

_jcall_files() {
	local file
	for file in "${current#"$prefix"}"*; do
		if [[ -d $file ]]; then
			_jcall_add "$prefix$file/"
		elif [[ -e $file ]]; then
			_jcall_add "$prefix$file"
		fi
	done
}

_jcall_specs() {
	local spec
	if [[ $current == "${prefix}device:"* ]]; then
		_jcall_add_lines "${prefix}device:" < <(_jcall_devices "$1")
		return
	fi
	for spec in default device: null - tone; do
		[[ $spec == tone && $1 == o ]] || _jcall_add "$prefix$spec"
	done
	_jcall_files
}

# The processes that `jcall ctl` can talk to.
_jcall_processes() {
	local socket
	for socket in "${XDG_RUNTIME_DIR:-/run}"/jcall/*.sock; do
		socket=${socket##*/}
		_jcall_add "$prefix${socket%.sock}"
	done
}

# Values for the option $1 that takes $2.
_jcall_values() {
	case $2 in
	SPEC) if [[ $1 == out ]]; then _jcall_specs o; else _jcall_specs i; fi ;;
	*JID*) _jcall_contacts ;;
	*FILE* | *PATH* | *DIR*) _jcall_files ;;
	NAME) [[ $1 != account ]] || _jcall_add_lines "$prefix" < <(_jcall_accounts) ;;
	PID) _jcall_processes ;;
	CMD | COMMAND) _jcall_add_lines "$prefix" < <(compgen -c -- "${current#"$prefix"}" | sort -u) ;;
	*[[:lower:]]*\|*) _jcall_add_lines "$prefix" <<<"${2//|/$'\n'}" ;;
	esac
}

_jcall_ctl() {
	local verb first second
	while read -r verb first second; do
		if ((${#plain[@]} == 0)); then
			_jcall_add "$verb"
		elif [[ $verb == "${plain[0]}" ]]; then
			((${#plain[@]} > 1)) && first=$second
			case $first in
			FILE) _jcall_files ;;
			DEVICE) _jcall_add_lines '' < <(_jcall_devices "${plain[1]:0:1}") ;;
			*\|*) _jcall_add_lines '' <<<"${first//|/$'\n'}" ;;
			esac
		fi
	done <<<"$_jcall_verbs"
}

_jcall_arguments() {
	case ${words[1]} in
	dial) ((${#plain[@]} > 0)) || _jcall_contacts ;;
	help) ((${#plain[@]} > 0)) || _jcall_commands ;;
	ctl) _jcall_ctl ;;
	esac
}

_jcall_commands() {
	_jcall_add_lines '' < <(_jcall_ask --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
}

# What $1 takes, in takes ("": it is no option that takes a value), and its long name in name.
_jcall_look_up() {
	local long value letter
	takes='' name=''
	while read -r long value letter; do
		[[ $1 == "--$long" || ($letter != - && $1 == "-$letter") ]] || continue
		name=$long takes=${value%-}
		[[ $takes != \[* ]] || takes=''
	done <<<"$options"
}

# The words before the last: which of them are no options; which account and configuration are named.
_jcall_read_words() {
	local i word value ended=''
	plain=() which=()
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ -n $ended || $word != -?* ]]; then
			plain+=("$word")
			continue
		fi
		[[ $word != -- ]] || ended=yes
		_jcall_look_up "${word%%=*}"
		value=${word#*=}
		if [[ -n $takes && $word != --*=* ]]; then
			((++i < ${#words[@]} - 1)) || { pending=$word; continue; }
			value=${words[i]}
		fi
		case $name in
		account) which+=(--account "$value") ;;
		config) config=${value/#'~/'/$HOME/}; which+=(--config "$config") ;;
		esac
	done
}

_jcall_complete() {
	local words kept options plain which config='' pending='' takes name prefix=''
	_jcall_read_line "$1"
	local current=${words[-1]}
	if ((${#words[@]} == 2)); then
		_jcall_commands
		[[ $current != -* ]] || _jcall_add_lines '' <<<$'--help\n--version'
		return
	fi
	options=$(_jcall_options "${words[1]}")
	_jcall_read_words
	if [[ -n $pending ]]; then
		_jcall_look_up "$pending"
		_jcall_values "$name" "$takes"
	elif [[ $current == --*=* ]]; then
		prefix=${current%%=*}=
		_jcall_look_up "${prefix%=}"
		_jcall_values "$name" "$takes"
	elif [[ $current == -* ]]; then
		_jcall_add_lines -- < <(cut -d ' ' -f 1 <<<"$options")
	else
		_jcall_arguments
	fi
}

_jcall() {
	local shell_options IFS=$' \t\n'
	COMPREPLY=()
	shell_options=$(shopt -p nullglob nocaseglob nocasematch dotglob failglob)
	shopt -s nullglob
	shopt -u nocaseglob nocasematch dotglob failglob
	_jcall_complete "$2"
	eval "$shell_options"		# written by shopt: nothing from outside
	if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[:/] ]]; then
		compopt -o nospace 2>/dev/null
	fi
}
complete -F _jcall jcall
