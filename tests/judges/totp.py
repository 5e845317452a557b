"""Second factors, by pyotp and a reader of QR codes: an authenticator app as people use one."""

import base64
import io
import time

import pyotp
import server
import zxingcpp
from PIL import Image
from server import PASSWORD, ask, see

email, entered = server.account()
token = entered["access_token"]
wish = {"method": "totp", "current_password": PASSWORD}
begun = ask("POST", "/api/v1/auth/mfa/setup", token, json=wish)
see("an authenticator is set up", begun.status_code == 200, begun.text)
begun = begun.json()["data"]

app = pyotp.parse_uri(begun["setup_uri"])
see("pyotp reads the address", (app.digits, app.interval) == (6, 30), begun["setup_uri"])
see("its secret has 160 bits", len(base64.b32decode(app.secret)) == 20, len(app.secret))
picture = Image.open(io.BytesIO(base64.b64decode(begun["qr_code"].removeprefix("data:image/png;base64,"))))
read = [it.text for it in zxingcpp.read_barcodes(picture.convert("L"))]
see("the picture says the same", read == [begun["setup_uri"]], read)


def fresh_code():
    """A code of a step that has not been used, with time left to send it."""
    time.sleep(30 - time.time() % 30 + 0.5)
    return app.now()


def verify(**body):
    return ask("POST", "/api/v1/auth/mfa/verify", token, json=body)


shown = verify(method="totp", token=app.now())
see("its code proves it", shown.status_code == 200, shown.text)


def challenged():
    answer = ask("POST", "/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    see("the password alone lets nobody in", answer.json().get("mfa_required") is True, answer.text)
    return answer.json()["mfa_token"]


ticket = challenged()
code = fresh_code()
wrong = f"{(int(code) + 1) % 1_000_000:06}"
answer = verify(method="totp", mfa_token=ticket, token=wrong)
see("a wrong code is refused", answer.status_code == 401, answer.text)
answer = verify(method="totp", mfa_token=ticket, token=code)
see("the right one lets in", answer.status_code == 200 and "access_token" in answer.json(), answer.text)
answer = verify(method="totp", mfa_token=challenged(), token=code)
see("the same code does not again", answer.status_code == 401, answer.text)

backup = begun["backup_codes"][0]
answer = verify(method="backup_code", mfa_token=challenged(), token=backup)
see("a backup code stands in", answer.status_code == 200, answer.text)
answer = verify(method="backup_code", mfa_token=challenged(), token=backup)
see("and once only", answer.status_code == 401, answer.text)
