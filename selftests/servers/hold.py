#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
hold.py ADDRESS PORT COUNT FIRST REST ANSWER

The client of real_scaling.sh.  It opens COUNT connections, sends the FIRST part
of a request on each, and says so.  When it is sent a line, it sends the REST on
all of them; each must then bring ANSWER, after HTTP's head, and end.
"""

import selectors
import socket
import sys


def connect(server, first):
    sock = socket.create_connection(server)
    sock.sendall(first)
    return sock


def read_all(socks):
    """What each of them brings until it ends."""
    answers = dict.fromkeys(socks, b"")
    ready = selectors.DefaultSelector()
    for sock in socks:
        ready.register(sock, selectors.EVENT_READ)
    while ready.get_map():
        for key, _ in ready.select():
            sock = key.fileobj
            part = sock.recv(65536)
            answers[sock] += part
            if not part:
                ready.unregister(sock)
                sock.close()
    return answers.values()


def is_good(answer, body):
    head, _, got = answer.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 200 ") and got == body


def main(address, port, count, first, rest, body):
    socks = [connect((address, int(port)), first.encode())
             for _ in range(int(count))]
    print("held", len(socks), flush=True)
    sys.stdin.readline()
    for sock in socks:
        sock.sendall(rest.encode())
    good = sum(is_good(a, body.encode()) for a in read_all(socks))
    print("answered", good, flush=True)
    return good != len(socks)


sys.exit(main(*sys.argv[1:]))
