# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of agreement.py: what tshark says of a capture, what Bulkhead says, and why the two differ."""
