"""S3 as moto speaks it, on the loopback until stdin ends. Prints its port.

Arguments: how many objects to begin with, and the text of each, with NUMBER in it.
"""

import sys

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

count, text = int(sys.argv[1]), sys.argv[2]
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
store = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
store.create_bucket("traces", "us-east-1")
for number in range(count):
    body = text.replace("NUMBER", f"{number:05}").encode()
    store.put_object("traces", f"in/{number:05}.json", body)
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
