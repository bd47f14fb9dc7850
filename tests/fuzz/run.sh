#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds the fuzz targets and runs each for SECONDS, two at a time; 0: only builds them:
#
#   tests/fuzz/run.sh SECONDS [TARGET...]
#
# New inputs are kept in build-fuzz/corpus, what broke a property in build-fuzz/findings.
# Each run adds a line to tests/fuzz/executions.log: date commit target executions seconds
# findings.  A "+" after the commit says that the tree had changes.

set -eu

cd "$(dirname "$0")/../.."
here=tests/fuzz
build='build-fuzz'
log=$here/executions.log
all='address options framing-wherry framing-raw framing-line framing-length
framing-header hello names inspect page plan ring fan local queue'

sources="core/base/error.c core/message/nearest.c core/message/address.c
core/message/option.c $(echo core/framing/*.c)"
# What decides about a plan before anything is started.
plans="core/os/process_linux.c core/process/plan.c
core/process/layout.c core/process/environment.c core/process/command.c
core/process/search.c"
# What knows the real table, or makes plans, is all of the library; a part of it is watched.
library="$(echo core/*/*.c)"
watched="$sources core/os/signal_linux.c core/transport/table.c core/transport/mq.c
core/transport/key.c core/transport/signal.c $plans"
# What looks at memory that another process writes: there its input is that process.
shared="core/memory/fan.c core/memory/pool.c core/memory/ring.c core/transport/local.c
core/transport/local_in.c core/transport/local_lend.c core/transport/local_loan.c
core/transport/local_out.c core/transport/local_wait.c core/transport/local_write.c
core/transport/spin.c $(echo core/memory/shared_queue*.c)"
local="core/transport/local_memory.c"
places="core/memory/places.c core/memory/watch.c core/memory/bells.c"
# What looks on from outside.
onlooker='core/memory/onlooker.c services/inspect/flow.c'
inspect='services/inspect/arena.c services/inspect/sockets.c services/inspect/text.c'
watched="$watched $inspect $onlooker $shared $local $places"

if [ $# -eq 0 ] || ! [ "$1" -ge 0 ] 2>/dev/null; then
    echo "usage: $0 SECONDS [TARGET...], targets: $(echo "$all" | tr '\n' ' ')" >&2
    exit 2
fi
seconds=$1
shift
targets=${*:-$all}

# What slows AddressSanitizer down without finding more: stacks of allocations, filling of
# fresh memory, a large quarantine, a second look at printf's arguments.
export ASAN_OPTIONS="check_printf=0:malloc_context_size=0:max_malloc_fill_size=0:\
quarantine_size_mb=8:thread_local_quarantine_size_kb=64"

sources_of() {
    case $1 in
    names | plan | ring | fan | local | queue) echo "$library" ;;
    inspect) echo "$library $inspect" ;;
    page) echo "$library services/inspect/flow.c" ;;
    *) echo "$sources" ;;
    esac
}

# The objects that a target is made of; those of the shared sources are its own.
objects_of() {
    for source in $(sources_of "$1"); do
        name=$(echo "$source" | tr / _)
        case $1 in
        ring | fan | local | queue) echo "$shared" | grep -qw "$source" && name=shared_$name ;;
        esac
        echo "$build/$name.o"
    done
}

# The sources of all targets of this run.
needed() {
    for target in $targets; do
        sources_of "$target"
    done | tr ' ' '\n' | sort -u
}

