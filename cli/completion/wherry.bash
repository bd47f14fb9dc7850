# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Completion for bash; needs nothing but bash.  The program itself says what the last word
# may become (`wherry --complete`, wherry(1)); this script undoes the quoting of the line
# and hands bash that part of each answer which it puts into the line.

# _wherry_split LINE: puts the whole words into `before`, and the one that is being typed
# into `word`; into `kept` that beginning of it which bash leaves alone (it replaces what
# stands behind a separator or an open quotation mark), into `quote` that mark.
_wherry_split()
{
    local line=$1 letter i
    before=() word='' kept='' quote=''
    for ((i = 0; i < ${#line}; i++)); do
        letter=${line:i:1}
        case $quote$letter in
        \\ | \"\\)
            ((++i))
            word+=${line:i:1}
            ;;
        \' | \") quote=$letter kept=$word ;;
        \'\' | \"\") quote='' ;;
        [\'\"]*) word+=$letter ;;
        [[:blank:]])
            [[ -z $word ]] || before+=("$word")
            word='' kept=''
            ;;
        *)
            # Of its separators, bash replaces an @ with what stands behind it.
            [[ $letter != @ || $COMP_WORDBREAKS != *@* ]] || kept=$word
            word+=$letter
            [[ $letter == @ || $COMP_WORDBREAKS != *"$letter"* ]] || kept=$word
            ;;
        esac
    done
}

_wherry()
{
    local before word kept quote text
    local program=${1/#\~/$HOME}
    _wherry_split "${COMP_LINE:0:COMP_POINT}"
    COMPREPLY=()
    while IFS= read -r text; do
        if [[ $text == $'\tfile' ]]; then
            compopt -o default
        elif [[ $text == "$kept"* ]]; then
            text=${text%%$'\t'*}
            text=${text#"$kept"}
            [[ -n $quote ]] || printf -v text %q "$text"
            COMPREPLY+=("$text")
        fi
    done < <("$program" --complete "${before[@]:1}" "$word" 2>/dev/null)
    # What is to be gone on with has no blank behind it; nor, where it is the only one, an
    # end of the quotation, which a second one, longer, keeps open.
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=/] ]]; then
        compopt -o nospace
        [[ -z $quote ]] || COMPREPLY+=("${COMPREPLY[0]}…")
    fi
}

complete -F _wherry wherry
