# fish completion for jcall: to be found in a folder of $fish_complete_path, such as share/fish/vendor_completions.d.
#
# Commands, options, contacts and devices are asked of jcall itself. fish quotes what gets into the command line.

# What `jcall ctl` takes, and what may follow it, a line each.
set -g __jcall_verbs status answer reject hangup mute unmute hold resume dtmf 'play FILE' 'record FILE' 'stop play|record' stats \
    volume 'device in|out DEVICE' events

function __jcall_ask
    command -q jcall; and command jcall $argv 2>/dev/null </dev/null
end

# The options of a command, a line each: name, what it takes ("-": nothing), letter ("-": none), what it is for.
function __jcall_options
    __jcall_ask $argv[1] --help |
        sed -nE 's/^ +-(.), --([a-z0-9-]+)(=([^ ]+))? *(.*)$/\2 \4- \1 \5/p; s/^ +--([a-z0-9-]+)(=([^ ]+))? *(.*)$/\1 \3- - \4/p'
end

function __jcall_commands
    __jcall_ask --help | sed -nE 's/^  ([a-z]+) +(.*)/\1\t\2/p'
end

# In the functions below $argv[1] is what the word begins with that is no part of the value: "--in=".
function __jcall_contacts --argument-names before
    for line in (__jcall_ask contacts --cached $argv[2..])
        set -l fields (string split \t -- $line)
        printf '%s\t%s\n' $before$fields[1] (test -n "$fields[3]"; and echo -- $fields[3]; or echo -- $fields[2])
        test "$fields[1]" = "$fields[2]"; or printf '%s\t%s\n' $before$fields[2] "$fields[3]"
    end
end

function __jcall_accounts --argument-names before config
    set -l home $XDG_CONFIG_HOME
    test -n "$home"; or set home $HOME/.config
    test -n "$config"; or set config $home/jcall/config
    for name in (sed -nE 's/^\[account[[:space:]]+([^]]*[^][:space:]])[[:space:]]*\].*/\1/p; s/^\[account\].*/default/p' $config 2>/dev/null)
        printf '%s\n' $before$name
    end
end

# Those for i(nput) or o(utput).
function __jcall_devices --argument-names before way
    set -l names (__jcall_ask devices |
        sed -nE "/^ *[0-9]+  [i-]?$way""[o-]?  /{s/^ *[0-9]+  [io-]{2}  //;s/  \(default( input| output)?\)\$//;p;}")
    for name in $names
        printf '%s\n' $before$name
    end
end

function __jcall_files --argument-names before
    set -l value (string unescape -- (string sub --start (math (string length -- $before) + 1) -- (commandline -ct)))
    for file in (__fish_complete_path "$value")
        printf '%s\n' $before$file
    end
end

function __jcall_specs --argument-names before way
    printf '%s\t%s\n' $before'default' 'the default device' $before'null' 'silence, or nowhere' $before- 'raw samples, standard input or output'
    test $way = o; or printf '%s\t%s\n' $before'tone' 'a sine'
    __jcall_devices $before'device:' $way
    __jcall_files $before
end

# The processes that `jcall ctl` can talk to.
function __jcall_processes --argument-names before
    for socket in $XDG_RUNTIME_DIR/jcall/*.sock
        printf '%s\n' $before(string replace -r '.*/(.*)\.sock$' '$1' -- $socket)
    end
end

# Values for the option NAME that takes TAKES.
function __jcall_values --argument-names before name takes config
    switch $takes
        case SPEC
            __jcall_specs "$before" (test $name = out; and echo o; or echo i)
        case '*JID*'
            __jcall_contacts "$before" $argv[5..]
        case '*FILE*' '*PATH*' '*DIR*'
            __jcall_files "$before"
        case NAME
            test $name = account; and __jcall_accounts "$before" "$config"
        case PID
            __jcall_processes "$before"
        case CMD COMMAND
            printf '%s\n' $before(__fish_complete_command)
        case '*|*'
            string match -qr '[a-z]' -- $takes; and printf '%s\n' $before(string split '|' -- $takes)
    end
end

function __jcall_ctl
    for line in $__jcall_verbs
        set -l fields (string split ' ' -- $line)
        if not set -q argv[1]
            printf '%s\n' $fields[1]
        else if test "$fields[1]" = "$argv[1]"
            set -l what $fields[2]
            set -q argv[2]; and set what $fields[3]
            switch "$what"
                case FILE
                    __jcall_files ''
                case DEVICE
                    __jcall_devices '' (string sub --length 1 -- $argv[2])
                case '*|*'
                    string split '|' -- $what
            end
        end
    end
end

# Of OPTIONS, in further arguments, the one that OPTION names: its name and what it takes, two lines; none: nothing.
function __jcall_look_up --argument-names option
    for line in $argv[2..]
        set -l fields (string split --max 3 ' ' -- $line)
        if contains -- $option "--$fields[1]" "-$fields[3]"
            string match -q '[[]*' -- $fields[2]; or printf '%s\n' $fields[1] (string replace -r -- '-$' '' $fields[2])
        end
    end
end

function __jcall_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if not set -q words[2]
        __jcall_commands
        printf '%s\n' --help --version
        return
    end
    set -l options (__jcall_options $words[2])
    set -l plain
    set -l which
    set -l config ''
    set -l pending
    set -l ended
    for word in $words[3..]
        if set -q pending[1]
            set word "--$pending[1]=$word"
            set -e pending
        else if set -q ended[1]; or not string match -qr -- '^-.' $word
            set -a plain $word
            continue
        end
        if test "$word" = --
            set ended yes
            continue
        end
        set -l parts (string split --max 1 = -- $word)
        set -l found (__jcall_look_up $parts[1] $options)
        test -n "$found[2]"; or continue
        if not set -q parts[2]
            set pending $found
            continue
        end
        switch $found[1]
            case account
                set -a which --account $parts[2]
            case config
                set config (string replace -r '^~/' "$HOME/" -- $parts[2])
                set -a which --config $config
        end
    end
    if set -q pending[1]
        __jcall_values '' $pending[1] $pending[2] "$config" $which
    else if string match -qr -- '^--[^=]+=' $current
        set -l option (string split --max 1 = -- $current)[1]
        set -l found (__jcall_look_up $option $options)
        test -n "$found[2]"; and __jcall_values $option= $found[1] $found[2] "$config" $which
    else if string match -q -- '-*' $current
        for line in $options
            set -l fields (string split --max 3 ' ' -- $line)
            printf '%s\t%s\n' --$fields[1] "$fields[4]"
        end
    else
        switch $words[2]
            case dial
                set -q plain[1]; or __jcall_contacts '' $which
            case help
                set -q plain[1]; or __jcall_commands
            case ctl
                __jcall_ctl $plain
        end
    end
end

complete -c jcall -f -a '(__jcall_complete)'
