"""A capture for namespaces where tcpdump cannot change its user: raw frames of an interface into a file.

python capture.py INTERFACE FILE
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

ETH_P_ALL = 3

if __name__ == "__main__":
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as tap:
        tap.bind((sys.argv[1], 0))
        with Path(sys.argv[2]).open(
            "wb", buffering=0
        ) as capture:  # there from now on: the capture is running
            while True:
                capture.write(tap.recv(65536))
