"""A stand-in for a registry's token service, over TLS on loopback.

usage: token_service.py CERTIFICATE KEY SERVICE ISSUER NAME PASSWORD

CERTIFICATE and KEY (RSA) serve TLS and sign the tokens. The port is printed on the first line. Whoever knows NAME and
PASSWORD gets what they ask for; everybody else gets a token that allows nothing.
"""

import base64
import http.server
import json
import pathlib
import ssl
import sys
import time
import urllib.parse
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding


def b64url(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def main(certificate, key, service, issuer, name, password):
    private = serialization.load_pem_private_key(pathlib.Path(key).read_bytes(), None)
    leaf = x509.load_pem_x509_certificate(pathlib.Path(certificate).read_bytes())
    chain = [base64.b64encode(leaf.public_bytes(serialization.Encoding.DER)).decode()]
    known = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    def token(scopes):
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, rest = scope.split(":", 1)
            repository, actions = rest.rsplit(":", 1)
            access.append({"type": kind, "name": repository, "actions": actions.split(",")})
        claims = {"iss": issuer, "sub": name, "aud": service, "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": str(uuid.uuid4()), "access": access}
        head = {"typ": "JWT", "alg": "RS256", "x5c": chain}
        body = ".".join(b64url(json.dumps(part).encode()) for part in (head, claims))
        return body + "." + b64url(private.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
            scopes = query.get("scope", []) if self.headers.get("Authorization") == known else []
            answer = json.dumps({"token": token(scopes), "expires_in": 300}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
