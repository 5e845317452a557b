"""Passkeys, by Chromium: its WebAuthn and its own JSON of it, with an authenticator it makes up."""

import json
import shutil

import server
from selenium import webdriver
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from server import PASSWORD, URL, ask, see

# What a front end writes, too: options and credentials are JSON on both ways (WebAuthn level 3, section 5.1).
MAKE = """
const options = PublicKeyCredential.parseCreationOptionsFromJSON(arguments[0].publicKey);
navigator.credentials.create({ publicKey: options })
  .then((it) => arguments[1](JSON.stringify(it.toJSON())), (it) => arguments[1]('no: ' + it));
"""
SHOW = """
const options = PublicKeyCredential.parseRequestOptionsFromJSON(arguments[0].publicKey);
navigator.credentials.get({ publicKey: options })
  .then((it) => arguments[1](JSON.stringify(it.toJSON())), (it) => arguments[1]('no: ' + it));
"""


def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    quiet = ["background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage"]
    for argument in ["headless=new", "no-sandbox", "no-first-run", *(f"disable-{it}" for it in quiet)]:
        options.add_argument("--" + argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def in_browser(script, options):
    answer = browser.execute_async_script(script, options)
    see("the browser takes the options", not answer.startswith("no: "), f"{answer} {options}")
    return json.loads(answer)


def options_of(answer):
    see("a challenge is given", answer.status_code == 200, answer.text)
    return answer.json()["data"]["options"]


def come_in():
    begun = ask("POST", "/api/v1/auth/passkeys/authenticate/begin")
    credential = in_browser(SHOW, options_of(begun))
    body = {"passkey_token": begun.json()["data"]["passkey_token"], "credential": credential}
    return body, ask("POST", "/api/v1/auth/passkeys/authenticate/finish", json=body)


browser = chromium()
try:
    browser.get(URL + "/health/ready")
    authenticator = VirtualAuthenticatorOptions()
    authenticator.has_resident_key = True
    authenticator.has_user_verification = True
    authenticator.is_user_verified = True
    browser.add_virtual_authenticator(authenticator)

    email, entered = server.account()
    token = entered["access_token"]
    wish = {"current_password": PASSWORD}
    begun = ask("POST", "/api/v1/auth/passkeys/register/begin", token, json=wish)
    credential = in_browser(MAKE, options_of(begun))
    new = {"name": "Chromium's", "credential": credential}
    made = ask("POST", "/api/v1/auth/passkeys/register/finish", token, json=new)
    see("a passkey is made", made.status_code == 201, made.text)
    see("with backup codes", len(made.json()["data"]["backup_codes"]) == 10, made.text)
    kept = browser.get_credentials()
    see("the authenticator keeps it for this host", [it.rp_id for it in kept] == ["localhost"], [it.rp_id for it in kept])

    body, answer = come_in()
    see("it lets its owner in", answer.status_code == 200 and answer.json()["user"]["email"] == email, answer.text)
    fresh = answer.json()["access_token"]
    again = ask("POST", "/api/v1/auth/passkeys/authenticate/finish", json=body)
    see("the same answer does not again", again.status_code == 409, again.text)

    asked = ask("POST", "/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    see("the password alone lets nobody in", asked.json().get("mfa_required") is True, asked.text)
    ticket = asked.json()["mfa_token"]
    options = options_of(ask("POST", "/api/v1/auth/mfa/passkey", json={"mfa_token": ticket}))
    shown = {"mfa_token": ticket, "method": "passkey", "credential": in_browser(SHOW, options)}
    answer = ask("POST", "/api/v1/auth/mfa/verify", json=shown)
    see("with the passkey it does", answer.status_code == 200 and "access_token" in answer.json(), answer.text)

    begun = ask("POST", "/api/v1/auth/passkeys/register/begin", fresh, json={})
    answer = browser.execute_async_script(MAKE, options_of(begun))
    see("the same authenticator is not made a second passkey", answer.startswith("no: InvalidStateError"), answer)

    browser.set_user_verified(False)
    begun = ask("POST", "/api/v1/auth/passkeys/authenticate/begin")
    answer = browser.execute_async_script(SHOW, options_of(begun))
    see("whoever cannot prove to be its owner is not let in", answer.startswith("no: NotAllowedError"), answer)
    browser.set_user_verified(True)

    listed = ask("GET", "/api/v1/auth/passkeys", fresh).json()["data"]["passkeys"]
    removed = ask("DELETE", "/api/v1/auth/passkeys/" + listed[0]["id"], fresh)
    see("it is removed", removed.status_code == 200, removed.text)
    _, answer = come_in()
    see("and lets nobody in", answer.status_code == 401, answer.text)

    browser.get(URL.replace("localhost", "127.0.0.1") + "/health/ready")
    begun = ask("POST", "/api/v1/auth/passkeys/authenticate/begin")
    answer = browser.execute_async_script(SHOW, options_of(begun))
    see("at another address the browser shows none", answer.startswith("no: SecurityError"), answer)
finally:
    browser.quit()
