"""A scheduler of another version, as far as its answer to a step goes.

In: a port of loopback and a version. Out: nothing; each step is taken and given that version. Never: a step that runs.
"""
import sys
import time
from concurrent import futures

import grpc

# ExecuteQueryResult { success { job_id: "j", session_id: "s" } }
ANSWER = b"\x0a\x06\x0a\x01j\x12\x01s"


class Scheduler(grpc.GenericRpcHandler):
    def service(self, details):
        def answer(_request, context):
            context.send_initial_metadata((("ballista-version", sys.argv[2]),))
            return ANSWER if details.method.endswith("/ExecuteQuery") else b""

        return grpc.unary_unary_rpc_method_handler(answer)


server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(Scheduler(),))
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
time.sleep(600)
