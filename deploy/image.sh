#!/bin/bash
# `make image`: build deploy/Containerfile with buildah, then start the image with a read-only root until /healthz answers.
# Needs root and buildah, no container engine. DATABASE_URL names a PostgreSQL that the image can reach over TCP.
# BASE=… is the image to start from. Without it: Debian's from the registry, or one that mmdebstrap makes if none answers.
# IMAGE_ARGS are more arguments of `buildah build`, such as --volume for the certificate of a proxy.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${DATABASE_URL:?make image needs DATABASE_URL: a PostgreSQL for the start of the image}"
name=localhost/iprova-idm
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
work=$(mktemp -d)
container=""
stop() {
  [ -z "$container" ] || buildah rm "$container" >/dev/null
  rm -rf "$work"
}
trap stop EXIT

if [ -z "${BASE:-}" ]; then
  BASE=docker.io/library/debian:12-slim
  if ! timeout 60 buildah pull -q "$BASE" >/dev/null 2>&1; then
    BASE=localhost/iprova-idm-base
    echo "No registry answers: mmdebstrap makes the base."
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$work/base.tar"
    scratch=$(buildah from scratch)
    buildah add -q "$scratch" "$work/base.tar" / >/dev/null
    buildah commit -q --rm "$scratch" "$BASE" >/dev/null
    rm "$work/base.tar"
  fi
fi
# shellcheck disable=SC2086 (several arguments)
buildah build --format docker --pull-never --build-arg BASE="$BASE" ${IMAGE_ARGS:-} -t "$name" -f deploy/Containerfile .

container=$(buildah from --pull-never "$name")
root=$(buildah mount "$container")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
key=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')
settings=("DATABASE_URL=$DATABASE_URL" "SECRET_KEY=$key" "PORT=$port" MODE=production PUBLIC_URL=https://idm.example.com)
program='cd /opt/iprova-idm && PATH=/opt/iprova-idm/.venv/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 exec "$@"'
# What an engine does with `--read-only --tmpfs /tmp`: mounts of its own, then the user of the image without rights.
inside() {
  unshare --mount --pid --fork --kill-child bash -ec '
    mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"
    mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs -o mode=1777 tmpfs "$0/tmp"
    exec chroot "$0" setpriv --reuid=10001 --regid=10001 --clear-groups --inh-caps=-all --bounding-set=-all \
      --no-new-privs "$@"' "$root" env -i "${settings[@]}" sh -c "$program" sh "$@"
}
if inside touch /var/tmp/x 2>/dev/null; then # everybody may write there, unless the root is read-only
  echo "The root is not read-only." >&2
  exit 1
fi
inside python manage.py migrate --noinput >/dev/null
inside python manage.py housekeeping --due >/dev/null
inside gunicorn -c deploy/gunicorn.conf.py iprova_idm.wsgi:application &
server=$!
for _ in $(seq 120); do
  kill -0 "$server" || exit 1
  if answer=$(curl -fs "http://127.0.0.1:$port/healthz"); then break; fi
  sleep 0.5
done
kill "$server"
wait "$server" || true
test "${answer:-}" = '{"status": "ok"}'
echo "$name: $(du -sm "$root" | cut -f 1) MB; read-only as user 10001, /healthz answers $answer"