# What is fuzzed is watched by coverage; the targets themselves and the formatting of
# sentences are not, and comparisons are not traced: the dictionaries know the words.
build_targets() {
    flags='-std=c11 -D_POSIX_C_SOURCE=200809L -O2 -g -Iinclude -Icore -Iservices
        -fsanitize=address,undefined -fno-sanitize-recover=all'
    mkdir -p "$build"
    for source in $(needed); do
        object=$build/$(echo "$source" | tr / _).o
        watch=
        if [ "$source" != core/base/error.c ] && echo "$watched" | grep -qw "$source"; then
            watch='-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp'
        fi
        # shellcheck disable=SC2086
        clang $flags $watch -DWHERRY_GUARD_FILE='"/nowhere"' -c "$source" -o "$object"
        if echo "$shared" | grep -qw "$source"; then
            # shellcheck disable=SC2086
            clang $flags $watch -DWHERRY_FUZZ_SHARED -c "$source" \
                -o "$build/shared_$(echo "$source" | tr / _).o"
        fi
    done
    for target in $targets; do
        object=$build/$target.o
        objects=$(objects_of "$target")
        # shellcheck disable=SC2086
        clang $flags -DFRAMING="${target#framing-}" -DWHERRY_FUZZ_SHARED -c "$here/${target%%-*}.c" \
            -o "$object"
        # shellcheck disable=SC2086
        clang $flags -fsanitize=fuzzer "$object" $objects -o "$build/$target"
    done
}

# The longest input in bytes: short ones are quick, and what they cannot reach (8 KiB of
# header, 4 KiB of address) the unit tests do.
longest() {
    case $1 in
    address | framing-header | page | plan | ring | fan) echo 96 ;;
    framing-wherry) echo 80 ;;
    inspect | local | queue) echo 192 ;;
    *) echo 48 ;;
    esac
}

commit() {
    name=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
    # shellcheck disable=SC2086
    git diff --quiet HEAD -- $library $inspect $onlooker "$here"/*.[ch] 2>/dev/null || name=$name+
    echo "$name"
}

# One target; a finding ends its run early, a signal too (that is status 72 of libFuzzer's,
# and what was run until then counts).
run_target() {
    target=$1
    work=$build/corpus/$target
    found=$build/findings/$target/
    output=$build/$target.log
    dictionary=$here/$target.dict
    mkdir -p "$work" "$found" "$here/corpus/$target"
    set -- -max_total_time="$seconds" -max_len="$(longest "$target")" -timeout=10 \
        -entropic=0 -print_final_stats=1 -artifact_prefix="$found"
    if [ -f "$dictionary" ]; then
        set -- "$@" -dict="$dictionary"
    fi
    started=$(date +%s)
    "$build/$target" "$@" "$work" "$here/corpus/$target" >"$output" 2>&1 &
    child=$!
    status=0
    wait $child || status=$?
    if [ -n "$stopped" ]; then
        status=0
        wait $child || status=$?
    fi
    spent=$(($(date +%s) - started))
    findings=0
    if [ $status -ne 0 ] && [ $status -ne 72 ]; then
        findings=1
        echo "$target: a property does not hold, see $output and $found" >&2
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$output")
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $tested $target ${executions:-0} $spent" \
        "$findings" >>$log
}

# Every second target, beginning with the first or second.
run_lane() {
    turn=$1
    stopped=
    child=
    trap 'stopped=yes; [ -z "$child" ] || kill -INT "$child"' TERM
    for target in $targets; do
        turn=$((1 - turn))
        if [ $turn -eq 1 ] && [ -z "$stopped" ]; then
            run_target "$target"
        fi
    done
}

build_targets
[ "$seconds" -gt 0 ] || exit 0
tested=$(commit)
touch "$log"
earlier=$(wc -l <"$log")
run_lane 0 &
first=$!
run_lane 1 &
second=$!
trap 'kill $first $second 2>/dev/null' INT TERM
wait $first || wait $first || :
wait $second || wait $second || :
trap - INT TERM

# The totals of all runs; the exit status is this one's.
awk -v earlier="$earlier" '
    { executions[$3] += $4; seconds[$3] += $5; findings[$3] += $6 }
    NR > earlier { bad += $6 }
    END {
        printf "%-16s %14s %8s %8s\n", "target", "executions", "seconds", "findings"
        for (target in executions) {
            printf "%-16s %14d %8d %8d\n", target, executions[target], seconds[target],
                findings[target] | "sort"
        }
        close("sort")
        exit bad > 0
    }' $log
