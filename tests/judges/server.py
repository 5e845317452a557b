"""The server that is judged, and how a judge says what it saw."""

import os
import secrets
import sys

import requests

URL = os.environ["JUDGED_URL"]
KEY = os.environ["JUDGED_KEY"]
PASSWORD = "Tr0ubadour & twelve horses"


def ask(method, path, token=None, **more):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers.update(more.pop("headers", {}))
    return requests.request(method, URL + path, headers=headers, timeout=30, **more)


def account():
    """Somebody new: his address, and what registering was answered."""
    email = f"judge-{secrets.token_hex(6)}@gmail.com"
    answer = ask("POST", "/api/v1/auth/register", json={"email": email, "password": PASSWORD, "name": "A judge"})
    see("an account is made", answer.status_code == 200, answer.text)
    return email, answer.json()


def see(what, holds, otherwise=""):
    if not holds:
        print(f"FAILED {what}: {otherwise}")
        sys.exit(1)
    print(f"ok     {what}")
