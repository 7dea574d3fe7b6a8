#!/bin/sh
# The guest's end of a channel: takes commands from the host one after the other.
#   from the host   NUMBER SECONDS SCRIPT                 one line; the script in base64
#   to the host     NUMBER STATUS BYTES BYTES             one line, then standard output and standard error, that long
# The script is killed after SECONDS. What it leaves running must have redirected its output.
exec 3<>"$1"
files=/run/channel-${1##*/}
printf 'ready\n' >&3
while read -r number seconds script <&3; do
  printf %s "$script" | base64 -d >"$files.script"
  timeout -s KILL "$seconds" /bin/sh "$files.script" >"$files.out" 2>"$files.err" </dev/null 3<&-
  status=$?
  printf '%s %s %s %s\n' "$number" "$status" "$(wc -c <"$files.out")" "$(wc -c <"$files.err")" >&3
  cat "$files.out" "$files.err" >&3
done
