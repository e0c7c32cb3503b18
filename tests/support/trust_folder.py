"""A server that gives what lies in a folder as a Notary server would, and takes nothing: right or wrong.

usage: trust_folder.py CERTIFICATE KEY FOLDER     prints its port on the first line

FOLDER/GUN holds root.json, targets.json, targets/releases.json, 1.root.json and so on; ROLE.SHA256.json is ROLE.json
where its hash is that.
"""

import hashlib
import http.server
import pathlib
import re
import ssl
import sys


def main(certificate, key, folder):
    folder = pathlib.Path(folder)

    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            found = self.find()
            self.send_response(200 if found is not None else 404)
            body = found if found is not None else b'{"errors":[{"code":"METADATA_NOT_FOUND","message":"none"}]}'
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def find(self):
            if self.path == "/v2/":
                return b"{}"
            wanted = re.fullmatch(r"/v2/(.+)/_trust/tuf/(.+?)(?:\.([0-9a-f]{64}))?\.json", self.path)
            if wanted is None:
                return None
            gun, role, digest = wanted.groups()
            path = folder / gun / f"{role}.json"
            body = path.read_bytes() if path.is_file() else None
            if body is not None and digest not in (None, hashlib.sha256(body).hexdigest()):
                return None
            return body

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
