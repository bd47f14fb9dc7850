#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, as C11 and as C++17, without a warning.  TAP.
set -u
include=$1
number=0

verdict()
{
    number=$((number + 1))
    if said=$(echo 'extern int present;' | "$@" 2>&1); then
        printf 'ok %d - %s\n' "$number" "$title"
    else
        printf 'not ok %d - %s\n' "$number" "$title"
        printf '%s\n' "$said" | sed 's/^/# /'
    fi
}

cd "$include" || exit 1
for header in wherry.h wherry/*.h; do
    title="${header} compiles alone as C11"
    verdict gcc -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror \
        -I. -include "$header" -fsyntax-only -x c -
    title="${header} compiles alone as C++17"
    verdict g++ -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Wundef -Werror \
        -I. -include "$header" -fsyntax-only -x c++ -
done
printf '1..%d\n' "$number"
