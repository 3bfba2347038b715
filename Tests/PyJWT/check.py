"""Another implementation of JWT reads the tokens of `zoetrope token`: PyJWT."""
import os
import subprocess
import sys
import tempfile

import jwt

PROGRAM = sys.argv[1]
SECRETS = ["a-secret-of-at-least-thirty-two-bytes", "another-secret-of-at-least-thirty-two-bytes"]


def token(*arguments: str, **settings: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ["PATH"], **settings}
        command = [PROGRAM, "token", "--data-dir", folder, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def refused(expected: type[Exception], *arguments, **options) -> None:
    try:
        jwt.decode(*arguments, **options)
    except expected:
        return
    sys.exit(f"PyJWT accepted a token, instead of saying {expected.__name__}")


made = token(
    "--user", "Ünï \"\\ 😀", "--session", "s-1", "--tier", "paid", "--expires", "10m",
    ZOETROPE_JWT_SECRET=",".join(SECRETS), ZOETROPE_JWT_AUDIENCE="films", ZOETROPE_JWT_ISSUER="https://issuer.example",
)
options = {"algorithms": ["HS256"], "audience": "films", "issuer": "https://issuer.example"}
claims = jwt.decode(made, SECRETS[0], **options, options={"require": ["exp", "iat", "sub", "aud", "iss"]})
assert claims["sub"] == "Ünï \"\\ 😀" and claims["sid"] == "s-1" and claims["tier"] == "paid", claims
assert claims["exp"] - claims["iat"] == 600, claims
assert jwt.get_unverified_header(made) == {"alg": "HS256", "typ": "JWT"}
refused(jwt.InvalidSignatureError, made, SECRETS[1], **options)
refused(jwt.InvalidAudienceError, made, SECRETS[0], **{**options, "audience": "zoetrope"})
refused(jwt.InvalidIssuerError, made, SECRETS[0], **{**options, "issuer": "https://other.example"})
print("PyJWT", jwt.__version__, "accepts the tokens of zoetrope token")
