#!/bin/bash
# OpenDKIM, which checks signatures for Postfix's port PORT_SMTP_VERIFYING as a milter,
# and says what it found in an Authentication-Results header of mx.example.test. The
# public keys come from a file in place of DNS; the private ones are
# $WORLD/dkim/DOMAIN.key (PKCS #8, DER), with the selector "tests".
. "$(dirname "$0")/common.sh"

D=$WORLD/dkim
mkdir -p "$D"
: >"$D/keys"
for domain in "$MAIL_DOMAIN" evil.test; do
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$D/$domain.pem" \
    2>>"$WORLD/logs/opendkim-keys.out"
  openssl pkcs8 -topk8 -nocrypt -in "$D/$domain.pem" -outform DER -out "$D/$domain.key"
  public=$(openssl pkey -in "$D/$domain.pem" -pubout | sed '/^-----/d' | tr -d '\n')
  echo "tests._domainkey.$domain v=DKIM1; k=rsa; p=$public" >>"$D/keys"
done
# Nobody is inside: for those it would sign, not check.
echo 192.0.2.1 >"$D/inside"
cat >"$D/opendkim.conf" <<CONFIG
Mode v
Socket inet:$PORT_DKIM@127.0.0.1
AuthservID mx.example.test
AlwaysAddARHeader yes
TestPublicKeys $D/keys
InternalHosts $D/inside
ExternalIgnoreList $D/inside
Syslog no
PidFile $D/pid
CONFIG
chmod -R a+rX "$D"
user_dir "$D/run"
run_user_server opendkim /usr/sbin/opendkim -f -x "$D/opendkim.conf" -P "$D/run/pid"
wait_until 30 "OpenDKIM's port $PORT_DKIM" port_open "$PORT_DKIM"
