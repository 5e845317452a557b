"""Mail, by aiosmtpd: links to new passwords, as their readers get them."""

import email
import email.policy
import os
import queue
import re
import urllib.parse

import server
from aiosmtpd.controller import Controller
from server import PASSWORD, ask, see

came = queue.Queue()


class Sink:
    async def handle_DATA(self, _server, _session, envelope):
        came.put((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"


def read(to, about):
    """The next mail to somebody whose text says this, and the secret of its link."""
    while True:
        people, mail = came.get(timeout=20)
        text = mail.get_content()
        if people == [to] and about in text.lower():
            break
    link = re.search(r"https?://\S+", text)
    see(f"a mail about “{about}” comes, with a link", link is not None, text)
    link = urllib.parse.urlsplit(link.group())
    see("whose secret browsers send to nobody", link.query == "" and link.fragment != "", link.geturl())
    return urllib.parse.parse_qs(link.fragment)["token"][0]


sink = Controller(Sink(), hostname="127.0.0.1", port=int(os.environ["JUDGED_SMTP"]))
sink.start()
address, entered = server.account()

asked = ask("POST", "/api/v1/auth/email/send-verification", entered["access_token"])
see("a link that verifies the address is asked for", asked.status_code == 202, asked.text)
verified = ask("POST", "/api/v1/auth/email/verify", json={"token": read(address, "verif")})
see("following it verifies it", verified.status_code == 200, verified.text)

asked = ask("POST", "/api/v1/auth/password/forgot", json={"email": address})
nobody = ask("POST", "/api/v1/auth/password/forgot", json={"email": "nobody-" + address})
same = [{**it.json(), "timestamp": ""} for it in (asked, nobody)]
see("whether there is an account is not told", asked.status_code == nobody.status_code == 202 and same[0] == same[1], same)
token = read(address, "password")
new = "another " + PASSWORD
reset = {"token": token, "new_password": new}
done = ask("POST", "/api/v1/auth/password/reset", json=reset)
see("following the link sets a new password", done.status_code == 200, done.text)
again = ask("POST", "/api/v1/auth/password/reset", json=reset)
see("and once only", again.status_code in (400, 401), again.text)
see("who was in is out", ask("GET", "/api/v1/auth/me", entered["access_token"]).status_code == 401)
for password, status in ((PASSWORD, 401), (new, 200)):
    answer = ask("POST", "/api/v1/auth/login", json={"email": address, "password": password})
    see(f"the {'old' if status == 401 else 'new'} password is answered {status}", answer.status_code == status, answer.text)
people, mail = came.get(timeout=20)
see("the owner is told of the change", people == [address] and "password" in mail.get_content().lower(), mail)
sink.stop()
