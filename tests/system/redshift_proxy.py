"""
PostgreSQL as Redshift's driver wants it: without the settings and with the version that only Redshift has.

The driver is real, and so is the database behind it; what only Redshift does is not there.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from contextlib import closing, contextmanager

KEPT = ("user", "database", "application_name", "client_encoding")


@contextmanager
def redshift(host, port):
    """Run a proxy before PostgreSQL; give its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_accept, args=(server, host, port), daemon=True).start()
        yield server.getsockname()[1]


def _accept(server, host, port):
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # closed
            return
        database = socket.create_connection((host, port))
        [size] = struct.unpack("!i", client.recv(4, socket.MSG_WAITALL))
        startup = client.recv(size - 4, socket.MSG_WAITALL)
        words = startup[4:].split(b"\0")
        settings = {name: value for name, value in zip(words[::2], words[1::2], strict=False) if name.decode() in KEPT}
        body = startup[:4] + b"".join(name + b"\0" + value + b"\0" for name, value in settings.items()) + b"\0"
        database.sendall(struct.pack("!i", len(body) + 4) + body)
        threading.Thread(target=_pump, args=(client, database), daemon=True).start()
        threading.Thread(target=_pump, args=(database, client), daemon=True).start()


def _pump(source, target):
    with closing(source), closing(target):
        first = True
        while True:
            try:
                data = source.recv(1 << 16)
                if not data:
                    return
                if first:  # the version is among what the server says first
                    data = re.sub(rb"(?<=server_version\0)[^\0]+", lambda match: b"8.0.2".ljust(len(match[0])), data)
                target.sendall(data)
            except OSError:
                return
            first = first and b"server_version" not in data
