"""Prints the events of one CAD server, until Ctrl-C.

SONORAN_API_KEY=... python3 example.py COMMUNITY SERVER [URL]
"""

import os
import sys

import sonoran

try:
    community, server, *url = sys.argv[1:]
    key = os.environ["SONORAN_API_KEY"]
except (ValueError, KeyError):
    sys.exit("usage: SONORAN_API_KEY=... python3 example.py COMMUNITY SERVER [URL]")

options = {"url": url[0]} if url else {}
session = sonoran.connect(community_id=community, api_key=key, server_id=int(server), **options)
try:
    while session.state != "closed":
        for event in session.events(1):
            print(event, flush=True)
except KeyboardInterrupt:
    session.disconnect()
# what is left, up to SESSION_CLOSED
for event in session.events(10):
    print(event, flush=True)
