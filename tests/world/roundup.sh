#!/bin/bash
# Roundup 2.6: several trackers alike, at http://127.0.0.1:$PORT_ROUNDUP/NAME/
# (names: ROUNDUP_TRACKERS in common.sh), so that tests that count issues or
# search need not share one. Users: see roundup/initial_data.py.
#
# `strict` keeps Roundup's own limits on wrong passwords (4 in 10 minutes, then
# even the right one is refused). The others have none, or one test's wrong
# password would shut out all the others.
#
# What Roundup 2.6.0 does (each tried against these trackers):
# - A write needs X-Requested-With and Origin, else 400 "Required Header Missing".
# - POST /data/CLASS/@poe gives a link for one POST. It is used up by a refused
#   one too (400, 403, another user), not by bad JSON, a missing header or a 401.
#   Of four POSTs at once one succeeds. Messages have such links as well.
# - `author` of a message is what the client says, also somebody else; `creator`
#   is who did it. `messageid` can be set and found (as a substring).
# - A message's text comes back as sent, CR and NUL included, but without white
#   space at its end. An empty text is refused (409). `date` is empty unless sent.
# - PATCH without the current ETag in If-Match: 412.
# - The search in texts (CSV export) wants all the words, as whole words, in ONE
#   text (the title or one message); case does not matter. Its dates have no
#   seconds and its `creator` is the real name: use REST for those.
# - `?activity=FROM;` includes FROM, to the second.
. "$(dirname "$0")/common.sh"

HERE=$(cd "$(dirname "$0")" && pwd)
D=$WORLD/roundup
user_dir "$D"
base=http://127.0.0.1:$PORT_ROUNDUP

admin() { as_user "$VENV/bin/roundup-admin" -i "$D/demo" "$@"; }

# 1,000 rounds for a password's hash, not 250,000: every request with a login
# computes it. `native` is the search that a stock Roundup uses.
{
  admin install classic sqlite "tracker_web=$base/demo/,tracker_name=demo,\
mail_domain=$MAIL_DOMAIN,mail_host=127.0.0.1,mail_port=$PORT_SMTP,indexer=native,\
password_pbkdf2_default_rounds=1000"
  cp "$HERE"/roundup/{schema,initial_data}.py "$D/demo/"
  cp "$HERE"/roundup/default_status.py "$D/demo/detectors/"
  rm "$D/demo/detectors/statusauditor.py" # knows only classic's own statuses
  # classic's pages, with the names this schema uses
  sed -i 's/assignedto/assignee/g; s#context/keyword#context/keywords#g' "$D"/demo/html/*.html
  admin initialise adminpw
} >"$WORLD/logs/roundup-install.out" 2>&1

trackers=()
for name in $ROUNDUP_TRACKERS; do
  if [ "$name" != demo ]; then
    cp -a "$D/demo" "$D/$name"
    sed -i "s#^web = .*#web = $base/$name/#; s#^name = demo#name = $name#" "$D/$name/config.ini"
  fi
  trackers+=("$name=$D/$name")
done
for name in $ROUNDUP_TRACKERS; do
  if [ "$name" = strict ]; then continue; fi
  sed -i 's/^login_attempts_min = .*/login_attempts_min = 0/
    s/^api_failed_login_limit = .*/api_failed_login_limit = 0/' "$D/$name/config.ini"
done

run_user_server roundup "$VENV/bin/roundup-server" -n 127.0.0.1 -p "$PORT_ROUNDUP" "${trackers[@]}"
wait_until 60 Roundup port_open "$PORT_ROUNDUP"
