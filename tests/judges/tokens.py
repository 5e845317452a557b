"""Access tokens, by PyJWT and joserfc: what they verify, and what they forge."""

import base64
import datetime
import hashlib
import hmac
import json

import jwt
import server
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt as jose
from joserfc.jwk import KeySet
from server import URL, ask, see


def me(token):
    return ask("GET", "/api/v1/auth/me", token).status_code


email, entered = server.account()
token, refresh = entered["access_token"], entered["refresh_token"]
told = jwt.decode(token, options={"verify_signature": False})
issuer, audience = told["iss"], told["aud"]

key = jwt.PyJWKClient(URL + "/.well-known/jwks.json").get_signing_key_from_jwt(token)
required = ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]
claims = jwt.decode(
    token, key.key, algorithms=["RS256"], issuer=issuer, audience=audience, options={"require": required}
)
see("PyJWT verifies it by our published keys", claims["email"] == email, claims)
see("it is good for a quarter of an hour", claims["exp"] - claims["iat"] == 900, claims)
see("it is a token of RFC 9068", jwt.get_unverified_header(token)["typ"] == "at+jwt", token)

keys = KeySet.import_key_set(ask("GET", "/.well-known/jwks.json").json())
decoded = jose.decode(token, keys, algorithms=["RS256"])
rules = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True}, "exp": {"essential": True}}
jose.JWTClaimsRegistry(**rules).validate(decoded.claims)
see("joserfc verifies it as well", decoded.claims == claims, decoded.claims)
see("the server takes it", me(token) == 200)

header = {name: jwt.get_unverified_header(token)[name] for name in ("kid", "typ")}
own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public = key.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def confused(secret):
    """Signed by HMAC, with what everybody knows as its secret; the library itself refuses to do that."""
    signed = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


late = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
forged = {
    "no algorithm": jwt.encode(claims, None, algorithm="none", headers=header),
    "no algorithm, oddly written": f"{part({**header, 'alg': 'nOnE'})}.{part(claims)}.",
    "HMAC by the public key": confused(public),
    "HMAC by nothing": confused(b""),
    "another key under our key's name": jwt.encode(claims, own, algorithm="RS256", headers=header),
    "another key under its own name": jwt.encode(claims, own, algorithm="RS256", headers={"typ": "at+jwt", "kid": "x"}),
    "a key that it brings itself": jwt.encode(
        claims, own, algorithm="RS256",
        headers={"typ": "at+jwt", "jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(own.public_key()))},
    ),
    "other claims under our signature": ".".join(
        [token.split(".")[0], part({**claims, "exp": int(late.timestamp())}), token.split(".")[2]]
    ),
    "no signature": token.rsplit(".", 1)[0] + ".",
    "a refresh token": refresh,
}
for what, one in forged.items():
    see(f"refused: {what}", me(one) == 401, one)

turned = ask("POST", "/api/v1/auth/refresh", json={"refresh_token": refresh}).json()
see("a refresh token is traded", me(turned["access_token"]) == 200, turned)
left = ask("POST", "/api/v1/auth/logout", turned["access_token"], json={"refresh_token": turned["refresh_token"]})
see("somebody leaves", left.status_code == 200, left.text)
see("and his token is good for nothing at once", me(turned["access_token"]) == 401)
again = ask("POST", "/api/v1/auth/refresh", json={"refresh_token": turned["refresh_token"]})
see("neither is what it could be traded for", again.status_code == 401, again.text)
