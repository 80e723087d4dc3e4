#!/bin/bash
# Mailman 3 core: the mailing list. Archive as a Maildir on disk at
# $WORLD/mailman/var/archives/prototype/LIST@lists.example.test.
#
# Tests create lists of their own, so that they do not see each other's mails,
# by the same REST calls that new_list and subscribe make below (HTTP Basic,
# restadmin/restpass, base http://127.0.0.1:$PORT_MAILMAN_REST/3.1).
. "$(dirname "$0")/common.sh"

D=$WORLD/mailman
user_dir "$D"

# Debian's package has the translations of subjects only as their authors wrote them.
# So the runners are given a package of links to it, with compiled ones.
INSTALLED=/usr/lib/python3/dist-packages/mailman
PACKAGE=$D/python/mailman
mkdir -p "$PACKAGE" "$D/bin"
ln -s "$INSTALLED"/* "$PACKAGE/"
rm "$PACKAGE/messages"
cp -r "$INSTALLED/messages" "$PACKAGE/"
for language in $LIST_LANGUAGES; do
  messages=$PACKAGE/messages/$language/LC_MESSAGES
  msgfmt -o "$messages/mailman.mo" "$messages/mailman.po"
done
cat >"$D/bin/runner" <<RUNNER
import runpy, sys
sys.path.insert(0, "$D/python")
runpy.run_path("/usr/lib/mailman3/bin/runner", run_name="__main__")
RUNNER

cat >"$D/mailman.cfg" <<CONFIG
[mailman]
layout: here
site_owner: postmaster@$MAIL_DOMAIN
[paths.here]
var_dir: $D/var
bin_dir: $D/bin
# Postfix needs no map files of Mailman's: it sends it the whole domain.
[mta]
incoming: mailman.mta.null.NullMTA
outgoing: mailman.mta.deliver.deliver
lmtp_host: 127.0.0.1
lmtp_port: $PORT_MAILMAN_LMTP
smtp_host: 127.0.0.1
smtp_port: $PORT_SMTP
# Without the local copy every post waits for a download and is then shunted.
[dmarc]
org_domain_data_url: file:///usr/share/publicsuffix/public_suffix_list.dat
[webservice]
hostname: 127.0.0.1
port: $PORT_MAILMAN_REST
admin_user: $MAILMAN_USER
admin_pass: $MAILMAN_PASSWORD
workers: 1
[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:///$D/mailman.db
[archiver.prototype]
enable: yes
CONFIG
# The runners a post goes through look for work five times a second, not once.
for runner in in pipeline out archive virgin command; do
  printf '[runner.%s]\nsleep_time: 0.2s\n' "$runner" >>"$D/mailman.cfg"
done
for language in $LIST_LANGUAGES; do
  printf '[language.%s]\n' "$language" >>"$D/mailman.cfg"
done
# Each runner is a Python process that takes a second of CPU to start. Not
# needed here: news, digests, bounce counting, expiry; and Postfix is never away,
# so nothing is ever retried.
for runner in nntp digest bounces task retry; do
  printf '[runner.%s]\nstart: no\n' "$runner" >>"$D/mailman.cfg"
done

run_user_server mailman env MAILMAN_CONFIG_FILE="$D/mailman.cfg" \
  /usr/lib/mailman3/bin/master -C "$D/mailman.cfg"

# rest METHOD PATH [curl arguments]
rest() {
  local method=$1 path=$2
  shift 2
  curl --silent --show-error --fail-with-body --max-time 60 \
    -u "$MAILMAN_USER:$MAILMAN_PASSWORD" -X "$method" \
    "http://127.0.0.1:$PORT_MAILMAN_REST/3.1$path" "$@" >>"$WORLD/logs/mailman-rest.out" 2>&1
}

# new_list ADDRESS DISPLAY_NAME DESCRIPTION
#   POST  /lists                  fqdn_listname=ADDRESS            -> 201
#   PATCH /lists/ADDRESS/config   the fields below                 -> 204
# Posts of non-members are accepted, however they are addressed and however
# large; no mail but the posts themselves ever comes from the list.
new_list() {
  rest POST /lists -d "fqdn_listname=$1"
  rest PATCH "/lists/$1/config" --data-urlencode "display_name=$2" \
    --data-urlencode "description=$3" \
    -d default_nonmember_action=accept -d default_member_action=accept \
    -d require_explicit_destination=false -d max_message_size=0 \
    -d max_num_recipients=0 -d digests_enabled=false \
    -d dmarc_mitigate_action=no_mitigation -d archive_policy=public \
    -d send_welcome_message=false -d admin_immed_notify=false \
    -d advertised=true -d first_strip_reply_to=false
}

# subscribe ADDRESS SUBSCRIBER
#   POST  /members   list_id is the list's address with . in place of @ -> 201
# A member gets his own posts back (receive_own_postings is on by default).
subscribe() {
  rest POST /members -d "list_id=${1/@/.}" -d "subscriber=$2" \
    -d pre_verified=true -d pre_confirmed=true -d pre_approved=true \
    -d send_welcome_message=false
}

wait_until 60 "Mailman's REST port" port_open "$PORT_MAILMAN_REST"
wait_until 60 "Mailman's REST interface" rest GET /system/versions
wait_until 60 "Mailman's LMTP port" port_open "$PORT_MAILMAN_LMTP"
rest POST /domains -d "mail_host=$LIST_DOMAIN"
new_list "$LIST_ADDRESS" Buildbot-status 'Status reports of the Python buildbots'
subscribe "$LIST_ADDRESS" "watcher@$MAIL_DOMAIN" # the daemon's mailbox
subscribe "$LIST_ADDRESS" "reader@$MAIL_DOMAIN"  # another member of the list
