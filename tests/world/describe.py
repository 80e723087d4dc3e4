"""Prints the world as JSON: all a test needs to know to reach the servers.

Run by tests/run with the variables that common.sh lists. The Rust side of this
is tests/it/world.rs.
"""

import json
import os
import sys
import urllib.parse
import urllib.request

env = os.environ
world = env["WORLD"]
ports = {
    name.removeprefix("PORT_").lower(): int(value)
    for name, value in env.items()
    if name.startswith("PORT_")
}
roundup_base = f"http://127.0.0.1:{ports['roundup']}"
buildbot_base = f"http://127.0.0.1:{ports['buildbot']}"
certs = f"{world}/certs"


def oauth() -> dict:
    with open(f"{world}/oauth-tokens.json") as file:
        return json.load(file)


def builder_id(name: str) -> int:
    """Buildbot numbers its builders in no particular order."""
    url = f"{buildbot_base}/api/v2/builders?name={urllib.parse.quote(name)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["builders"][0]["builderid"]


json.dump(
    {
        "folder": world,
        "logs": f"{world}/logs",
        "host": "127.0.0.1",
        "tls": {
            "ca": f"{certs}/ca.pem",
            # What the servers show, for localhost and 127.0.0.1.
            "cert": f"{certs}/cert.pem",
            "key": f"{certs}/key.pem",
            # Same CA and key.pem, but not to be accepted.
            "expired_cert": f"{certs}/expired.pem",
            "other_host_cert": f"{certs}/otherhost.pem",
            # By a CA that nobody trusts.
            "untrusted_ca": f"{certs}/untrusted-ca.pem",
            "untrusted_cert": f"{certs}/untrusted-cert.pem",
            "untrusted_key": f"{certs}/untrusted-key.pem",
        },
        "mail": {
            "domain": env["MAIL_DOMAIN"],
            # Any user name exists, with this one password.
            "password": env["MAIL_PASSWORD"],
            "imaps_port": ports["imaps"],
            "imap_starttls_port": ports["imap"],
            "lmtp_port": ports["lmtp"],
            # The Maildir of USER is here, in a folder USER.
            "maildirs": f"{world}/dovecot/mail",
            "oauth": oauth(),
            # No login, no TLS: to put mail in.
            "smtp_port": ports["smtp"],
            # The same by way of OpenDKIM, as mail comes in from outside.
            "smtp_verifying_port": ports["smtp_verifying"],
            # DOMAIN.key: what mails of DOMAIN are signed with.
            "dkim_keys": f"{world}/dkim",
            # A login is required.
            "submission_starttls_port": ports["submission"],
            "submissions_port": ports["submissions"],
            "refused_for_now": f"later@{env['MAIL_DOMAIN']}",
            "refused_for_good": f"never@{env['MAIL_DOMAIN']}",
        },
        "mailman": {
            "rest": f"http://127.0.0.1:{ports['mailman_rest']}/3.1",
            "user": env["MAILMAN_USER"],
            "password": env["MAILMAN_PASSWORD"],
            "lmtp_port": ports["mailman_lmtp"],
            "domain": env["LIST_DOMAIN"],
            "list": env["LIST_ADDRESS"],
            "members": [f"watcher@{env['MAIL_DOMAIN']}", f"reader@{env['MAIL_DOMAIN']}"],
            # The archive of LIST is a Maildir here, in a folder LIST (the address).
            "archives": f"{world}/mailman/var/archives/prototype",
        },
        "roundup": {
            "trackers": {
                name: f"{roundup_base}/{name}/" for name in env["ROUNDUP_TRACKERS"].split()
            },
            "users": {
                "admin": "adminpw",
                "bbot": "bbotpw",
                "victor": "victorpw",
                "reader": "readerpw",
            },
        },
        "buildbot": {
            "url": f"{buildbot_base}/",
            "api": f"{buildbot_base}/api/v2",
            "builder_name": "AMD64 Debian root 3.x",
            "builder_id": builder_id("AMD64 Debian root 3.x"),
            "green_build": 1,
            "red_build": 2,
            # On the builder whose steps a test writes.
            "scripted_builder_name": "AMD64 Scripted + LTO 3.x",
            "deleted_build": 1,
        },
        "github": {"openapi": env["BUILDBOT_WATCH_TEST_OPENAPI"]},
    },
    sys.stdout,
    indent=2,
)
