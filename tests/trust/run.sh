#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The figures behind the promises: ./dev trust [--long]; see trust.py.
exec python3 "$(dirname "$0")/trust.py" "$@"
