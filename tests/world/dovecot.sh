#!/bin/bash
# Dovecot 2.3: the mailboxes. IMAP with implicit TLS and with STARTTLS, LMTP
# for Postfix and Mailman's copies, and the password check for Postfix.
#
# Any user name exists, with password "pw"; any address USER@example.test is
# delivered to USER's Maildir at $WORLD/dovecot/mail/USER. So a test isolates
# itself by taking a user name of its own, and nothing has to be created.
. "$(dirname "$0")/common.sh"

D=$WORLD/dovecot
user_dir "$D" "$D"/{run,state,mail,keys,keys/default,keys/default/HS256}
read -r user group < <(as_user sh -c 'echo "$(id -un) $(id -gn)"')

# XOAUTH2 and OAUTHBEARER: Dovecot itself checks the token's HS256 signature
# with this key (it wants it base64-coded), so no token service is needed.
oauth_key=buildbot-watch-tests-only-not-a-secret
printf %s "$oauth_key" | base64 -w0 >"$D/keys/default/HS256/default"
python3 "$(dirname "$0")/oauth_tokens.py" "$oauth_key" "$WORLD/oauth-tokens.json"

cat >"$D/oauth2.conf" <<CONFIG
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$D/keys/
username_attribute = sub
username_format = %Ln
CONFIG

# Whoever is called vacation-... is away, and says so in the words that would do most
# harm.
user_dir "$D/sieve"
cat >"$D/sieve/vacation.sieve" <<'SIEVE'
require ["envelope", "vacation"];
if envelope :localpart :matches "to" "vacation-*" {
  vacation :days 1 :subject "Away" "approve

I am away until Monday.";
}
SIEVE
sievec -c /dev/null "$D/sieve/vacation.sieve" 2>"$WORLD/logs/sievec.out" ||
  cat "$WORLD/logs/sievec.out" >&2
chmod -R a+rX "$D/sieve"

cat >"$D/dovecot.conf" <<CONFIG
base_dir = $D/run
state_dir = $D/state
log_path = $WORLD/logs/dovecot.log
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
listen = 127.0.0.1
protocols = imap lmtp

ssl = yes
ssl_cert = <$WORLD/certs/cert.pem
ssl_key = <$WORLD/certs/key.pem
# A bare login without STARTTLS would be refused, but not here: Dovecot takes a
# client at its own address for secure, whatever is configured.
disable_plaintext_auth = yes

# No pause after a wrong password: tests try wrong ones on purpose. The second
# pause, which grows per client address, is switched off at service anvil.
auth_failure_delay = 0
auth_mechanisms = plain login xoauth2 oauthbearer
auth_username_format = %Ln
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $D/oauth2.conf
}
passdb {
  driver = static
  mechanisms = plain login
  args = password=$MAIL_PASSWORD
}
userdb {
  driver = static
  args = uid=$user gid=$group home=$D/mail/%n allow_all_users=yes
}

first_valid_uid = 1
mail_location = maildir:$D/mail/%n
# Every test comes from the one address 127.0.0.1.
mail_max_userip_connections = 1000
lda_mailbox_autocreate = yes
lda_mailbox_autosubscribe = yes
# USER+FOLDER@example.test is delivered to that folder of USER's.
lmtp_save_to_detail_mailbox = yes
submission_host = 127.0.0.1:$PORT_SMTP
protocol lmtp {
  mail_plugins = sieve
}
plugin {
  sieve = file:$D/sieve/nobody.sieve
  sieve_before = $D/sieve/vacation.sieve
}
# Real servers say "* OK Still here" every two minutes of IDLE; here it comes
# soon enough to be seen by a test.
imap_idle_notify_interval = 2 secs
# Connections from one address are otherwise slowed down in bursts.
service imap-login {
  chroot =
  process_min_avail = 1
  service_count = 0
  client_limit = 1000
  inet_listener imap {
    port = $PORT_IMAP
  }
  inet_listener imaps {
    port = $PORT_IMAPS
    ssl = yes
  }
}
service imap {
  process_limit = 1000
}
service lmtp {
  process_min_avail = 1
  inet_listener lmtp {
    address = 127.0.0.1
    port = $PORT_LMTP
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = $PORT_SASL
  }
}
service anvil {
  chroot =
  # Without this socket there is no growing delay after failed logins.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \Drafts
    auto = subscribe
  }
  mailbox Archive {
    special_use = \Archive
    auto = subscribe
  }
}
CONFIG

# -F stays in the foreground, so the pid is the one we started.
run_user_server dovecot /usr/sbin/dovecot -F -c "$D/dovecot.conf"
for port in "$PORT_IMAP" "$PORT_IMAPS" "$PORT_LMTP" "$PORT_SASL"; do
  wait_until 30 "Dovecot's port $port" port_open "$port"
done
