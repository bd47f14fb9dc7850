#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compares what the program says with golden/NAME, whose first line is "$ COMMAND".  TAP.
#   usage: golden.sh DIRECTORY             (--update DIRECTORY writes the files anew)
# `wherry` is in $PATH.  Each file ends with a line "status N"; stderr stands behind stdout.
set -u
update=no
if [ "$1" = --update ]; then
    update=yes
    shift
fi
golden=$(cd "$1" && pwd) || exit 1
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
mkdir "$place/empty"
export LC_ALL=C TERM=dumb
unset COLUMNS NO_COLOR

# say FILE: what the command of its first line says.
say()
{
    command=$(sed -n '1s/^\$ //p' "$1")
    printf '$ %s\n' "$command"
    (cd "$place/empty" && timeout 20 sh -c "$command" 2>"$place/err" </dev/null)
    status=$?
    cat "$place/err"
    echo "status $status"
}

number=0
for file in "$golden"/*; do
    number=$((number + 1))
    name=$(basename "$file" | tr - ' ')
    say "$file" >"$place/said"
    if [ $update = yes ]; then
        cp "$place/said" "$file"
    elif difference=$(diff -u "$file" "$place/said"); then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        printf '%s\n' "$difference" | sed 's/^/# /'
    fi
done
[ $update = yes ] || echo "1..$number"
