#!/bin/sh
# Entry point of the PostgreSQL image that container-images.sh makes: the part of the official image's behaviour that
# docker-compose.yml uses. At the first start it makes a cluster with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
set -eu

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 0700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?the first start needs it}"
  user=${POSTGRES_USER:-postgres}
  # Made beside its place and moved there, so that a first start that is cut off begins anew.
  rm -rf "$PGDATA/new" && mkdir -m 0700 "$PGDATA/new"
  password=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
  initdb --pgdata="$PGDATA/new" --username="$user" --pwfile="$password" --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8
  rm -f "$password"
  printf 'host all all all scram-sha-256\n' >>"$PGDATA/new/pg_hba.conf"
  database=${POSTGRES_DB:-$user}
  if [ "$database" != postgres ]; then
    printf 'CREATE DATABASE "%s" OWNER "%s";\n' "$database" "$user" | postgres --single -D "$PGDATA/new" postgres >/dev/null
  fi
  mv "$PGDATA/new/PG_VERSION" "$PGDATA/PG_VERSION.new"
  mv "$PGDATA/new"/* "$PGDATA"
  rmdir "$PGDATA/new"
  mv "$PGDATA/PG_VERSION.new" "$PGDATA/PG_VERSION"
fi
exec postgres -c listen_addresses='*' "$@"
