"""Signing in by OpenID Connect, by oidc-provider: its own pages, as a browser goes through them."""

import html
import os
import re
import subprocess
import urllib.parse

import requests
import server
from server import URL, ask, see

CALLBACK = URL + "/api/v1/auth/oauth/oidc/callback"
port = os.environ["JUDGED_ISSUER_PORT"]
node = os.environ["JUDGED_NODE"]
issuer = subprocess.Popen(["node", node + "/provider.mjs", port, CALLBACK], stdout=subprocess.PIPE, text=True)
see("the issuer listens", issuer.stdout.readline().strip() == f"http://127.0.0.1:{port}")


class Browser(requests.Session):
    """Keeps secure cookies of the very machine without TLS, as browsers do."""

    def request(self, *arguments, **more):
        answer = super().request(*arguments, **more)
        for cookie in self.cookies:
            cookie.secure = False
        return answer


def begin(browser):
    begun = browser.get(URL + "/api/v1/auth/oauth/oidc", timeout=30)
    see("the way begins", begun.status_code == 200, begun.text)
    there = begun.json().get("data", begun.json())["authorization_url"]
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(there).query)
    see("with PKCE, state and nonce", asked["code_challenge_method"] == ["S256"] and "state" in asked and "nonce" in asked, there)
    return there


def agree(browser, there, name):
    """Goes through the issuer's pages; answers where they lead back to."""
    page = browser.get(there, timeout=30, allow_redirects=False)
    for _ in range(12):
        if page.is_redirect:
            following = urllib.parse.urljoin(page.url, page.headers["location"])
            if following.startswith(CALLBACK):
                return following
            page = browser.get(following, timeout=30, allow_redirects=False)
            continue
        action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        see("the issuer shows a page", page.status_code == 200 and action, page.text[:500])
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        if "prompt" in fields and fields["prompt"] == "login":
            fields |= {"login": name, "password": "any"}
        page = browser.post(
            urllib.parse.urljoin(page.url, html.unescape(action.group(1))), data=fields, timeout=30, allow_redirects=False
        )
    see("the issuer comes to an end", False, page.text[:500])


def returned(address):
    """What the issuer sent somebody back with."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))


def with_query(query):
    return CALLBACK + "?" + urllib.parse.urlencode(query)


def back(browser, address):
    return browser.get(address, timeout=30, allow_redirects=False)


def entered(answer):
    sent_on = answer.status_code == 303 and "error" not in answer.headers["location"]
    see("the browser is let in and sent on", sent_on, answer.headers)


def refused(what, answer):
    there = answer.headers.get("location", "")
    told = answer.status_code >= 400 or "error=" in there
    cookies = any("palimpsest_access" in it for it in answer.headers.get("set-cookie", "").split(","))
    see(f"refused: {what}", told and not cookies, f"{answer.status_code} {there} {answer.text[:300]}")


try:
    ids = []
    for _ in range(2):
        browser = Browser()
        answer = back(browser, agree(browser, begin(browser), "ana"))
        entered(answer)
        see("without a token in the address", "token" not in answer.headers["location"], answer.headers["location"])
        me = browser.get(URL + "/api/v1/auth/me", timeout=30)
        see("and is somebody by its cookies", me.status_code == 200, me.text)
        user = me.json()["data"]["user"]
        see("with the address the issuer told", user["email"] == "ana@gmail.com", user)
        ids.append(user["id"])
    see("the same the second time", ids[0] == ids[1], ids)

    browser = Browser()
    address = agree(browser, begin(browser), "ben")
    refused("another browser with the same code", back(Browser(), address))
    entered(back(browser, address))
    refused("the code once more", back(browser, address))

    browser = Browser()
    address = agree(browser, begin(browser), "cora")
    refused("another state", back(browser, with_query({**returned(address), "state": "x" * 43})))
    browser = Browser()
    address = agree(browser, begin(browser), "cora")
    refused("another issuer's name", back(browser, with_query({**returned(address), "iss": "https://evil.example"})))
    browser, another = Browser(), Browser()
    theirs = returned(agree(another, begin(another), "dan"))
    own = returned(agree(browser, begin(browser), "eve"))
    refused("somebody else's code", back(browser, with_query({**own, "code": theirs["code"]})))
    browser = Browser()
    refused("an address nobody verified", back(browser, agree(browser, begin(browser), "unverified-fay")))

    email, _ = server.account()
    local = email.split("@")[0]
    browser = Browser()
    refused("an address that somebody has here", back(browser, agree(browser, begin(browser), local)))
finally:
    issuer.kill()
