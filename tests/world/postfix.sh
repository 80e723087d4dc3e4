#!/bin/bash
# Postfix: the mail transport. Three ports:
#   PORT_SMTP         plain, no login: how tests and the list put mail in
#   PORT_SMTP_VERIFYING  the same, by way of OpenDKIM: as mail comes in from outside
#   PORT_SUBMISSION   STARTTLS, then a login: as for the daemon
#   PORT_SUBMISSIONS  implicit TLS, then a login: as for the daemon
# decide-USER+TOKEN@example.test is USER's, too: where approvers answer to.
# USER@example.test goes to Dovecot, anything @lists.example.test to Mailman,
# all else is refused at RCPT, so no test can ever mail to the outside.
# later@example.test is refused for now (450), never@example.test for good (550).
#
# Must be started as root: Postfix's master insists.
. "$(dirname "$0")/common.sh"

D=$WORLD/postfix
mkdir -p "$D"/{etc,queue,data}
chown postfix "$D/data"

# Certificates come from the tests' own CA; delays and limits that protect a
# real server from the world only slow tests down.
cat >"$D/etc/main.cf" <<CONFIG
compatibility_level = 3.6
queue_directory = $D/queue
data_directory = $D/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = $WORLD/logs/postfix.log
maillog_file_prefixes = $WORLD
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.test
mynetworks = 127.0.0.0/8

mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = $MAIL_DOMAIN
virtual_alias_maps = regexp:$D/etc/aliases
virtual_transport = lmtp:inet:127.0.0.1:$PORT_LMTP
relay_domains = $LIST_DOMAIN
transport_maps = inline:{ { $LIST_DOMAIN = lmtp:inet:127.0.0.1:$PORT_MAILMAN_LMTP } }
default_transport = error:5.1.2 there is no outside world here
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtputf8_enable = no

smtpd_tls_cert_file = $WORLD/certs/cert.pem
smtpd_tls_key_file = $WORLD/certs/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:$PORT_SASL
smtpd_recipient_restrictions = \$refused_on_purpose, reject_unauth_destination
refused_on_purpose = check_recipient_access inline:{
  { later@$MAIL_DOMAIN = 450 4.2.0 mailbox busy, try later }
  { never@$MAIL_DOMAIN = 550 5.1.1 no such user } }

message_size_limit = 67108864
mailbox_size_limit = 0
virtual_mailbox_limit = 0
header_size_limit = 4194304
enable_long_queue_ids = yes
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
queue_run_delay = 2s
minimal_backoff_time = 1s
maximal_backoff_time = 3s
CONFIG

echo '/^decide-([^+@]+)(\+[^@]*)?@example\.test$/ $1@example.test' >"$D/etc/aliases"

smtpd() { # smtpd PORT [-o option=value]...
  printf '127.0.0.1:%s inet n - n - - smtpd\n' "$1"
  shift
  printf '  -o %s\n' "$@"
}
{
  smtpd "$PORT_SMTP" syslog_name=postfix/plain smtpd_tls_security_level=none
  smtpd "$PORT_SMTP_VERIFYING" syslog_name=postfix/verifying smtpd_tls_security_level=none \
    "smtpd_milters=inet:127.0.0.1:$PORT_DKIM" milter_default_action=tempfail
  # The rest is what a provider's submission service does: no login, no mail.
  login=(smtpd_sasl_auth_enable=yes
    'smtpd_recipient_restrictions=$refused_on_purpose,permit_sasl_authenticated,reject'
    smtpd_relay_restrictions=permit_sasl_authenticated,reject)
  smtpd "$PORT_SUBMISSION" syslog_name=postfix/submission smtpd_tls_security_level=encrypt "${login[@]}"
  smtpd "$PORT_SUBMISSIONS" syslog_name=postfix/submissions smtpd_tls_wrappermode=yes \
    smtpd_tls_security_level=encrypt "${login[@]}"
  cat <<'CONFIG'
postlog   unix-dgram n - n - 1 postlogd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
showq     unix n - n - - showq
CONFIG
} >"$D/etc/master.cf"

# Without Dovecot's login check the first smtpd would die, and master would wait
# a minute before it starts another.
wait_until 60 "Dovecot's port for logins" port_open "$PORT_SASL"
# `postfix check` makes the queue folders; master itself does not. `-w` returns
# when the ports are open (`postfix start` needs seconds more).
postfix -c "$D/etc" check >"$WORLD/logs/postfix-check.out" 2>&1 </dev/null
/usr/lib/postfix/sbin/master -c "$D/etc" -w </dev/null >"$WORLD/logs/postfix.out" 2>&1
tr -d ' ' <"$D/queue/pid/master.pid" >"$WORLD/pids/postfix"
for port in "$PORT_SMTP" "$PORT_SMTP_VERIFYING" "$PORT_SUBMISSION" "$PORT_SUBMISSIONS"; do
  wait_until 30 "Postfix's port $port" port_open "$port"
done
