#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# server.sh KIND DIR PORT: runs a server in the foreground, its files in the empty directory DIR,
# listening on 127.0.0.1:PORT alone. KIND: postgres, redis, mariadb. Status 77 when it is not
# installed. The server ends with the process group of the test that started it.
set -eu
kind=$1 dir=$2 port=$3
PATH=$PATH:/usr/sbin:/sbin

missing() {
    echo "$1 is not installed" >&2
    exit 77
}

# The newest PostgreSQL; its programs are not in PATH.
postgres_bin() {
    for d in /usr/lib/postgresql/*/bin; do
        [ -x "$d/postgres" ] && bin=$d
    done
    [ -n "${bin:-}" ] || missing postgresql
}

# PostgreSQL does not run as root.
as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        chown -R postgres "$dir"
        exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    fi
    exec "$@"
}

case $kind in
postgres)
    postgres_bin
    (as_user "$bin/initdb" -D "$dir/data" -U test --auth=trust --no-sync >"$dir/initdb.log" 2>&1)
    as_user "$bin/postgres" -D "$dir/data" -h 127.0.0.1 -p "$port" -k "$dir" -F \
        -c max_connections=250 -c shared_buffers=16MB
    ;;
redis)
    command -v redis-server >/dev/null || missing redis-server
    cd "$dir"
    exec redis-server --bind 127.0.0.1 --port "$port" --save '' --daemonize no --maxclients 400
    ;;
mariadb)
    command -v mariadbd >/dev/null || missing mariadb-server
    user=$(id -un)
    mariadb-install-db --no-defaults --datadir="$dir/data" \
        --auth-root-authentication-method=normal --skip-test-db --user="$user" \
        >"$dir/install.log" 2>&1
    exec mariadbd --no-defaults --datadir="$dir/data" --bind-address=127.0.0.1 --port="$port" \
        --socket="$dir/socket" --user="$user" --max-connections=400 --skip-grant-tables \
        --skip-networking=0 --innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0
    ;;
*)
    echo "server.sh: no kind $kind" >&2
    exit 2
    ;;
esac
