# SPDX-License-Identifier: GPL-2.0-or-later
"""A mail server on port 25: `smtp.py` keeps nothing, `smtp.py ADDRESS` relays to that server."""

import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Proxy, Sink

if __name__ == "__main__":
    handler = Proxy(sys.argv[1], 25) if len(sys.argv) > 1 else Sink()
    Controller(handler, hostname="0.0.0.0", port=25).start()
    threading.Event().wait()
