#!/bin/bash
# Certificates for the world, in $WORLD/certs:
#   ca.pem                       the CA that tests trust
#   cert.pem + key.pem           localhost and 127.0.0.1, used by Dovecot and Postfix
#   expired.pem, otherhost.pem   same CA and key, but out of date / for another host
#   untrusted-*.pem              a CA nobody trusts, and its leaf for localhost
# A CA with a leaf, not one self-signed certificate: rustls refuses a CA
# certificate as a server's own (CaUsedAsEndEntity).
. "$(dirname "$0")/common.sh"

mkdir -p "$WORLD/certs/issued"
cd "$WORLD/certs"

new_ca() { # new_ca PREFIX
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 \
    -subj "/CN=$1 test CA" -keyout "$1ca.key" -out "$1ca.pem"
}

# new_leaf CA_PREFIX LEAF_PREFIX HOST [openssl ca arguments]: one key a CA.
# `openssl ca`, because only that can date a certificate back.
new_leaf() {
  local ca=$1 key=$1key.pem out=$2 host=$3
  shift 3
  [ -f "$key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$key"
  openssl req -new -key "$key" -subj "/CN=$host" -out "$out.csr"
  : >issued/index.txt
  openssl ca -batch -notext -config <(ca_config "$host") \
    -cert "${ca}ca.pem" -keyfile "${ca}ca.key" -in "$out.csr" -out "$out.pem" "$@"
}

ca_config() {
  local names=DNS:$1
  [ "$1" != localhost ] || names+=,IP:127.0.0.1
  cat <<CONFIG
[ca]
default_ca = here
[here]
database = issued/index.txt
new_certs_dir = issued
rand_serial = yes
default_md = sha256
default_days = 3
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
subjectAltName = $names
extendedKeyUsage = serverAuth
CONFIG
}

{
  new_ca ''
  new_leaf '' cert localhost
  new_leaf '' expired localhost -startdate 20200101000000Z -enddate 20200201000000Z
  new_leaf '' otherhost other.example.test
  new_ca untrusted-
  new_leaf untrusted- untrusted-cert localhost
} >>"$WORLD/logs/certs.out" 2>&1

chmod 644 ./*.pem # test material: Dovecot's user must read the key
rm -rf ./*.csr issued
