#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs into a temporary prefix, looks at it as compilers, man(1) and shells do, and
# removes it again.  TAP.  The build is kept between runs, so that only the first is slow.
#   usage: run.sh SOURCES BUILD
set -u
sources=$1
export WHERRY_INSTALL_BUILD="$2"
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
prefix="$place/a prefix"
number=0

# does NAME COMMAND…: a test, and what the command said if it failed.
does()
{
    number=$((number + 1))
    title=$1
    shift
    if said=$("$@" 2>&1); then
        printf 'ok %d - %s\n' $number "$title"
    else
        printf 'not ok %d - %s\n' $number "$title"
        printf '%s\n' "$said" | sed 's/^/# /'
    fi
}

# The directory of libwherry.so: its name is the machine's affair.
libraries()
{
    dirname "$(find "$prefix" -name libwherry.so)"
}

install_there()
{
    cd "$sources" && ./dev install --prefix "$prefix"
}

program_runs()
{
    "$prefix/bin/wherry" transports
}

# Where the library was told that it would be, and not where this environment says.
guard_is_found()
{
    [ "$(env -u WHERRY_GUARD "$prefix/bin/wherry" run --die-with-parent echo it)" = it ]
}

# Another's file in the prefix, and a directory that was there before.
strangers_are_kept()
{
    [ -f "$prefix/bin/other" ] && [ -d "$prefix/share/man" ]
}

# compare PROGRAM [EXAMPLE]: whether it says what that example says.
compare()
{
    "$1" >"$place/said" && diff "$sources/tests/examples/${2-hello}.expected" "$place/said"
}

by_pkg_config()
{
    PKG_CONFIG_PATH=$(libraries)/pkgconfig
    export PKG_CONFIG_PATH
    [ "$(pkg-config --modversion wherry)" = "$("$prefix/bin/wherry" --version |
        cut -d ' ' -f 2)" ] || exit 1
    # Its words are quoted for a shell.
    eval "gcc '$sources/examples/hello.c' -o '$place/hello' \
        $(pkg-config --cflags --libs "$@" wherry)" || exit 1
}

shared_by_pkg_config()
{
    by_pkg_config && LD_LIBRARY_PATH=$(libraries) compare "$place/hello"
}

static_by_pkg_config()
{
    by_pkg_config --static || exit 1
    eval "gcc -static '$sources/examples/hello.c' -o '$place/hello-static' \
        $(pkg-config --cflags --libs --static wherry)" && compare "$place/hello-static"
}

services_by_pkg_config()
{
    PKG_CONFIG_PATH=$(libraries)/pkgconfig
    export PKG_CONFIG_PATH
    eval "gcc '$sources/examples/loop.c' -o '$place/loop' \
        $(pkg-config --cflags --libs wherry-services)" || exit 1
    LD_LIBRARY_PATH=$(libraries) compare "$place/loop" loop
}

write_cmake()
{
    mkdir -p "$place/cmake"
    cat >"$place/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.13)
project(hello C)
find_package(Wherry $1 REQUIRED)
add_executable(hello "$sources/examples/hello.c")
target_link_libraries(hello PRIVATE Wherry::wherry)
add_executable(loop "$sources/examples/loop.c")
target_link_libraries(loop PRIVATE Wherry::services)
END
}

by_cmake()
{
    rm -rf "$place/cmake"
    write_cmake "$1"
    cmake -S "$place/cmake" -B "$place/cmake/build" -DCMAKE_PREFIX_PATH="$2" &&
        cmake --build "$place/cmake/build" && compare "$place/cmake/build/hello" &&
        compare "$place/cmake/build/loop" loop
}

refused_by_cmake()
{
    ! said=$(by_cmake "$1" "$prefix" 2>&1) &&
        printf '%s\n' "$said" | grep 'Could not find a configuration file'
}

moved_by_cmake()
{
    cp -a "$prefix" "$place/moved"
    mv "$prefix" "$place/away"
    by_cmake 0.1 "$place/moved"
    status=$?
    mv "$place/away" "$prefix"
    return $status
}

pages_are_found()
{
    for page in '1 wherry' '3 wherry' '7 wherry' '3 wherry_send' '1 wherry-send' \
        '1 wherry-help'; do
        # shellcheck disable=SC2086 # a section and a name
        found=$(MANPATH="$prefix/share/man" man -w $page) || exit 1
        case $found in
        "$prefix"/*) ;;
        *) echo "man $page is $found" && exit 1 ;;
        esac
        MANPATH="$prefix/share/man" man "${page% *}" "${page#* }" | grep -q '^NAME' || exit 1
    done
}

# As the completion script of bash-completion loads it: by the name of the command.
bash_completes()
{
    PATH="$prefix/bin:$PATH" bash --norc -c '
        . "$1/share/bash-completion/completions/wherry" && complete -p wherry &&
            COMP_LINE="wherry desc" COMP_POINT=11 COMP_WORDBREAKS=" :=" &&
            { _wherry wherry 2>/dev/null; [ "${COMPREPLY[0]}" = describe ]; }' bash "$prefix"
}

zsh_completes()
{
    zsh -f -c '
        fpath=("$1/share/zsh/site-functions" $fpath)
        autoload -Uz compinit && compinit -D -u && [ "$_comps[wherry]" = _wherry ] &&
            autoload +X _wherry' zsh "$prefix"
}

uninstall_there()
{
    cd "$sources" && ./dev uninstall --prefix "$prefix"
}

nothing_is_left()
{
    left=$(cd "$prefix" && find . -mindepth 1 | sort | tr '\n' ' ')
    [ "$left" = './bin ./bin/other ./share ./share/man ' ] || { echo "$left" && exit 1; }
}

uninstall_says_why()
{
    ! said=$(uninstall_there 2>&1) && printf '%s\n' "$said" | grep "nothing was installed"
}

refuses()
{
    ! said=$(cd "$sources" && ./dev install "$@" 2>&1) &&
        printf '%s\n' "$said" | grep -e '--prefix'
}

echo 1..23
mkdir -p "$prefix/bin" "$prefix/share/man" && : >"$prefix/bin/other"
does 'a prefix that is no whole path is refused' refuses --prefix there
does 'a prefix below a file is refused' refuses --prefix "$prefix/bin/other/there"
does 'an unknown option is refused' refuses --there
does 'it installs into a prefix with a blank in its name' install_there
does 'it installs again over itself' install_there
does 'the program runs from there' program_runs
does 'its guard is found there' guard_is_found
does 'the first example is built by pkg-config and runs' shared_by_pkg_config
does 'the same with the static library' static_by_pkg_config
does 'a loop is built with the services and runs' services_by_pkg_config
does 'the first example and a loop are built by CMake and run' by_cmake '' "$prefix"
does 'CMake takes the version that it asks for' by_cmake 0.1 "$prefix"
does 'CMake refuses a later version' refused_by_cmake 0.2
does 'CMake refuses a later third number' refused_by_cmake 0.1.9
does 'CMake refuses another first number' refused_by_cmake 1
does 'CMake finds what was moved' moved_by_cmake
does 'man finds the pages' pages_are_found
does 'bash finds its completion' bash_completes
does 'zsh finds its completion' zsh_completes
does 'it uninstalls' uninstall_there
does 'uninstalling leaves nothing' nothing_is_left
does 'what others have in the prefix is kept' strangers_are_kept
does 'uninstalling what is not there says so' uninstall_says_why
