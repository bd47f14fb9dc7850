#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Tries so many schedules of each scene, others each time, two scenes at a time:
#
#   tests/explore/run.sh SCHEDULES [PROGRAM...]
#
# Each run adds a line to tests/explore/schedules.log: date commit program schedules
# seconds findings.  A "+" after the commit says that the tree had changes.

set -eu

cd "$(dirname "$0")/../.."
here=tests/explore
build='build-explore'
log=$here/schedules.log

if [ $# -eq 0 ] || ! [ "$1" -gt 0 ] 2>/dev/null; then
    echo "usage: $0 SCHEDULES [PROGRAM...], programs: ring fan pool queue" >&2
    exit 2
fi
schedules=$1
shift
programs=${*:-ring fan pool queue}

[ -f $build/build.ninja ] ||
    meson setup -Dcli=disabled -Dservices=disabled $build >/dev/null
for program in $programs; do
    ninja -C $build "tests/explore/explore-$program" >/dev/null
done

tested=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet HEAD -- core $here/*.[ch] 2>/dev/null || tested=$tested+
touch $log
earlier=$(wc -l <$log)
for program in $programs; do
    output=$build/$program.log
    started=$(date +%s)
    WHERRY_TEST_SCHEDULES=$schedules WHERRY_TEST_SEED=$started \
        "$build/tests/explore/explore-$program" --jobs 2 --limit 7000 >"$output" 2>&1 ||
        echo "$program: something does not hold, see $output" >&2
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $tested $program" \
        "$(awk '/^# [0-9]+ schedules/ { sum += $2 } END { print sum + 0 }' "$output")" \
        "$(($(date +%s) - started)) $(grep -c '^not ok' "$output" || :)" >>$log
done

# The totals of all runs; the exit status is this one's.
awk -v earlier="$earlier" '
    { schedules[$3] += $4; seconds[$3] += $5; findings[$3] += $6 }
    NR > earlier { bad += $6 }
    END {
        printf "%-8s %14s %8s %8s\n", "program", "schedules", "seconds", "findings"
        for (program in schedules)
            printf "%-8s %14d %8d %8d\n", program, schedules[program],
                seconds[program], findings[program] | "sort"
        close("sort")
        exit bad > 0
    }' $log
