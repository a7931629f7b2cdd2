# What every shell, every `ray start` and every driver on a node of a cluster has in common: the one
# place for it. setup.sh has login shells read it; the start commands of the cluster files do so too.

# Whoever has no token is refused. The file has mode 0600 and is the same on every node.
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH="$HOME/.ray-cluster/auth_token"

# Ray 2.60's newer autoscaler takes the head of an on-premises cluster for one of its workers, and
# the last worker never joins; read by `ray start --head`.
export RAY_enable_autoscaler_v2=0

export RAY_USAGE_STATS_ENABLED=0

# `ray down` calls plain `ray`: without it here, it says that no nodes remain while Ray lives on.
export PATH="${DISTRIB_VENV:-$HOME/distrib-venv}/bin:$PATH"
