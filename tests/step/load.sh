#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Kills processes at random under load, and adds up how many:
#
#   tests/step/load.sh BUILD KILLS
#
# BUILD is a build directory, whose programs tests/step/step-NAME are made; each subject of Wherry's own has KILLS of them.  Each
# subject adds a line to tests/step/kills.log: date commit subject kills turns findings.
# A "+" after the commit says that the tree had changes.

set -eu

if [ $# -ne 2 ] || ! [ "$2" -gt 0 ] 2>/dev/null; then
    echo "usage: $0 BUILD KILLS" >&2
    exit 2
fi
build=$(cd "$1" && pwd)
kills=$2
cd "$(dirname "$0")/../.."
log=tests/step/kills.log

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet HEAD -- core tests/step 2>/dev/null || commit=$commit+

bad=0
load() {
    found=0
    said=$("$build/tests/step/step-$1" --subject "$2" --mode load --kills "$kills" --limit 7000) ||
        found=1
    if [ $found -eq 1 ]; then
        bad=1
        echo "$said" >&2
    fi
    echo "$said" | sed -n 's/^# [^ ]* load: \([0-9]*\) turns, \([0-9]*\) kills.*/\2 \1/p' |
        while read -r killed turns; do
            echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $commit $2 $killed $turns $found" >>$log
        done
}

load local local-load
load local local-loan-load
load topic topic-load
load queue queue
load lease lease
load lock lock

# The totals of all runs; the exit status is this one's.
awk '{ kills[$3] += $4; turns[$3] += $5; bad[$3] += $6 }
    END { for (s in kills) printf "%-16s %9d kills %12d turns %3d findings\n",
              s, kills[s], turns[s], bad[s] }' $log
exit $bad
