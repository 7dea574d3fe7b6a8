#!/bin/sh
# Base images for docker-compose.yml made from nothing but Debian's archive and the Node.js of this machine, for places where
# no image can be pulled. Needs root, a container engine, debootstrap, and Node.js 20 with npm.
#
#   weft-base:bookworm      Debian 12 with Node.js and npm as they are here    (instead of node:20-bookworm-slim)
#   weft-postgres:15        Debian 12 with PostgreSQL 15                       (instead of postgres:15)
#
# Usage: lab/container-images.sh [MIRROR]; DOCKER names the client (default: docker).
set -eu

mirror=${1:-http://deb.debian.org/debian}
docker=${DOCKER:-docker}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# make_tree NAME PACKAGES: a Debian 12 tree without package lists and caches.
make_tree() {
  debootstrap --variant=minbase --include="$2" bookworm "$work/$1" "$mirror" >"$work/$1.log" 2>&1 || {
    tail -n 20 "$work/$1.log" >&2
    exit 1
  }
  rm -rf "$work/$1"/var/cache/apt/* "$work/$1"/var/lib/apt/lists/* "$work/$1"/var/log/*.log
}

# import_tree NAME IMAGE CHANGES...: the tree as an image.
import_tree() {
  tree=$work/$1
  image=$2
  shift 2
  tar -C "$tree" -c . | "$docker" import "$@" - "$image"
  rm -rf "$tree"
}

make_tree base ca-certificates,libstdc++6
# Authorities that this machine trusts beside Debian's are trusted in the image too: npm may need them to reach its registry.
mkdir -p "$work/base/usr/lib/node_modules"
cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/ca-certificates.crt"
cp "$(readlink -f "$(command -v node)")" "$work/base/usr/bin/node"
cp -R "$(npm root --global 2>/dev/null)/npm" "$work/base/usr/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/base/usr/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/base/usr/bin/npx"
import_tree base weft-base:bookworm \
  --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]'

make_tree postgres postgresql-15
install -m 0755 "$here/postgres-entrypoint.sh" "$work/postgres/usr/local/bin/postgres-entrypoint"
import_tree postgres weft-postgres:15 \
  --change 'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  --change 'ENV PGDATA=/var/lib/postgresql/data' \
  --change 'ENTRYPOINT ["postgres-entrypoint"]' \
  --change 'EXPOSE 5432' \
  --change 'VOLUME /var/lib/postgresql/data'
