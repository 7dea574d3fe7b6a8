#!/bin/sh
# Puts the managed plugin together: a folder with config.json and rootfs for `docker plugin create weft/net FOLDER`. It has Node.js and the
# process of the host, which passes requests on; devices are made by Weft, so that it needs no tools and no capabilities.
#
#   northbound/docker/managed/build.sh FOLDER      after `npm run build`
set -eu
folder=${1:?usage: build.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
built=$here/../../../dist/northbound/docker/host
node=$(command -v node)
[ -f "$built/main.js" ] || { echo "build.sh: there is no $built/main.js: run npm run build first" >&2; exit 1; }
mkdir -p "$folder/rootfs/weft" "$folder/rootfs/tmp" "$folder/rootfs/etc" "$folder/rootfs/run/docker/plugins" \
  "$folder/rootfs/var/lib/weft/docker-plugin"
cp "$here/config.json" "$folder/config.json"
cp "$built"/*.js "$folder/rootfs/weft/"
echo '{ "type": "module" }' > "$folder/rootfs/weft/package.json"
cp -L "$node" "$folder/rootfs/node"
# Libraries under the names by which the program asks for them.
ldd "$node" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$folder/rootfs$(dirname "$library")"
  cp -L "$library" "$folder/rootfs$library"
done
# Names of hosts are looked up as on the host.
for library in libnss_files.so.2 libnss_dns.so.2; do
  found=$(ls /lib/*/"$library" /usr/lib/*/"$library" 2> /dev/null | head -n 1 || true)
  [ -z "$found" ] || { mkdir -p "$folder/rootfs$(dirname "$found")"; cp -L "$found" "$folder/rootfs$found"; }
done
echo "docker plugin create weft/net $folder"
