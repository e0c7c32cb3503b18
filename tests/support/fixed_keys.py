"""A server that stores nothing yet and always answers with the same key, as a Notary server with a key database does.

usage: fixed_keys.py CERTIFICATE KEY PUBLIC     prints its port on the first line
"""

import http.server
import json
import ssl
import sys


def main(certificate, key, public):
    found = {"keytype": "ed25519", "keyval": {"private": None, "public": public}}
    absent = {"errors": [{"code": "METADATA_NOT_FOUND", "message": "You have requested metadata that does not exist."}]}

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, answer = (200, found) if self.path.endswith(".key") else (404, absent)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
