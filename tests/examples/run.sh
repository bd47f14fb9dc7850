#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs an example and compares what it prints with EXPECTED.  TAP.
#   usage: run.sh PROGRAM EXPECTED
set -u
said=$(mktemp)
trap 'rm -f "$said"' EXIT
name=$(basename "$1")

echo 1..2
timeout 20 "$1" >"$said" 2>&1
status=$?
if [ $status = 0 ]; then
    echo "ok 1 - $name ends with success"
else
    echo "not ok 1 - $name ends with success"
    echo "# status $status"
fi
if difference=$(diff "$2" "$said"); then
    echo "ok 2 - $name prints what is expected"
else
    echo "not ok 2 - $name prints what is expected"
    printf '%s\n' "$difference" | sed 's/^/# /'
fi
