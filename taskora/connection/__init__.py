"""Reaching the server: raw connections, pools of them, and the embedded server."""
