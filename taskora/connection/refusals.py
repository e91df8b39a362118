"""What the server's error answers mean: which pass by themselves, and what to do about the others."""

from __future__ import annotations

import re

from taskora.connection.request import Command, Disconnected, ScriptCall
from taskora.errors import AdapterError

_MASTER = "give the address of its master, or of its sentinels (redis+sentinel://…), which know it"
_PASSING = {
    "BUSY": "a script has been running for too long; SCRIPT KILL on the server ends one that has written nothing",
    "LOADING": "it reads its data from disk, and answers when it is done",
    "READONLY": f"it is a replica and takes no writes; {_MASTER}",
    "MASTERDOWN": f"it is a replica that has lost its master; {_MASTER}",
    "NOREPLICAS": "fewer replicas are in step than its min-replicas-to-write asks for; it takes writes again when they "
    "are back",
    "TRYAGAIN": "it moves keys to another node",
    "CLUSTERDOWN": "its cluster does not serve all slots",
    "UNBLOCKED": "it has become a replica, or somebody ended the wait",
    "MAXCLIENTS": "raise its maxclients, or have fewer processes connect to it",
}
_CLUSTER = "it is a node of a cluster, of which a URL of one server reaches a part: use redis+cluster://host,host"
_LASTING = {
    "OOM": "it is out of memory (maxmemory): give it more, or let retention remove more; workers go on with what is "
    "stored already",
    "NOAUTH": "it wants a password: put it into the URL, redis://:PASSWORD@host",
    "WRONGPASS": "it does not know this user and password, or the user is off: see the URL and ACL LIST on the server",
    "NOPERM": "the server's access rules forbid it; docs/servers.md lists what the user of the URL needs",
    "MISCONF": "it cannot save its data to disk and refuses writes until it can: see its log, and the free space",
    "MOVED": _CLUSTER,
    "ASK": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "WRONGTYPE": "a key under our prefix holds something that is not ours; use another prefix",
    "SENTINEL": "it is a sentinel, not the server that it watches: give redis+sentinel://HOST:PORT/SERVICE",
    "UNKNOWN": "it is older than Redis 7.0 and Valkey 7.2, which are needed, or its commands are renamed",
}
# The client library strips some codes and keeps them in the name of its class.
_CLASSES = {
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
    "MaxConnectionsError": "MAXCLIENTS",
    "OutOfMemoryError": "OOM",
    "NoPermissionError": "NOPERM",
    "AuthenticationError": "WRONGPASS",
    "AuthenticationWrongNumberOfArgsError": "WRONGPASS",
}
# Some have no code of their own.
_PHRASES = {
    "max number of clients": "MAXCLIENTS",
    "authentication required": "NOAUTH",
    "unauthenticated": "NOAUTH",  # a request that is too long for strangers
    "unknown command 'get'": "SENTINEL",
    "unknown command": "UNKNOWN",
    "unknown redis command": "UNKNOWN",
    "unknown subcommand": "UNKNOWN",
    "the user executing the script": "NOPERM",
    "acl failure in script": "NOPERM",
    "invalid username-password pair": "WRONGPASS",
    "invalid password": "WRONGPASS",
    "without any password configured": "WRONGPASS",
}


# What OpenSSL says, from the particular to the general.
_TLS = {
    "certificate is not valid for": "the certificate is for other names: connect by one of those, or check no name: "
    "?ssl_check_hostname=no",
    "certificate verify failed": "name the authority that signed the server's certificate: ?ssl_ca_certs=/path/ca.pem",
    "certificate required": "the server wants a certificate of ours: ?ssl_certfile=/path/pem&ssl_keyfile=/path/key",
    "handshake failure": "the server wants a certificate of ours: ?ssl_certfile=/path/pem&ssl_keyfile=/path/key",
    "unknown ca": "the server does not know the authority that signed our certificate (ssl_certfile)",
    "wrong version number": "this port does not speak TLS: use redis:// there",
    "record layer failure": "this port does not speak TLS: use redis:// there",
}

_ENDS = ("reset by peer", "broken pipe", "closed")  # how the end of a connection is told of

_BY_HASH = re.compile(r"\.? script: [0-9a-f]{40}.*", re.DOTALL)


class NotNow(Disconnected):
    """The server is there and answered that it cannot, now: the operation may be repeated on a new connection."""


def given_up(error: Disconnected) -> AdapterError:
    """Make the error for who does not try again by itself."""
    return AdapterError(str(error) if isinstance(error, NotNow) else f"lost the connection to the server: {error}")


def distrust(text: str, server: str) -> AdapterError | None:
    """Make the error for a TLS handshake that failed and would again; None when it is none."""
    lowered = text.lower().replace("_", " ")
    remedy = next((remedy for phrase, remedy in _TLS.items() if phrase in lowered), None)
    return AdapterError(f"{server}: {text}; {remedy}") if remedy else None


def silent_end(text: str) -> str:
    """Say what it may mean that a connection without TLS ended before anything was answered; empty for other ends."""
    if any(phrase in text.lower() for phrase in _ENDS):
        return "; nothing was answered before that: if this port speaks TLS, begin the URL with rediss instead of redis"
    return ""


def refusal(error: Exception, item: Command | ScriptCall, server: str) -> Exception:
    """Turn the server's error into one of ours; a passing one into ``NotNow``."""
    text = _BY_HASH.sub("", str(error))
    kind = _kind(error, text)
    what = f"script {item.script.name}" if isinstance(item, ScriptCall) else str(item[0])
    if kind in _PASSING:
        return NotNow(f"{server} does not take {what} now: {text}; {_PASSING[kind]}")
    remedy = _LASTING.get(kind)
    return AdapterError(f"{server} refused {what}: {text}" + (f"; {remedy}" if remedy else ""))


def _kind(error: Exception, text: str) -> str:
    code = text.partition(" ")[0]
    if code in _PASSING or code in _LASTING:
        return code
    lowered = text.lower()
    by_phrase = (kind for phrase, kind in _PHRASES.items() if phrase in lowered)
    return next(by_phrase, _CLASSES.get(type(error).__name__, ""))
