"""An object store that misbehaves: a proxy on loopback in front of one that does not.

In: a mode, a port of its own (0 picks one) and the port of the store. Out: its own port as the first line on stdout, then answers.
Never: a request that leaves this machine.

deny          every request is refused as one with wrong credentials
no-create     a put with `If-None-Match` is refused as not implemented
deaf-create   the condition of a put is dropped, as by stores that never heard of it
slow          every put takes a third of a second longer
fail          every 7th put is refused with 503 before it reaches the store
lost          every 5th put reaches the store, and its answer does not come back
"""

import http.client
import itertools
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}
mode, port, upstream = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
puts = itertools.count(1)
lock = threading.Lock()


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def refuse(self, status, code):
        body = f"<Error><Code>{code}</Code></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def pass_on(self):
        body = self.body()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        is_put = self.command == "PUT"
        if mode == "deny":
            return self.refuse(403, "InvalidAccessKeyId")
        if is_put and mode == "no-create" and "If-None-Match" in self.headers:
            return self.refuse(501, "NotImplemented")
        if mode == "deaf-create":
            headers = {name: value for name, value in headers.items() if name.lower() != "if-none-match"}
        with lock:
            number = next(puts) if is_put else 0
        if is_put and mode == "slow":
            time.sleep(0.3)
        if number and mode == "fail" and number % 7 == 0:
            return self.refuse(503, "SlowDown")
        store = http.client.HTTPConnection("127.0.0.1", upstream)
        store.request(self.command, self.path, body, headers)
        answer = store.getresponse()
        content = answer.read()
        if number and mode == "lost" and number % 5 == 0:
            self.close_connection = True
            self.connection.close()
            return None
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"server", "date"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        return None

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on


server = ThreadingHTTPServer(("127.0.0.1", port), Proxy)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
