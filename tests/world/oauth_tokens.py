"""Writes two HS256 tokens for the mail user `oauth`: one good, one expired.

oauth_tokens.py KEY FILE
"""

import base64
import hashlib
import hmac
import json
import sys
import time


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(key: str, user: str, issued: int, expires: int) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    # Dovecot insists on `sub`; `iat` and `nbf` must lie in the past.
    claims = {"sub": user, "iat": issued, "nbf": issued, "exp": expires}
    signed = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + encoded(signature)).decode()


key, path = sys.argv[1:]
now = int(time.time())
day = 86400
with open(path, "w") as file:
    json.dump(
        {
            "user": "oauth",
            "valid_token": token(key, "oauth", now - day, now + 30 * day),
            "expired_token": token(key, "oauth", now - 2 * day, now - day),
        },
        file,
    )
