#!/usr/bin/env bash
# Makes a machine a node: the packages that constraints.txt pins, and an environment for its shells.
# Safe to run again: what is there already is kept.
#
#     setup.sh [EXTRAS]      such as cluster,aws,xgboost
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
venv=${DISTRIB_VENV:-$HOME/distrib-venv}

chmod 700 "$HOME/.ray-cluster"
chmod 600 "$HOME/.ray-cluster/auth_token"

# First, since Debian's .bashrc ends there for a shell that is not interactive.
line="source $here/environment.sh"
for file in "$HOME/.bashrc" "$HOME/.profile"; do
    touch "$file"
    if ! grep -qxF "$line" "$file"; then
        { echo "$line"; cat "$file"; } > "$file.distrib"
        mv "$file.distrib" "$file"
    fi
done

if [ ! -x "$venv/bin/ray" ] || ! cmp -s "$root/constraints.txt" "$venv/constraints.txt"; then
    # One version of Python everywhere: Ray refuses a node with another.
    if ! command -v python3.11 > /dev/null; then
        sudo apt-get update -q && sudo apt-get install -qy python3.11 python3.11-venv
    fi
    python3.11 -m venv "$venv"
    "$venv/bin/pip" install --quiet -c "$root/constraints.txt" -e "$root[${1:-cluster}]"
    cp "$root/constraints.txt" "$venv/constraints.txt"
fi
