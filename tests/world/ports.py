"""Prints `PORT_X=n` lines with ports on 127.0.0.1 that are free right now.

They lie below the range from which the kernel takes ports for outgoing
connections: a test's own connection can never occupy one between our look and
the server's start. Two runs at once draw at random from some 12,000.
"""

import random
import socket
import sys

with open("/proc/sys/net/ipv4/ip_local_port_range") as range_file:
    first_outgoing = int(range_file.read().split()[0])

top = first_outgoing if first_outgoing > 22000 else 32768
candidates = random.sample(range(top - 12000, top), 12000)
held = []  # kept open until the end, so that no port is given twice
for name in sys.argv[1:]:
    while True:
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", candidates.pop()))
        except OSError:
            continue
        held.append(listener)
        print(f"PORT_{name}={listener.getsockname()[1]}")
        break
